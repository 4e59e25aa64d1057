//! `MeanIoU`: overlap of labels and predictions over their union, mean of all classes.

use super::overlap::{Overlap, measured_by_overlap};
use super::prelude::*;

config! {
    /// Overlap of labels and predictions over their union, mean of all classes.
    pub struct MeanIoU(
        /// Number of classes.
        num_classes: usize,
    ) {
        /// A label that does not count.
        ignore_class: Option<i64> = None,
        /// Whether labels are numbers of classes.
        sparse_y_true: bool = true,
        /// Whether predictions are numbers of classes.
        sparse_y_pred: bool = true,
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl MeanIoU {
    fn overlap(&self) -> Overlap<'_> {
        Overlap {
            classes: self.num_classes,
            targets: None,
            ignore_class: self.ignore_class,
            axis: self.axis,
            is_sparse: [self.sparse_y_true, self.sparse_y_pred],
        }
    }
}

measured_by_overlap! { MeanIoU }
