//! `FalsePositives`: negatives that are taken for positives.

use super::prelude::*;

config! {
    /// Number of negatives that are taken for positives.
    pub struct FalsePositives {
        /// Above it a prediction is a yes; 1/2 when there is none.
        thresholds: Thresholds = Thresholds::default(),
    }
}

impl FalsePositives {
    fn counting(&self) -> Counting {
        Counting::at(&self.thresholds, None, None)
    }
}

impl Measure for FalsePositives {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.counting().declare(declared, &["accumulator"], None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.counting().count(state, sample, &[("accumulator", "false_positives")])
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        only(&state.get("accumulator")?)
    }
}
