//! `spatial!`: the layer that drops whole channels of so many spatial axes.

/// Declares the layer that drops whole channels of so many spatial axes.
macro_rules! spatial {
    ($(#[$doc:meta])* $name:ident, $rank:literal $(, $data_format:ident)?) => {
        config! {
            $(#[$doc])*
            pub struct $name(
                /// The share that is dropped.
                rate: f64,
            ) {
                /// Start of the random numbers.
                seed: Seed = Seed::none(),
                $(
                    /// Where the channels are.
                    $data_format: DataFormat = DataFormat::ChannelsLast,
                )?
            }
        }

        impl Layer for $name {
            fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
                if self.rate > 0.0 { scope.seed("seed_generator", &self.seed) } else { Ok(()) }
            }

            fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let x = inputs.only()?;
                if !scope.training() || self.rate == 0.0 {
                    return Ok(vec![x.clone()]);
                }
                #[allow(unused_mut, unused_assignments)]
                let mut channels = x.rank() - 1;
                $(channels = if self.$data_format == DataFormat::ChannelsFirst { 1 } else { channels };)?
                let sizes: Vec<ops::Size> = (0..x.rank())
                    .map(|axis| if axis == 0 || axis == channels { x.size(axis) } else { ops::Size::Known(1) })
                    .collect();
                Ok(vec![drop_out(x, self.rate, &sizes, &scope.next_seed("seed_generator")?)?])
            }

            fn supports_masking(&self) -> bool {
                true
            }

            fn base_keys(&self) -> &'static [&'static str] {
                &["name", "dtype"]
            }
        }
    };
}

pub(super) use spatial;
