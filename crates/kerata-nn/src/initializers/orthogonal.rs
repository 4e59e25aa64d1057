//! `Orthogonal`: a matrix with orthogonal rows or columns.

use kerata_core::array::Array;
use kerata_core::graph::{GraphBuilder, Inputs, Tensor};
use kerata_core::{DType, Error, Result, ops};

use super::{Initialize, Start};
use crate::config;
use crate::config::Seed;

config! {
    /// A random orthogonal matrix; more than two axes are seen as a matrix whose columns are the last axis.
    pub struct Orthogonal {
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// Factor of the matrix.
        gain: f64 = 1.0,
    }
}

impl Initialize for Orthogonal {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        let [rows @ .., columns] = &variable.shape[..] else {
            return Err(Error::mismatch("expected at least 2 axes, found none"));
        };
        let rows: usize = rows.iter().product();
        let (long, short) = (rows.max(*columns), rows.min(*columns));
        let builder = GraphBuilder::new("normal");
        let normal = Start { builder: builder.clone(), shape: vec![short, long], dtype: DType::Float64, ..*variable };
        let normal = normal.normal(0.0, 1.0, self.seed.number())?;
        let graph = builder.finish(&[("normal", &normal)])?;
        let (values, _) = graph.evaluate(&[], &|_| Err(Error::internal("no variable is read")))?;
        let mut vectors = values.only()?.to_f64s()?;
        orthogonalize(&mut vectors, long);
        vectors.iter_mut().for_each(|value| *value *= self.gain);
        let matrix = variable.builder.constant(Array::from_vec([short, long], vectors)?.cast(variable.dtype)?);
        let matrix = if rows < *columns { matrix } else { ops::transpose(&matrix, &[1, 0])? };
        ops::reshape(&matrix, variable.shape.iter().copied())
    }
}

/// Makes vectors orthogonal and of length one, each against those before it, twice because rounding leaves a rest.
fn orthogonalize(vectors: &mut [f64], length: usize) {
    if length == 0 {
        return;
    }
    for index in 0..vectors.len() / length {
        let (before, rest) = vectors.split_at_mut(index * length);
        let vector = &mut rest[..length];
        for _ in 0..2 {
            for other in before.chunks_exact(length) {
                let product: f64 = other.iter().zip(vector.iter()).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(value, other)| *value -= product * other);
            }
        }
        let norm = vector.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
        vector.iter_mut().for_each(|value| *value /= norm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_become_orthogonal_and_of_length_one() {
        let mut vectors = vec![3.0, 4.0, 0.0, 1.0, 1.0, 1.0];
        orthogonalize(&mut vectors, 3);
        let [a, b] = [&vectors[..3], &vectors[3..]];
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        assert_eq!(a, [0.6, 0.8, 0.0]);
        assert!(product(a, b).abs() < 1e-15 && (product(b, b) - 1.0).abs() < 1e-15);
    }
}
