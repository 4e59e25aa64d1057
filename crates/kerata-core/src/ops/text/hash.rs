//! `string_hash`: strings as numbers of buckets, the same as TensorFlow's.

use std::hash::Hasher;

use siphasher::sip::SipHasher24;

use super::strings::check;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// A hash of each string as the number (int64) of one of so many buckets: FarmHash's 64-bit fingerprint, or SipHash 2-4
    /// under a key.
    pub struct StringHash("string_hash") {
        /// How many buckets there are.
        pub buckets: u64,
        /// The key of SipHash.
        pub key: Option<(u64, u64)>,
    }
}

/// A hash of each string as the number of one of so many buckets; with a key, by SipHash.
pub fn string_hash(x: &Tensor, buckets: u64, key: Option<(u64, u64)>) -> Result<Tensor> {
    x.apply(StringHash { buckets, key })
}

impl Op for StringHash {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        check(x)?;
        if self.buckets == 0 || self.buckets > i64::MAX as u64 {
            return Err(Error::usage(format!("{} buckets", self.buckets)));
        }
        Ok(vec![x.with_dtype(DType::Int64)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let hash = |text: &Vec<u8>| match self.key {
            None => farmhash::fingerprint64(text),
            Some((first, second)) => {
                let mut hasher = SipHasher24::new_with_keys(first, second);
                hasher.write(text);
                hasher.finish()
            }
        };
        let numbers = x.as_strings()?.iter().map(|text| (hash(text) % self.buckets) as i64).collect();
        Ok(vec![Array::from_vec::<i64>(x.shape(), numbers)?])
    }
}
