//! `cross_hash`: combinations of strings and numbers as numbers of buckets, the same as TensorFlow's crosses.

use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::{Op, broadcast_shapes, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

/// Where the hash of a combination starts, unless a key is given.
const KEY: u64 = 0xDE_CAFC_AFFE;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;

op! {
    /// For elements of all inputs that stand in the same place, strings or whole numbers, the bucket (int64) of their
    /// combination.
    pub struct CrossHash("cross_hash") {
        /// How many buckets there are.
        pub buckets: u64,
    }
}

/// The bucket of each combination of elements that stand in the same place.
pub fn cross_hash(parts: &[Tensor], buckets: u64) -> Result<Tensor> {
    GraphBuilder::innermost(parts)?.add_one(CrossHash { buckets }, parts)
}

/// Two fingerprints as one.
fn joined(first: u64, second: u64) -> u64 {
    let mix = |value: u64| value ^ (value >> 47);
    let mut result = first ^ MULTIPLIER;
    result ^= mix(second.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    result = result.wrapping_mul(MULTIPLIER);
    mix(mix(result).wrapping_mul(MULTIPLIER))
}

impl Op for CrossHash {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        if self.buckets == 0 || self.buckets > i64::MAX as u64 {
            return Err(Error::usage(format!("{} buckets", self.buckets)));
        }
        if let Some(other) = inputs.iter().find(|spec| spec.dtype != DType::String && !spec.dtype.is_integer()) {
            return Err(Error::mismatch(format!("expected strings or whole numbers, found {other}")));
        }
        let shapes: Vec<&crate::Shape> = inputs.iter().map(|spec| &spec.shape).collect();
        Ok(vec![TensorSpec::new(DType::Int64, broadcast_shapes(&shapes)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let mut hashes = vec![KEY; crate::array::element_count(&shape)?];
        for input in inputs {
            let input = input.broadcast_to(&shape)?;
            let prints: Vec<u64> = match input.dtype() {
                DType::String => input.as_strings()?.iter().map(|text| farmhash::fingerprint64(text)).collect(),
                _ => input.to_i64s()?.into_iter().map(|number| number as u64).collect(),
            };
            for (hash, print) in hashes.iter_mut().zip(prints) {
                *hash = joined(*hash, print);
            }
        }
        let buckets = hashes.into_iter().map(|hash| (hash % self.buckets) as i64).collect();
        Ok(vec![Array::from_vec::<i64>(shape, buckets)?])
    }
}
