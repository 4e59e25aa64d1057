//! What layers of images have in common: one image or a batch, channels first or last, ranges of values.

use crate::layers::prelude::*;

/// A function of a batch of images with their channels last, for one image or a batch with channels anywhere.
pub(super) fn images(
    x: &Tensor,
    data_format: DataFormat,
    function: impl FnOnce(&Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let is_one = match x.rank() {
        3 => true,
        4 => false,
        rank => {
            return Err(Error::mismatch(format!(
                "expected an image or a batch of images, found {rank} axes"
            )));
        }
    };
    let batch = if is_one { ops::expand_dims(x, 0)? } else { x.clone() };
    let is_first = data_format == DataFormat::ChannelsFirst;
    let batch = if is_first { ops::moveaxis(&batch, &[1], &[-1])? } else { batch };
    let result = function(&batch)?;
    let result = if is_first { ops::moveaxis(&result, &[-1], &[1])? } else { result };
    if is_one { ops::squeeze(&result, &[0]) } else { Ok(result) }
}

/// Values from one range in another.
pub(super) fn in_range(x: &Tensor, from: [f64; 2], to: [f64; 2]) -> Result<Tensor> {
    if from == to {
        return Ok(x.clone());
    }
    let unit = ops::times(&ops::plus(x, -from[0])?, 1.0 / (from[1] - from[0]))?;
    ops::plus(&ops::times(&unit, to[1] - to[0])?, to[0])
}

/// The range of 8-bit images.
pub(super) const BYTES: [f64; 2] = [0.0, 255.0];

/// A `value_range`.
pub(super) fn range_of(values: &[f64]) -> Result<[f64; 2]> {
    match values {
        [low, high] if low < high => Ok([*low, *high]),
        _ => Err(Error::corrupt("`value_range` is a lower and a higher number")),
    }
}
