//! `triangular_solve`: the solution of systems of linear equations whose matrix is a triangle.

use super::lu::substitute;
use super::matrices::{join, split};
use crate::Result;
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics, promote};

op! {
    /// For each matrix of the first input, of which one triangle is read, and each of the second, `x` with `a x = b`.
    pub struct TriangularSolve("triangular_solve") {
        /// Whether the lower triangle is read, else the upper one.
        pub lower: bool,
    }
}

/// `x` with `a x = b` where one triangle of `a` is read.
pub fn solve_triangular(a: &Tensor, b: &Tensor, lower: bool) -> Result<Tensor> {
    let inputs = promote(&[a, b])?;
    GraphBuilder::innermost(&inputs)?.add_one(TriangularSolve { lower }, &inputs)
}

impl Op for TriangularSolve {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        ops::Solve {}.spec(inputs)
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [a, b] = inputs.exactly()?;
        let spec = self.spec(&[a.spec(), b.spec()])?.only()?.clone();
        let solved = split(a)?.iter().zip(split(b)?).map(|(a, b)| substitute(a, b, self.lower).elements).collect::<Vec<_>>();
        Ok(vec![join(&spec, solved)?])
    }

    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let b = solve_triangular(&ops::swap_last(g.input(0)?)?, &g.grad(0)?, !self.lower)?;
        let a = ops::negative(&ops::matmul(&b, &ops::swap_last(g.output(0)?)?)?)?;
        let a = if self.lower { ops::tril(&a, 0)? } else { ops::triu(&a, 0)? };
        Ok(vec![Some(a), Some(b)])
    }
}
