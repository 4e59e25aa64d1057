//! `solve`: the solution of systems of linear equations.

use super::lu::eliminate;
use super::matrices::{check, check_square, join, split, with_matrix};
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};
use crate::{Error, Result};

op! {
    /// For each square matrix of the first input and each matrix of the second, `x` with `a x = b`.
    pub struct Solve("solve") {}
}

/// `x` with `a x = b`; a vector `b` is one column.
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let inputs = promote(&[a, b])?;
    if b.rank() + 1 == a.rank() {
        let columns = [inputs[0].clone(), ops::expand_dims(&inputs[1], -1)?];
        return ops::squeeze(&GraphBuilder::innermost(&columns)?.add_one(Solve {}, &columns)?, &[-1]);
    }
    GraphBuilder::innermost(&inputs)?.add_one(Solve {}, &inputs)
}

/// The inverse of square matrices.
pub fn inv(x: &Tensor) -> Result<Tensor> {
    let size = x.size(x.spec().axis(-1)?);
    let eye = ops::eye(x.builder(), size.clone(), size, 0, x.dtype())?;
    solve(x, &ops::broadcast_to(&eye, x.sizes())?)
}

/// `x` with the smallest `‖a x - b‖`, by way of the pseudo-inverse.
pub fn lstsq(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if b.rank() + 1 == a.rank() {
        return ops::squeeze(&ops::matmul(&pinv(a)?, &ops::expand_dims(b, -1)?)?, &[-1]);
    }
    ops::matmul(&pinv(a)?, b)
}

/// The pseudo-inverse (Moore and Penrose) by way of the singular values.
pub fn pinv(x: &Tensor) -> Result<Tensor> {
    let (u, s, v) = ops::svd(x)?;
    let most = ops::max(&s, &[-1], true)?;
    let side = x.spec().known_axis(-1)?.max(x.spec().known_axis(-2)?) as f64;
    let epsilon = if x.dtype() == crate::DType::Float64 { f64::EPSILON } else { f32::EPSILON.into() };
    let is_large = ops::greater(&s, &ops::times(&most, 10.0 * side * epsilon)?)?;
    let inverse = ops::select(&is_large, &ops::reciprocal(&s)?, &ops::zeros_like(&s)?)?;
    let scaled = ops::multiply(&ops::swap_last(&v)?, &ops::expand_dims(&inverse, -2)?)?;
    ops::matmul(&scaled, &ops::swap_last(&u)?)
}

impl Op for Solve {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [a, b] = inputs.exactly()?;
        check_square(a)?;
        let (a_batch, size, _) = check(a)?;
        let (b_batch, rows, columns) = check(b)?;
        let same = |a: &Option<u64>, b: &Option<u64>| a.is_none() || b.is_none() || a == b;
        let fits = a.dtype == b.dtype && a_batch.len() == b_batch.len() && same(&size, &rows);
        if !fits || !a_batch.iter().zip(b_batch).all(|(a, b)| same(a, b)) {
            return Err(Error::mismatch(format!("{a} x = {b}")));
        }
        Ok(vec![with_matrix(b, &[rows, columns])])
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [a, b] = inputs.exactly()?;
        let spec = self.spec(&[a.spec(), b.spec()])?.only()?.clone();
        let solved = split(a)?.into_iter().zip(split(b)?).map(|(a, b)| {
            eliminate(a, b).1.map(|x| x.elements).ok_or_else(|| Error::mismatch("a matrix is singular"))
        });
        Ok(vec![join(&spec, solved.collect::<Result<Vec<_>>>()?)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let b = solve(&ops::swap_last(g.input(0)?)?, &g.grad(0)?)?;
        let a = ops::negative(&ops::matmul(&b, &ops::swap_last(g.output(0)?)?)?)?;
        Ok(vec![Some(a), Some(b)])
    }
}
