//! `CategoricalGeneralizedCrossEntropy`: cross-entropy that bears wrong labels.

use super::prelude::*;

config! {
    /// `(1 - p^q) / q` for the probability of the labelled class.
    pub struct CategoricalGeneralizedCrossEntropy {
        /// Between cross-entropy (0) and mean absolute error (1).
        q: f64 = 0.5,
    }
}

impl LossFunction for CategoricalGeneralizedCrossEntropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let classes = y_pred.spec().known_axis(-1)?;
        let labels = ops::one_hot(&ops::cast(y_true, DType::Int32)?, classes, -1, y_pred.dtype())?;
        let chance = ops::sum(&ops::multiply(y_pred, &labels)?, &[-1], false)?;
        let power = ops::power(&chance, &ops::scalar(&chance, self.q)?)?;
        ops::times(&ops::one_minus(&power)?, 1.0 / self.q)
    }
}
