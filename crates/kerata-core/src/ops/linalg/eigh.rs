//! `eigh`: eigenvalues and eigenvectors of symmetric matrices.

use super::matrices::{Matrix, check_square, join, split, with_matrix};
use crate::Result;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};

/// Most rounds over all pairs; they end long before.
const MAX_ROUNDS: usize = 60;

op! {
    /// Eigenvalues of symmetric matrices, smallest first, and eigenvectors as columns.
    pub struct Eigh("eigh") {}
}

/// Eigenvalues of symmetric matrices, smallest first, and eigenvectors as columns, whose signs are free.
pub fn eigh(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let made = x.builder().add(Eigh {}, std::slice::from_ref(x))?;
    let [values, vectors] = made.exactly()?;
    Ok((values.clone(), vectors.clone()))
}

/// Elements off the diagonal turned to zero, one after the other (Jacobi).
fn factor(x: &Matrix) -> (Vec<f64>, Matrix) {
    let size = x.rows;
    // Only the lower triangle is read.
    let mut a = x.clone();
    for row in 0..size {
        (row + 1..size).for_each(|column| *a.at_mut(row, column) = x.at(column, row));
    }
    let mut vectors = Matrix::identity(size);
    let scale: f64 = a.elements.iter().map(|x| x * x).sum::<f64>().sqrt();
    for _ in 0..MAX_ROUNDS {
        let mut is_done = true;
        for p in 0..size {
            for q in p + 1..size {
                if a.at(p, q).abs() <= 1e-16 * scale {
                    continue;
                }
                is_done = false;
                let slope = (a.at(q, q) - a.at(p, p)) / (2.0 * a.at(p, q));
                let tangent = if slope == 0.0 { 1.0 } else { slope.signum() / (slope.abs() + slope.hypot(1.0)) };
                let cos = 1.0 / tangent.hypot(1.0);
                let sin = cos * tangent;
                a.turn_columns(p, q, cos, sin);
                a = a.transposed();
                a.turn_columns(p, q, cos, sin);
                a = a.transposed();
                vectors.turn_columns(p, q, cos, sin);
            }
        }
        if is_done {
            break;
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&p, &q| a.at(p, p).total_cmp(&a.at(q, q)));
    let mut sorted = Matrix::zeros(size, size);
    for (to, &from) in order.iter().enumerate() {
        (0..size).for_each(|row| *sorted.at_mut(row, to) = vectors.at(row, from));
    }
    (order.iter().map(|&at| a.at(at, at)).collect(), sorted)
}

impl Op for Eigh {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        check_square(x)?;
        let size = x.shape.axes()[x.rank() - 1];
        Ok(vec![with_matrix(x, &[size]), with_matrix(x, &[size, size])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let specs = self.spec(&[x.spec()])?;
        let (values, vectors): (Vec<_>, Vec<_>) =
            split(x)?.iter().map(factor).map(|(values, vectors)| (values, vectors.elements)).unzip();
        Ok(vec![join(&specs[0], values)?, join(&specs[1], vectors)?])
    }

    /// `v (diag(g_w) + f ∘ (vᵀ g_v)) vᵀ` with `f` one over the differences of eigenvalues. The lower triangle is read, so it
    /// gets what both would.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (values, vectors, g_values) = (g.output(0)?, g.output(1)?, g.grad(0)?);
        let size = values.size(values.rank() - 1);
        let eye = ops::eye(values.builder(), size.clone(), size, 0, values.dtype())?;
        let mut inner = ops::multiply(&eye, &ops::expand_dims(&g_values, -1)?)?;
        if g.grads.get(1).is_some_and(Option::is_some) {
            let gaps = ops::subtract(&ops::expand_dims(values, -2)?, &ops::expand_dims(values, -1)?)?;
            let factors = ops::multiply(&ops::reciprocal(&ops::add(&gaps, &eye)?)?, &ops::one_minus(&eye)?)?;
            let turned = ops::matmul(&ops::swap_last(vectors)?, &g.grad(1)?)?;
            inner = ops::add(&inner, &ops::multiply(&factors, &turned)?)?;
        }
        let full = ops::matmul(&ops::matmul(vectors, &inner)?, &ops::swap_last(vectors)?)?;
        let both = ops::add(&full, &ops::swap_last(&full)?)?;
        let below = ops::tril(&both, -1)?;
        Ok(vec![Some(ops::add(&below, &ops::multiply(&full, &eye)?)?)])
    }
}
