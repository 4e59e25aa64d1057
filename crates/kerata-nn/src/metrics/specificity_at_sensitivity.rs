//! `SpecificityAtSensitivity`: the best share of negatives that are left out where enough positives are found.

use super::at_least::{counting, measured_at_least, most};
use super::counts::ALL;
use super::prelude::*;

config! {
    /// The best share of negatives that are left out where enough positives are found.
    pub struct SpecificityAtSensitivity(
        /// How much is enough, from 0 to 1.
        sensitivity: f64,
    ) {
        /// Number of thresholds that are tried.
        num_thresholds: usize = 200,
        /// The only class that counts.
        class_id: Option<i64> = None,
    }
}

measured_at_least! { SpecificityAtSensitivity: most ["true_negatives", "false_positives"] where sensitivity is ["true_positives", "false_negatives"] }
