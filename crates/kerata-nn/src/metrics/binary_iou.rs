//! `BinaryIoU`: overlap of labels of 0 and 1 and what is predicted over their union.

use super::overlap::Overlap;
use super::prelude::*;

config! {
    /// Overlap of labels of 0 and 1 and what is predicted over their union.
    pub struct BinaryIoU {
        /// The classes that count.
        target_class_ids: Vec<i64> = vec![0, 1],
        /// From it on a prediction is a 1.
        threshold: f64 = 0.5,
    }
}

impl BinaryIoU {
    fn overlap(&self) -> Overlap<'_> {
        Overlap {
            classes: 2,
            targets: Some(&self.target_class_ids),
            ignore_class: None,
            axis: -1,
            is_sparse: [true, true],
        }
    }
}

impl Measure for BinaryIoU {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.overlap().build(declared);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let threshold = ops::scalar(&sample.y_pred, self.threshold)?;
        let y_pred = ops::greater_equal(&sample.y_pred, &threshold)?;
        self.overlap().update(state, &sample.y_true, &y_pred, sample)
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        self.overlap().result(state)
    }
}
