//! `TruePositives`: positives that are found.

use super::prelude::*;

config! {
    /// Number of positives that are found.
    pub struct TruePositives {
        /// Above it a prediction is a yes; 1/2 when there is none.
        thresholds: Thresholds = Thresholds::default(),
    }
}

impl TruePositives {
    fn counting(&self) -> Counting {
        Counting::at(&self.thresholds, None, None)
    }
}

impl Measure for TruePositives {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.counting().declare(declared, &["accumulator"], None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.counting().count(state, sample, &[("accumulator", "true_positives")])
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        only(&state.get("accumulator")?)
    }
}
