//! `SensitivityAtSpecificity`: the best share of positives that are found where enough negatives are left out.

use super::at_least::{counting, measured_at_least, most};
use super::counts::ALL;
use super::prelude::*;

config! {
    /// The best share of positives that are found where enough negatives are left out.
    pub struct SensitivityAtSpecificity(
        /// How much is enough, from 0 to 1.
        specificity: f64,
    ) {
        /// Number of thresholds that are tried.
        num_thresholds: usize = 200,
        /// The only class that counts.
        class_id: Option<i64> = None,
    }
}

measured_at_least! { SensitivityAtSpecificity: most ["true_positives", "false_negatives"] where specificity is ["true_negatives", "false_positives"] }
