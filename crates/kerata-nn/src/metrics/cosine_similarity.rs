//! `CosineSimilarity`: direction of vectors.

use super::prelude::*;
use crate::losses::{self, LossFunction};

config! {
    /// Cosine between labels and predictions.
    pub struct CosineSimilarity {
        /// The axis of the vectors.
        axis: i64 = -1,
    }
}

impl Measure for CosineSimilarity {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        ops::negative(&losses::CosineSimilarity::new().axis(self.axis).call(y_true, y_pred)?)
    }
}
