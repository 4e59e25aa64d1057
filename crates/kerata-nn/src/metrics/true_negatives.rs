//! `TrueNegatives`: negatives that are left out.

use super::prelude::*;

config! {
    /// Number of negatives that are left out.
    pub struct TrueNegatives {
        /// Above it a prediction is a yes; 1/2 when there is none.
        thresholds: Thresholds = Thresholds::default(),
    }
}

impl TrueNegatives {
    fn counting(&self) -> Counting {
        Counting::at(&self.thresholds, None, None)
    }
}

impl Measure for TrueNegatives {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.counting().declare(declared, &["accumulator"], None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.counting().count(state, sample, &[("accumulator", "true_negatives")])
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        only(&state.get("accumulator")?)
    }
}
