//! `CosineSimilarity`: direction of vectors.

use super::prelude::*;

config! {
    /// Minus the cosine between labels and predictions.
    pub struct CosineSimilarity {
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl LossFunction for CosineSimilarity {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = ops::l2_normalize(y_true, &[self.axis], EPSILON)?;
        let y_pred = ops::l2_normalize(y_pred, &[self.axis], EPSILON)?;
        ops::negative(&ops::sum(&ops::multiply(&y_true, &y_pred)?, &[self.axis], false)?)
    }
}
