//! `Identity`: an identity matrix.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

use super::{Initialize, Start};
use crate::config;

config! {
    /// A matrix with a number on its diagonal.
    pub struct Identity {
        /// The number.
        gain: f64 = 1.0,
    }
}

impl Initialize for Identity {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        let [rows, columns] = variable.shape[..] else {
            return Err(Error::mismatch(format!("expected 2 axes, found {}", variable.shape.len())));
        };
        let eye = ops::eye(&variable.builder, rows, columns, 0, variable.dtype)?;
        ops::multiply(&eye, &ops::scalar(&eye, self.gain)?)
    }
}
