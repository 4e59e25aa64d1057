//! `SensitivityAtSpecificity`: the best share of positives that are found where enough negatives are left out.

use super::at_least::{counting, most};
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

impl Measure for SensitivityAtSpecificity {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        counting(self.num_thresholds, self.class_id).declare(declared, &ALL, None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        counting(self.num_thresholds, self.class_id).count(state, sample, &ALL.map(|name| (name, name)))
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        let enough = share(state, "true_negatives", "false_positives")?;
        most(&share(state, "true_positives", "false_negatives")?, &enough, self.specificity)
    }
}
