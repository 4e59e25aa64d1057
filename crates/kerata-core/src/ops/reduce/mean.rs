//! `mean`: the mean over axes.

use super::reduction::prelude::*;

reduction! {
    /// The mean over axes.
    Mean, mean, "mean"
}

impl ReduceRule for Mean {
    const INTEGERS: bool = false;

    fn floats(row: impl Iterator<Item = f64> + Clone) -> f64 {
        let count = row.clone().count();
        row.sum::<f64>() / count as f64
    }

    fn gradient(g: &Gradient<'_>, axes: &[usize]) -> Result<Option<Tensor>> {
        let x = g.input(0)?;
        let grad = restore_axes(&g.grad(0)?, x, axes)?;
        let share = ops::divide(&grad, &count_of(x, axes, &grad)?)?;
        ops::broadcast_to(&share, x.sizes()).map(Some)
    }
}
