//! `svd`: orthogonal columns, singular values, orthogonal rows whose product is a matrix.

use super::matrices::{Matrix, check, join, split, with_matrix};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result};

/// Most rounds over all pairs of columns; they end long before.
const MAX_ROUNDS: usize = 60;

op! {
    /// Matrices as `u diag(s) v`: `u` with orthogonal columns, `s` largest first, `v` with orthogonal rows, as many of each
    /// as the smaller side.
    pub struct Svd("svd") {}
}

/// `u`, `s` and `v` of `u diag(s) v`; the signs of their columns and rows are free.
pub fn svd(x: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    let made = x.builder().add(Svd {}, std::slice::from_ref(x))?;
    let [u, s, v] = made.exactly()?;
    Ok((u.clone(), s.clone(), v.clone()))
}

/// Columns turned against each other until they are orthogonal (Jacobi, one-sided).
fn factor(x: &Matrix) -> (Matrix, Vec<f64>, Matrix) {
    if x.rows < x.columns {
        let (u, s, v) = factor(&x.transposed());
        return (v.transposed(), s, u.transposed());
    }
    let size = x.columns;
    let (mut u, mut v) = (x.clone(), Matrix::identity(size));
    for _ in 0..MAX_ROUNDS {
        let mut is_done = true;
        for a in 0..size {
            for b in a + 1..size {
                let (aa, bb, ab) = (u.columns_product(a, a), u.columns_product(b, b), u.columns_product(a, b));
                if ab.abs() <= 1e-15 * (aa * bb).sqrt() {
                    continue;
                }
                is_done = false;
                let slope = (bb - aa) / (2.0 * ab);
                let tangent = slope.signum() / (slope.abs() + slope.hypot(1.0));
                let cos = 1.0 / tangent.hypot(1.0);
                u.turn_columns(a, b, cos, cos * tangent);
                v.turn_columns(a, b, cos, cos * tangent);
            }
        }
        if is_done {
            break;
        }
    }
    let norms: Vec<f64> = (0..size).map(|column| u.columns_product(column, column).sqrt()).collect();
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| norms[b].total_cmp(&norms[a]));
    let (mut columns, mut rows) = (Matrix::zeros(x.rows, size), Matrix::zeros(size, size));
    for (to, &from) in order.iter().enumerate() {
        let share = if norms[from] > 0.0 { 1.0 / norms[from] } else { 0.0 };
        (0..x.rows).for_each(|row| *columns.at_mut(row, to) = u.at(row, from) * share);
        (0..size).for_each(|at| *rows.at_mut(to, at) = v.at(at, from));
    }
    (columns, order.iter().map(|&at| norms[at]).collect(), rows)
}

impl Op for Svd {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let (_, rows, columns) = check(x)?;
        let small = rows.zip(columns).map(|(rows, columns)| rows.min(columns));
        Ok(vec![with_matrix(x, &[rows, small]), with_matrix(x, &[small]), with_matrix(x, &[small, columns])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let specs = self.spec(&[x.spec()])?;
        let (mut u, mut s, mut v) = (Vec::new(), Vec::new(), Vec::new());
        for matrix in split(x)? {
            let parts = factor(&matrix);
            u.push(parts.0.elements);
            s.push(parts.1);
            v.push(parts.2.elements);
        }
        Ok(vec![join(&specs[0], u)?, join(&specs[1], s)?, join(&specs[2], v)?])
    }

    /// Of the singular values only.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        if g.grads.iter().enumerate().any(|(at, grad)| at != 1 && grad.is_some()) {
            return Err(Error::unsupported("the gradient of singular vectors"));
        }
        let weighted = ops::multiply(g.output(0)?, &ops::expand_dims(&g.grad(1)?, -2)?)?;
        Ok(vec![Some(ops::matmul(&weighted, g.output(2)?)?)])
    }
}
