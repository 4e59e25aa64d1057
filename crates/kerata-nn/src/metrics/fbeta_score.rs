//! `FBetaScore`: harmonic mean of precision and recall.

use super::f_score::FScore;
use super::prelude::*;

config! {
    /// Harmonic mean of precision and recall, of each class or over all.
    pub struct FBetaScore {
        /// How the scores of classes become one: `micro`, `macro`, `weighted`, or not at all.
        average: Option<String> = None,
        /// How much more recall counts than precision.
        beta: f64 = 1.0,
        /// Above it a prediction is a yes; without one the likeliest class is.
        threshold: Option<f64> = None,
    }
}

impl FBetaScore {
    fn score(&self) -> FScore<'_> {
        FScore { average: self.average.as_deref(), beta: self.beta, threshold: self.threshold }
    }
}

impl Measure for FBetaScore {
    fn build(&self, declared: &mut Declared, sample: &Sample) -> Result<()> {
        self.score().build(declared, sample)
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        self.score().update(state, sample)
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        self.score().result(state)
    }

    fn default_name(&self) -> &'static str {
        "fbeta_score"
    }
}
