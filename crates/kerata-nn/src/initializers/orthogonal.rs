//! `Orthogonal`: a matrix with orthogonal rows or columns.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

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
        let flat = Start {
            builder: variable.builder.clone(),
            shape: vec![rows.max(*columns), rows.min(*columns)],
            ..*variable
        };
        let mut matrix = flat.normal(0.0, 1.0, self.seed.number())?;
        if rows < *columns {
            matrix = ops::transpose(&matrix, &[1, 0])?;
        }
        let matrix = ops::multiply(&matrix, &ops::scalar(&matrix, self.gain)?)?;
        ops::reshape(&matrix, variable.shape.iter().copied())
    }
}
