//! `random_permutation`: the places of an axis in an order that follows from a seed, as TensorFlow and JAX shuffle.

use super::generator::Generator;
use super::philox::Philox;
use super::random::fill;
use super::threefry::block;
use crate::array::Array;
use crate::graph::{GraphBuilder, Tensor, TensorSpec};
use crate::ops::size::{Dim, Size, dims, shape_of_dims};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// The whole numbers from 0 (int32) in an order that follows from the first input, a seed of two whole numbers; a second
    /// input only lends the size of an axis (the inputs are numbered with the seed as 0).
    pub struct RandomPermutation("random_permutation") {
        /// Whose order.
        pub generator: Generator,
        /// How many, the size of the only axis.
        pub dims: Vec<Dim>,
    }
}

/// The whole numbers from 0 to below `size`, as int32, in an order that follows from a seed.
pub fn random_permutation(seed: &Tensor, size: impl Into<Size>) -> Result<Tensor> {
    let generator = seed.builder().generator();
    let mut inputs = vec![seed.clone()];
    let dims = dims([size], &mut inputs);
    GraphBuilder::innermost(&inputs)?.add_one(RandomPermutation { generator, dims }, &inputs)
}

impl Op for RandomPermutation {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let seed = inputs.first().ok_or_else(|| Error::mismatch("an order without a seed"))?;
        if !seed.dtype.is_integer() || seed.rank() != 1 || seed.size(0).is_some_and(|size| size != 2) {
            return Err(Error::mismatch(format!("a seed is two whole numbers, found {seed}")));
        }
        if self.dims.len() != 1 || self.dims.contains(&Dim::Infer) {
            return Err(Error::mismatch("an order is of one axis"));
        }
        Ok(vec![TensorSpec::new(DType::Int32, shape_of_dims(&self.dims, inputs)?)])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let shape = self.spec(&specs)?.swap_remove(0).sizes()?;
        let count = crate::array::element_count(&shape)?;
        let seed = inputs[0].to_i64s()?;
        let mut places: Vec<i32> = (0..count).map(|place| place as i32).collect();
        match self.generator {
            Generator::TensorFlow => {
                let philox = Philox::from_seed([seed[0] as u64, seed[1] as u64]);
                // Numbers from 0 to 1 of float32 are in the order of the low 23 bits that they are made of.
                sort(&mut places, fill(philox, count, |generator| generator.step().map(|word| word & 0x7f_ffff)));
            }
            Generator::Jax => {
                let mut key = [seed[0] as u32, seed[1] as u32];
                // So many rounds that equal keys in each of them are unlikely.
                let rounds = (3.0 * (count.max(1) as f64).ln() / f64::from(u32::MAX).ln()).ceil() as usize;
                for _ in 0..rounds {
                    let own = block(key, 1);
                    key = block(key, 0);
                    let bits = (0..count as u64).map(|place| block(own, place)).map(|[a, b]| a ^ b);
                    sort(&mut places, bits.collect());
                }
            }
        }
        Ok(vec![Array::from_vec(shape, places)?])
    }
}

/// Sorts places by keys; equal ones keep their order.
fn sort(places: &mut Vec<i32>, keys: Vec<u32>) {
    let mut pairs: Vec<(u32, i32)> = keys.into_iter().zip(places.drain(..)).collect();
    pairs.sort_by_key(|&(key, _)| key);
    places.extend(pairs.into_iter().map(|(_, place)| place));
}
