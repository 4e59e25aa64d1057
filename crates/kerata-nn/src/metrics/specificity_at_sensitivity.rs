//! `SpecificityAtSensitivity`: the best share of negatives that are left out where enough positives are found.

use super::at_least::{counting, most};
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

impl Measure for SpecificityAtSensitivity {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        counting(self.num_thresholds, self.class_id).declare(declared, &ALL, None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        counting(self.num_thresholds, self.class_id).count(state, sample, &ALL.map(|name| (name, name)))
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        let enough = share(state, "true_positives", "false_negatives")?;
        most(&share(state, "true_negatives", "false_positives")?, &enough, self.sensitivity)
    }
}
