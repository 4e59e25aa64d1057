//! `min`: the smallest element over axes; NaN wins.

use super::reduction::prelude::*;

reduction! {
    /// The smallest element over axes; NaN wins.
    Min, min, "min"
}

impl ReduceRule for Min {
    fn floats(row: impl Iterator<Item = f64> + Clone) -> f64 {
        row.fold(f64::INFINITY, |best, x| if x < best || x.is_nan() { x } else { best })
    }

    fn integers(row: impl Iterator<Item = i128>) -> i128 {
        row.fold(i128::MAX, i128::min)
    }

    fn gradient(g: &Gradient<'_>, axes: &[usize]) -> Result<Option<Tensor>> {
        if axes.is_empty() {
            return g.grad(0).map(Some);
        }
        let x = g.input(0)?;
        let best = restore_axes(g.output(0)?, x, axes)?;
        // Elements that are equally good share the gradient.
        let is_best = ops::cast(&ops::equal(x, &best)?, x.dtype())?;
        let keep: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
        let share = ops::divide(&is_best, &ops::sum(&is_best, &keep, true)?)?;
        ops::multiply(&restore_axes(&g.grad(0)?, x, axes)?, &share).map(Some)
    }
}
