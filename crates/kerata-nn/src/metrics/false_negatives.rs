//! `FalseNegatives`: positives that are missed.

use super::prelude::*;

config! {
    /// Number of positives that are missed.
    pub struct FalseNegatives {
        /// Above it a prediction is a yes; 1/2 when there is none.
        thresholds: Thresholds = Thresholds::default(),
    }
}

impl FalseNegatives {
    fn counting(&self) -> Counting {
        Counting::at(&self.thresholds, None, None)
    }
}

impl Measure for FalseNegatives {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.counting().declare(declared, &["accumulator"], None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.counting().count(state, sample, &[("accumulator", "false_negatives")])
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        only(&state.get("accumulator")?)
    }
}
