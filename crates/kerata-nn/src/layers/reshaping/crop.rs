//! `crop!`: the cropping layer of a number of spatial axes.

/// Declares the cropping layer of a number of spatial axes.
macro_rules! crop {
    ($(#[$doc:meta])* $name:ident, $rank:literal $(, $data_format:ident)?) => {
        config! {
            $(#[$doc])*
            pub struct $name {
                /// What is cut off before and after each axis.
                cropping: Pads = Pads::Everywhere(1),
                $(
                    /// Where the channels are.
                    $data_format: DataFormat = DataFormat::ChannelsLast,
                )?
            }
        }

        impl Layer for $name {
            fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                #[allow(unused_mut, unused_assignments)]
                let mut first = 1;
                $(first = if self.$data_format == DataFormat::ChannelsFirst { 2 } else { 1 };)?
                let cut = |(x, axis): (Tensor, i64), [before, after]: [usize; 2]| {
                    let stop = (after > 0).then_some(-(after as i64));
                    let range = ops::Range { start: Some(before as i64), stop, step: 1 };
                    Ok((ops::slice_axis(&x, axis, range)?, axis + 1))
                };
                let amounts = self.cropping.of_rank($rank)?;
                let (output, _) = amounts.into_iter().try_fold((inputs.only()?.clone(), first), cut)?;
                Ok(vec![output])
            }
        }
    };
}

pub(super) use crop;
