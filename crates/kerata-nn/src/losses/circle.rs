//! `Circle`: distances inside and between classes of embeddings.

use super::prelude::*;

config! {
    /// Similar embeddings for equal labels, different ones for others; embeddings are L2-normalized.
    pub struct Circle {
        /// How sharply distances count.
        gamma: f64 = 80.0,
        /// The distance to keep.
        margin: f64 = 0.4,
        /// Whether a sample is not compared with itself.
        remove_diagonal: bool = true,
    }
}

impl LossFunction for Circle {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let labels = ops::cast(y_true, DType::Int32)?;
        let labels = if labels.rank() > 1 { ops::squeeze(&labels, &[-1])? } else { labels };
        let column = ops::expand_dims(&labels, 1)?;
        let row = ops::expand_dims(&labels, 0)?;
        let mut same = ops::equal(&column, &row)?;
        let different = ops::logical_not(&same)?;
        if self.remove_diagonal {
            let diagonal = ops::eye(y_pred.builder(), y_pred.size(0), y_pred.size(0), 0, DType::Bool)?;
            same = ops::logical_and(&same, &ops::logical_not(&diagonal)?)?;
        }
        let distance = ops::relu(&ops::one_minus(&ops::matmul(y_pred, &ops::transpose(y_pred, &[1, 0])?)?)?)?;
        let weigh = |mask: &Tensor, weight: &Tensor, from: f64, sign: f64| {
            let weight = ops::relu(&ops::multiply(weight, &ops::cast(mask, weight.dtype())?)?)?;
            let rest = ops::subtract(&ops::scalar(&distance, from)?, &distance)?;
            let values = ops::times(&ops::multiply(&weight, &rest)?, sign * self.gamma)?;
            let values = ops::select(mask, &values, &ops::scalar(&values, f64::NEG_INFINITY)?)?;
            ops::logsumexp(&values, &[1], false)
        };
        let near = weigh(&same, &ops::plus(&distance, self.margin)?, self.margin, -1.0)?;
        let far = ops::subtract(&ops::scalar(&distance, 1.0 + self.margin)?, &distance)?;
        let far = weigh(&different, &far, 1.0 - self.margin, 1.0)?;
        ops::softplus(&ops::add(&near, &far)?)
    }

    fn mask(&self, _: &Tensor, _: &Tensor, values: &Tensor) -> Result<Option<Tensor>> {
        ops::greater(values, &ops::scalar(values, 0.0)?).map(Some)
    }
}
