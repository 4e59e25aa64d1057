//! `Discretization`: numbers by the bins they fall into.

use super::encode::{Encoding, output_dtype};
use crate::layers::prelude::*;

config! {
    /// Gives for each number the bin it falls into.
    pub struct Discretization {
        /// Where one bin ends and the next begins.
        bin_boundaries: Option<Vec<f64>> = None,
        /// Number of bins, when the boundaries are to be learned.
        num_bins: Option<usize> = None,
        /// How exact the boundaries are learned.
        epsilon: f64 = 0.01,
        /// `int`, `one_hot`, `multi_hot` or `count`.
        output_mode: String = "int".to_owned(),
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
    }
}

impl Layer for Discretization {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let boundaries = self.bin_boundaries.as_ref().ok_or_else(|| {
            Error::unsupported("the boundaries of the bins are not learned yet").hint("save the model after `adapt`")
        })?;
        let depth = boundaries.len() + 1;
        let bins = ops::digitize(inputs.only()?, boundaries)?;
        let encoding = Encoding::of(&self.output_mode)?;
        Ok(vec![encoding.apply(&bins, depth, output_dtype(scope, encoding), None)?])
    }

    fn autocast(&self) -> bool {
        false
    }
}
