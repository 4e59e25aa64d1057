//! `HashedCrossing`: combinations of categories as numbers of buckets.

use super::encode::{Encoding, output_dtype};
use crate::layers::prelude::*;

config! {
    /// Gives each combination of categories the number of a bucket.
    pub struct HashedCrossing(
        /// Number of buckets.
        num_bins: usize,
    ) {
        /// `int` or `one_hot`.
        output_mode: String = "int".to_owned(),
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
    }
}

impl Layer for HashedCrossing {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let encoding = Encoding::of(&self.output_mode)?;
        let bins = ops::cross_hash(inputs, self.num_bins as u64)?;
        Ok(vec![encoding.apply(&bins, self.num_bins, output_dtype(scope, encoding), None)?])
    }

    fn autocast(&self) -> bool {
        false
    }
}
