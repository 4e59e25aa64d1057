//! `SparseCategoricalCrossentropy`: cross-entropy of labels that are class numbers.

use super::prelude::*;

config! {
    /// Cross-entropy of labels that are numbers of classes.
    pub struct SparseCategoricalCrossentropy {
        /// Whether the predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// Label of samples that do not count.
        ignore_class: Option<i64> = None,
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl LossFunction for SparseCategoricalCrossentropy {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let y_true = self.labels(y_true, y_pred)?;
        let counts = self.counts(&y_true)?;
        let labels = ops::cast(&y_true, DType::Int32)?;
        let (labels, y_pred) = match &counts {
            Some(counts) => (
                ops::select(counts, &labels, &ops::scalar(&labels, 0)?)?,
                ops::select(&ops::expand_dims(counts, self.axis)?, y_pred, &ops::scalar(y_pred, 0.0)?)?,
            ),
            None => (labels, y_pred.clone()),
        };
        let log = log_probabilities(&y_pred, self.from_logits, self.axis, false)?;
        let place = ops::expand_dims(&labels, self.axis)?;
        let value = ops::negative(&ops::squeeze(&ops::take_along_axis(&log, &place, self.axis)?, &[self.axis])?)?;
        match &counts {
            Some(counts) => ops::select(counts, &value, &ops::scalar(&value, 0.0)?),
            None => Ok(value),
        }
    }

    fn mask(&self, y_true: &Tensor, y_pred: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        self.counts(&self.labels(y_true, y_pred)?)
    }
}

impl SparseCategoricalCrossentropy {
    /// The labels without an axis of size 1 in the place of the classes.
    fn labels(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let axis = y_pred.spec().axis(self.axis)?;
        if y_true.rank() == y_pred.rank() && y_true.spec().size(axis) == Some(1) {
            return ops::squeeze(y_true, &[self.axis]);
        }
        Ok(y_true.clone())
    }

    /// Where labels count.
    fn counts(&self, y_true: &Tensor) -> Result<Option<Tensor>> {
        self.ignore_class.map(|class| ops::not_equal(y_true, &ops::scalar(y_true, class)?)).transpose()
    }
}
