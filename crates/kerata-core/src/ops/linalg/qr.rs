//! `qr`: orthogonal columns and an upper triangle whose product is a matrix.

use super::matrices::{Matrix, check, join, split, with_matrix};
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result};

op! {
    /// Matrices as `q r`: `q` with as many orthogonal columns as the smaller side, `r` an upper triangle.
    pub struct Qr("qr") {}
}

/// `q` and `r`, as LAPACK chooses their signs (Householder).
pub fn qr(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let made = x.builder().add(Qr {}, std::slice::from_ref(x))?;
    let [q, r] = made.exactly()?;
    Ok((q.clone(), r.clone()))
}

/// Reflections that turn the columns to zeros below the diagonal, one after the other.
fn factor(x: &Matrix) -> (Matrix, Matrix) {
    let small = x.rows.min(x.columns);
    let mut r = x.clone();
    let mut mirrors: Vec<(Vec<f64>, f64)> = Vec::new();
    for column in 0..small {
        let rest: f64 = (column + 1..x.rows).map(|row| r.at(row, column).powi(2)).sum();
        let head = r.at(column, column);
        let mut mirror = vec![0.0; x.rows];
        let mut weight = 0.0;
        if rest > 0.0 {
            let norm = -(head * head + rest).sqrt().copysign(head);
            (column + 1..x.rows).for_each(|row| mirror[row] = r.at(row, column) / (head - norm));
            mirror[column] = 1.0;
            weight = (norm - head) / norm;
        }
        reflect(&mut r, &mirror, weight);
        mirrors.push((mirror, weight));
    }
    let mut q = Matrix::zeros(x.rows, small);
    (0..small).for_each(|at| *q.at_mut(at, at) = 1.0);
    for (mirror, weight) in mirrors.iter().rev() {
        reflect(&mut q, mirror, *weight);
    }
    r.elements.truncate(small * r.columns);
    r.rows = small;
    for row in 0..small {
        (0..row.min(r.columns)).for_each(|column| *r.at_mut(row, column) = 0.0);
    }
    (q, r)
}

fn reflect(matrix: &mut Matrix, mirror: &[f64], weight: f64) {
    for column in 0..matrix.columns {
        let along: f64 = (0..matrix.rows).map(|row| mirror[row] * matrix.at(row, column)).sum();
        (0..matrix.rows).for_each(|row| *matrix.at_mut(row, column) -= weight * along * mirror[row]);
    }
}

impl Op for Qr {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        let (_, rows, columns) = check(x)?;
        let small = rows.zip(columns).map(|(rows, columns)| rows.min(columns));
        Ok(vec![with_matrix(x, &[rows, small]), with_matrix(x, &[small, columns])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let specs = self.spec(&[x.spec()])?;
        let (q, r): (Vec<_>, Vec<_>) =
            split(x)?.iter().map(factor).map(|(q, r)| (q.elements, r.elements)).unzip();
        Ok(vec![join(&specs[0], q)?, join(&specs[1], r)?])
    }

    /// For matrices that are not wider than high: `(g_q + q copyltu(r g_rᵀ - g_qᵀ q)) r⁻ᵀ`.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (q, r, g_q, g_r) = (g.output(0)?, g.output(1)?, g.grad(0)?, g.grad(1)?);
        if g.input(0)?.spec().known_axis(-2)? < g.input(0)?.spec().known_axis(-1)? {
            return Err(Error::unsupported("the gradient of the QR factors of wide matrices"));
        }
        let m = ops::subtract(
            &ops::matmul(r, &ops::swap_last(&g_r)?)?,
            &ops::matmul(&ops::swap_last(&g_q)?, q)?,
        )?;
        let symmetric = ops::add(&ops::tril(&m, 0)?, &ops::swap_last(&ops::tril(&m, -1)?)?)?;
        let left = ops::add(&g_q, &ops::matmul(q, &symmetric)?)?;
        let solved = ops::solve_triangular(r, &ops::swap_last(&left)?, false)?;
        Ok(vec![Some(ops::swap_last(&solved)?)])
    }
}
