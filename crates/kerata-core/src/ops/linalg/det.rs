//! `det`: determinants.

use super::lu::eliminate;
use super::matrices::{Matrix, check_square, join, split, with_matrix};
use crate::Result;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};

op! {
    /// The determinants of square matrices.
    pub struct Det("det") {}
}

/// The determinants of square matrices.
pub fn det(x: &Tensor) -> Result<Tensor> {
    x.apply(Det {})
}

/// Signs of determinants and the logarithms of their sizes.
pub fn slogdet(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let determinant = det(x)?;
    Ok((ops::sign(&determinant)?, ops::log(&ops::absolute(&determinant)?)?))
}

impl Op for Det {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        check_square(x)?;
        Ok(vec![with_matrix(x, &[])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let spec = self.spec(&[x.spec()])?.only()?.clone();
        let determinants = split(x)?.into_iter().map(|matrix| {
            let rows = matrix.rows;
            vec![eliminate(matrix, Matrix::zeros(rows, 0)).0]
        });
        Ok(vec![join(&spec, determinants)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let weight = ops::multiply(&g.grad(0)?, g.output(0)?)?;
        let weight = ops::expand_dims(&ops::expand_dims(&weight, -1)?, -1)?;
        Ok(vec![Some(ops::multiply(&weight, &ops::swap_last(&ops::inv(g.input(0)?)?)?)?)])
    }
}
