//! `PrecisionAtRecall`: the best precision where the recall is high enough.

use super::at_least::{counting, measured_at_least, most};
use super::counts::ALL;
use super::prelude::*;

config! {
    /// The best precision where the recall is high enough.
    pub struct PrecisionAtRecall(
        /// How much is enough, from 0 to 1.
        recall: f64,
    ) {
        /// Number of thresholds that are tried.
        num_thresholds: usize = 200,
        /// The only class that counts.
        class_id: Option<i64> = None,
    }
}

measured_at_least! { PrecisionAtRecall: most ["true_positives", "false_positives"] where recall is ["true_positives", "false_negatives"] }
