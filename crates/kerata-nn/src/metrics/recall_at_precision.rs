//! `RecallAtPrecision`: the best recall where the precision is high enough.

use super::at_least::{counting, measured_at_least, most};
use super::counts::ALL;
use super::prelude::*;

config! {
    /// The best recall where the precision is high enough.
    pub struct RecallAtPrecision(
        /// How much is enough, from 0 to 1.
        precision: f64,
    ) {
        /// Number of thresholds that are tried.
        num_thresholds: usize = 200,
        /// The only class that counts.
        class_id: Option<i64> = None,
    }
}

measured_at_least! { RecallAtPrecision: most ["true_positives", "false_negatives"] where precision is ["true_positives", "false_positives"] }
