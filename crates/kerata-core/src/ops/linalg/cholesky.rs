//! `cholesky`: the lower triangle whose product with its transpose is a matrix.

use super::matrices::{Matrix, check_square, join, split};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// The lower triangles `l` with `l lᵀ = x` for symmetric, positive definite matrices.
    pub struct Cholesky("cholesky") {}
}

/// The lower triangles `l` with `l lᵀ = x` for symmetric, positive definite matrices; only their lower triangles are read.
pub fn cholesky(x: &Tensor) -> Result<Tensor> {
    x.apply(Cholesky {})
}

fn factor(x: &Matrix) -> Result<Matrix> {
    let mut l = Matrix::zeros(x.rows, x.rows);
    for row in 0..x.rows {
        for column in 0..=row {
            let known: f64 = (0..column).map(|at| l.at(row, at) * l.at(column, at)).sum();
            let rest = x.at(row, column) - known;
            *l.at_mut(row, column) = if row == column {
                if rest.is_nan() || rest <= 0.0 {
                    return Err(Error::mismatch("a matrix is not positive definite"));
                }
                rest.sqrt()
            } else {
                rest / l.at(column, column)
            };
        }
    }
    Ok(l)
}

impl Op for Cholesky {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        check_square(inputs.only()?)?;
        Ok(vec![inputs.only()?.clone()])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        self.spec(&[x.spec()])?;
        let factors = split(x)?.iter().map(|matrix| factor(matrix).map(|l| l.elements)).collect::<Result<Vec<_>>>()?;
        Ok(vec![join(&x.spec(), factors)?])
    }

    /// `l⁻ᵀ φ(lᵀ g) l⁻¹`, made symmetric (Murray 2016); φ takes the lower triangle with half of the diagonal.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let l = g.output(0)?;
        let product = ops::tril(&ops::matmul(&ops::swap_last(l)?, &g.grad(0)?)?, 0)?;
        let size = l.size(l.rank() - 1);
        let half = ops::times(&ops::eye(l.builder(), size.clone(), size, 0, l.dtype())?, 0.5)?;
        let phi = ops::subtract(&product, &ops::multiply(&product, &half)?)?;
        let inverse = ops::inv(l)?;
        let s = ops::matmul(&ops::matmul(&ops::swap_last(&inverse)?, &phi)?, &inverse)?;
        // The upper triangle is not read: what it would get belongs to the lower one.
        let symmetric = ops::add(&s, &ops::swap_last(&s)?)?;
        let below = ops::tril(&symmetric, -1)?;
        Ok(vec![Some(ops::add(&below, &ops::multiply(&symmetric, &half)?)?)])
    }
}
