//! `adaptive!`: the layer that pools to a size, with windows as even as they can be.

use crate::layers::prelude::*;

/// Start and end of each window when an axis is pooled to a size.
fn windows(size: usize, count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).map(move |index| (index * size / count, ((index + 1) * size).div_ceil(count)))
}

/// Pools the spatial axes of a tensor with its channels last, one after the other, with a function of axes.
pub(super) fn pool(
    x: &Tensor,
    sizes: &[usize],
    function: fn(&Tensor, &[i64], bool) -> Result<Tensor>,
) -> Result<Tensor> {
    sizes.iter().enumerate().try_fold(x.clone(), |x, (position, count)| {
        let axis = position as i64 + 1;
        let size = x.spec().known_axis(axis)?;
        let pieces = windows(size, *count)
            .map(|(start, end)| {
                let window = ops::slice_axis(&x, axis, ops::Range::new(start as i64, end as i64))?;
                function(&window, &[axis], true)
            })
            .collect::<Result<Vec<_>>>()?;
        ops::concatenate(&pieces, axis)
    })
}

/// Declares the layer that pools a number of spatial axes to a size.
macro_rules! adaptive {
    ($(#[$doc:meta])* $name:ident, $rank:literal, $function:path) => {
        config! {
            $(#[$doc])*
            pub struct $name(
                /// Sizes of the result.
                output_size: Sizes,
            ) {
                /// Where the channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
                let spatial = Spatial { rank: $rank, data_format: self.data_format };
                let x = spatial.enter(inputs.only()?)?;
                let output = pool(&x, &self.output_size.of_rank($rank)?, $function)?;
                Ok(vec![spatial.leave(&output)?])
            }
        }
    };
}

pub(super) use adaptive;
