//! `prod`: the product over axes.

use super::reduction::prelude::*;

reduction! {
    /// The product over axes.
    Prod, prod, "prod"
}

impl ReduceRule for Prod {
    const WIDENS: bool = true;

    fn floats(row: impl Iterator<Item = f64> + Clone) -> f64 {
        row.product()
    }

    fn integers(row: impl Iterator<Item = i128>) -> i128 {
        row.fold(1, i128::wrapping_mul)
    }

    fn gradient(g: &Gradient<'_>, axes: &[usize]) -> Result<Option<Tensor>> {
        // Products of the elements before and after each one, so that zeros do no harm.
        let x = g.input(0)?;
        let keep: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let (rows, back) = ops::axes_to_row(x, &keep)?;
        let before = ops::cumprod_shifted(&rows, -1, false)?;
        let after = ops::cumprod_shifted(&rows, -1, true)?;
        let others = back(&ops::multiply(&before, &after)?)?;
        ops::multiply(&restore_axes(&g.grad(0)?, x, axes)?, &others).map(Some)
    }
}

/// Some axes joined into one row at the end, and the way back.
pub fn axes_to_row(x: &Tensor, axes: &[i64]) -> Result<(Tensor, impl Fn(&Tensor) -> Result<Tensor> + use<>)> {
    let axes = axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<Vec<_>>>()?;
    let order: Vec<i64> =
        (0..x.rank()).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).map(|axis| axis as i64).collect();
    let moved = ops::transpose(x, &order)?;
    let kept = x.rank() - axes.len();
    let known: Option<u64> = (kept..x.rank()).try_fold(1, |product, axis| Some(product * moved.spec().size(axis)? as u64));
    let mut sizes: Vec<ops::Size> = (0..kept).map(|axis| moved.size(axis)).collect();
    sizes.push(known.map_or(ops::Size::Infer, ops::Size::Known));
    let rows = ops::reshape(&moved, sizes)?;
    let back = move |rows: &Tensor| {
        let moved = ops::reshape(rows, moved.sizes())?;
        let mut places = vec![0; order.len()];
        for (at, &axis) in order.iter().enumerate() {
            places[axis as usize] = at as i64;
        }
        ops::transpose(&moved, &places)
    };
    Ok((rows, back))
}
