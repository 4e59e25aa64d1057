//! `OrthogonalRegularizer`: penalty on rows or columns that are not orthogonal.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

use super::Regularize;
use crate::config;

config! {
    /// The mean absolute product of different normalized rows (or columns), times a factor.
    pub struct OrthogonalRegularizer {
        /// Factor of the penalty.
        factor: f64 = 0.01,
        /// `rows` or `columns`.
        mode: String = "rows".to_owned(),
    }
}

impl Regularize for OrthogonalRegularizer {
    fn call(&self, weight: &Tensor) -> Result<Tensor> {
        if weight.rank() != 2 {
            return Err(Error::mismatch(format!("expected a matrix, found {}", weight.shape())));
        }
        let rows = if self.mode == "columns" { ops::transpose(weight, &[1, 0])? } else { weight.clone() };
        let count = rows.spec().known_axis(0)?;
        let norm = ops::sqrt(&ops::sum(&ops::square(&rows)?, &[1], true)?)?;
        let rows = ops::divide(&rows, &ops::maximum(&norm, &ops::scalar(&norm, 1e-12)?)?)?;
        let products = ops::absolute(&ops::matmul(&rows, &ops::transpose(&rows, &[1, 0])?)?)?;
        let eye = ops::eye(rows.builder(), count, count, 0, rows.dtype())?;
        let others = ops::multiply(&products, &ops::subtract(&ops::scalar(&eye, 1.0)?, &eye)?)?;
        let sum = ops::sum(&others, &[], false)?;
        let pairs = count as f64 * (count as f64 - 1.0) / 2.0;
        ops::multiply(&sum, &ops::scalar(&sum, self.factor * 0.5 / pairs)?)
    }
}
