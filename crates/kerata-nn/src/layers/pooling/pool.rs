//! `pool!`: the pooling layer of a function and a number of spatial axes.

/// Declares the pooling layer of a function and a number of spatial axes.
macro_rules! pool {
    ($(#[$doc:meta])* $name:ident, $rank:literal, $function:path) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// Sizes of the windows.
                pool_size: Sizes = Sizes::from([2; $rank]),
                /// What lies around the input.
                padding: Padding = Padding::Valid,
                /// Distances between windows; those of windows side by side when there are none.
                strides: Option<Sizes> = None,
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let spatial = Spatial { rank: $rank, data_format: self.data_format };
                let sizes = self.pool_size.of_rank($rank)?;
                let strides = match &self.strides {
                    Some(strides) => strides.of_rank($rank)?,
                    None => sizes.clone(),
                };
                let padding = match self.padding {
                    Padding::Same => ops::Padding::Same,
                    _ => ops::Padding::Valid,
                };
                let x = spatial.enter(inputs.only()?)?;
                Ok(vec![spatial.leave(&$function(&x, &sizes, &strides, padding)?)?])
            }
        }
    };
}

pub(super) use pool;
