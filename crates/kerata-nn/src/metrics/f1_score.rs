//! `F1Score`: harmonic mean of precision and recall.

use super::f_score::FScore;
use super::prelude::*;

config! {
    /// Harmonic mean of precision and recall, of each class or over all.
    pub struct F1Score {
        /// How the scores of classes become one: `micro`, `macro`, `weighted`, or not at all.
        average: Option<String> = None,
        /// Above it a prediction is a yes; without one the likeliest class is.
        threshold: Option<f64> = None,
    }
}

impl F1Score {
    fn score(&self) -> FScore<'_> {
        FScore { average: self.average.as_deref(), beta: 1.0, threshold: self.threshold }
    }
}

impl Measure for F1Score {
    fn build(&self, declared: &mut Declared, sample: &Sample) -> Result<()> {
        self.score().build(declared, sample)
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.score().update(state, sample)
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        self.score().result(state)
    }
}
