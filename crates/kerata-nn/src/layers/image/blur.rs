//! Blurring with a bell curve whose width is known only when it runs.

use crate::layers::prelude::*;

/// Images blurred down and across: for each the radius in whole pixels, beyond which nothing counts, and the width of the
/// curve. `farthest` is the largest radius that can come. Beyond the edges there are zeros.
pub(super) fn blur(
    x: &Tensor,
    down: (Tensor, Tensor),
    across: (Tensor, Tensor),
    farthest: usize,
) -> Result<Tensor> {
    let rows = matrix(x, x.spec().known_axis(1)?, down, farthest)?;
    let columns = matrix(x, x.spec().known_axis(2)?, across, farthest)?;
    let channels_first = ops::transpose(x, &[0, 3, 1, 2])?;
    let blurred = ops::matmul(&ops::matmul(&rows, &channels_first)?, &columns)?;
    ops::transpose(&blurred, &[0, 2, 3, 1])
}

/// How much each place of an axis gives to each other one: symmetric.
fn matrix(x: &Tensor, size: usize, (radius, sigma): (Tensor, Tensor), farthest: usize) -> Result<Tensor> {
    let curve = |distance: &Tensor| {
        let scaled = ops::square(&ops::divide(distance, &sigma)?)?;
        let value = ops::exp(&ops::times(&scaled, -0.5)?)?;
        let is_near = ops::less_equal(&ops::absolute(distance)?, &radius)?;
        ops::select(&is_near, &value, &ops::zeros_like(&value)?)
    };
    let reach = farthest as f64;
    let all = ops::arange(x.builder(), -reach, reach + 1.0, 1.0, x.dtype())?;
    let whole = ops::sum(&curve(&all)?, &[], false)?;
    let places = ops::iota(x.builder(), size, x.dtype())?;
    let distance = ops::subtract(&ops::expand_dims(&places, 1)?, &ops::expand_dims(&places, 0)?)?;
    ops::divide(&curve(&distance)?, &whole)
}
