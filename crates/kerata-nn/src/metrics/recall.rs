//! `Recall`: share of the positives that are found.

use super::prelude::*;

config! {
    /// The share of the positives that are found.
    pub struct Recall {
        /// Above it a prediction is a yes; 1/2 when there is none.
        thresholds: Thresholds = Thresholds::default(),
        /// Only so many of the likeliest classes are positive.
        top_k: Option<usize> = None,
        /// The only class that counts.
        class_id: Option<i64> = None,
    }
}

impl Recall {
    fn counting(&self) -> Counting {
        Counting::at(&self.thresholds, self.top_k, self.class_id)
    }
}

impl Measure for Recall {
    fn build(&self, declared: &mut Declared, _: &Sample) -> Result<()> {
        self.counting().declare(declared, &["true_positives", "false_negatives"], None);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let kept = ["true_positives", "false_negatives"].map(|name| (name, name));
        self.counting().count(state, sample, &kept)
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        only(&share(state, "true_positives", "false_negatives")?)
    }
}
