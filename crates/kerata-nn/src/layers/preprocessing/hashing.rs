//! `Hashing`: strings and whole numbers as numbers of buckets.

use super::encode::{Encoding, output_dtype};
use super::vocabulary::salt;
use crate::config::array;
use crate::layers::prelude::*;

config! {
    /// Gives strings and whole numbers the number of a bucket by their hash.
    pub struct Hashing(
        /// Number of buckets.
        num_bins: usize,
    ) {
        /// The key of the hash: SipHash with a key, FarmHash without.
        salt: Tree = Tree::Null,
        /// The value that gets the first bucket for itself.
        mask_value: Tree = Tree::Null,
        /// `int`, `one_hot`, `multi_hot` or `count`.
        output_mode: String = "int".to_owned(),
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
    }
}

impl Hashing {
    fn bins(&self, x: &Tensor) -> Result<Tensor> {
        let has_mask = !self.mask_value.is_null() && self.num_bins > 1;
        let buckets = self.num_bins - usize::from(has_mask);
        // Floats are cut to whole numbers.
        let whole = if x.dtype().is_float() { ops::cast(x, DType::Int64)? } else { x.clone() };
        let bins = ops::string_hash(&ops::as_string(&whole)?, buckets as u64, salt(&self.salt)?)?;
        if !has_mask {
            return Ok(bins);
        }
        let mask = array(&self.mask_value)?;
        let is_mask = match x.dtype() {
            dtype if dtype.is_float() => ops::equal(x, &x.builder().constant(mask.cast(dtype)?))?,
            dtype => {
                let mask = if dtype == DType::String { mask } else { mask.cast(dtype)? };
                let constant = |number: i64| kerata_core::array::Array::scalar(number);
                let found = ops::lookup(
                    x,
                    &x.builder().constant(mask.reshape([1])?),
                    &x.builder().constant(constant(1).reshape([1])?),
                    &x.builder().constant(constant(0)),
                )?;
                ops::cast(&found, DType::Bool)?
            }
        };
        ops::select(&is_mask, &ops::zeros_like(&bins)?, &ops::plus(&bins, 1)?)
    }
}

impl Layer for Hashing {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let encoding = Encoding::of(&self.output_mode)?;
        let bins = self.bins(inputs.only()?)?;
        Ok(vec![encoding.apply(&bins, self.num_bins, output_dtype(scope, encoding), None)?])
    }

    fn autocast(&self) -> bool {
        false
    }
}
