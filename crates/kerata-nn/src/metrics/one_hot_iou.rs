//! `OneHotIoU`: overlap of one-hot labels and predicted classes over their union.

use super::overlap::{Overlap, measured_by_overlap};
use super::prelude::*;

config! {
    /// Overlap of one-hot labels and predicted classes over their union.
    pub struct OneHotIoU(
        /// Number of classes.
        num_classes: usize,
        /// The classes that count.
        target_class_ids: Vec<i64>,
    ) {
        /// A label that does not count.
        ignore_class: Option<i64> = None,
        /// Whether predictions are numbers of classes.
        sparse_y_pred: bool = false,
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl OneHotIoU {
    fn overlap(&self) -> Overlap<'_> {
        Overlap {
            classes: self.num_classes,
            targets: Some(&self.target_class_ids),
            ignore_class: self.ignore_class,
            axis: self.axis,
            is_sparse: [false, self.sparse_y_pred],
        }
    }
}

measured_by_overlap! { OneHotIoU }
