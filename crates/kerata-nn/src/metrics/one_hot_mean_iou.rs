//! `OneHotMeanIoU`: overlap of one-hot labels and predictions over their union, mean of all classes.

use super::overlap::{Overlap, measured_by_overlap};
use super::prelude::*;

config! {
    /// Overlap of one-hot labels and predictions over their union, mean of all classes.
    pub struct OneHotMeanIoU(
        /// Number of classes.
        num_classes: usize,
    ) {
        /// A label that does not count.
        ignore_class: Option<i64> = None,
        /// Whether predictions are numbers of classes.
        sparse_y_pred: bool = false,
        /// The axis of the classes.
        axis: i64 = -1,
    }
}

impl OneHotMeanIoU {
    fn overlap(&self) -> Overlap<'_> {
        Overlap {
            classes: self.num_classes,
            targets: None,
            ignore_class: self.ignore_class,
            axis: self.axis,
            is_sparse: [false, self.sparse_y_pred],
        }
    }
}

measured_by_overlap! { OneHotMeanIoU }
