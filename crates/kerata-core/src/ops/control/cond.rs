//! `cond`: one of two branches.

use crate::array::Array;
use crate::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{DType, Error, Result, autodiff};

op! {
    /// Inputs: a bool without axes, what the first branch has captured, what the second one has. Outputs: those of the
    /// first branch when it is true, else of the second.
    pub struct Cond("cond") {
        /// The branch for true.
        pub on_true: Graph,
        /// The branch for false.
        pub on_false: Graph,
    }
}

/// The values of one branch or the other.
pub fn cond(
    predicate: &Tensor,
    on_true: impl FnOnce(&GraphBuilder) -> Result<Vec<Tensor>>,
    on_false: impl FnOnce(&GraphBuilder) -> Result<Vec<Tensor>>,
) -> Result<Vec<Tensor>> {
    let predicate = ops::cast(&ops::reshape(predicate, Vec::<ops::Size>::new())?, DType::Bool)?;
    let builder = predicate.builder().clone();
    let first = builder.subgraph("on_true");
    let (on_true, mut captures) = first.finish_body(&on_true(&first)?)?;
    let second = builder.subgraph("on_false");
    let (on_false, second_captures) = second.finish_body(&on_false(&second)?)?;
    captures.extend(second_captures);
    let inputs: Vec<Tensor> = std::iter::once(predicate).chain(captures).collect();
    builder.add(Cond { on_true, on_false }, &inputs)
}

impl Cond {
    /// Predicate, captures of the first branch, captures of the second.
    fn parts<'a, T>(&self, inputs: &'a [T]) -> Result<(&'a T, &'a [T], &'a [T])> {
        match inputs {
            [predicate, captures @ ..] if captures.len() == self.on_true.inputs.len() + self.on_false.inputs.len() => {
                let (first, second) = captures.split_at(self.on_true.inputs.len());
                Ok((predicate, first, second))
            }
            _ => Err(Error::mismatch(format!("a branch with {} inputs", inputs.len()))),
        }
    }
}

impl Op for Cond {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let (predicate, first, second) = self.parts(inputs)?;
        if predicate.dtype != DType::Bool || predicate.rank() != 0 {
            return Err(Error::mismatch(format!("{predicate} decides between branches")));
        }
        super::check_body(&self.on_true, first)?;
        super::check_body(&self.on_false, second)?;
        let (a, b) = (self.on_true.output_specs()?, self.on_false.output_specs()?);
        if a.len() != b.len() {
            return Err(Error::mismatch(format!("branches give {} and {} values", a.len(), b.len())));
        }
        let meet = |(a, b)| super::meet(a, b).ok_or_else(|| Error::mismatch(format!("branches give {a} and {b}")));
        a.iter().zip(&b).map(meet).collect()
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&inputs.iter().map(Array::spec).collect::<Vec<_>>())?;
        let (predicate, first, second) = self.parts(inputs)?;
        let (branch, arguments) =
            if predicate.as_bools()? == [1] { (&self.on_true, first) } else { (&self.on_false, second) };
        Ok(branch.evaluate(arguments, &super::no_variables)?.0)
    }

    /// A branch whose branches are the gradients of the branches.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let (predicate, first, second) = self.parts(g.inputs)?;
        let captures = &g.inputs[1..];
        let flowing: Vec<usize> = (0..captures.len())
            .filter(|&at| {
                let dtype = captures[at].dtype();
                !dtype.is_integer() && !matches!(dtype, DType::Bool | DType::String)
            })
            .collect();
        let back = |branch: &Graph, own: &[Tensor], offset: usize, child: &GraphBuilder| {
            let own = own.iter().map(|tensor| child.local(tensor)).collect::<Result<Vec<_>>>()?;
            let made = child.inline(branch, &own)?;
            let grads = g
                .grads
                .iter()
                .map(|grad| grad.as_ref().map(|grad| child.local(grad)).transpose())
                .collect::<Result<Vec<_>>>()?;
            let mut grads = autodiff::flows(child, &made, &grads, &own)?.into_iter();
            let mut all = Vec::new();
            let own_range = offset..offset + own.len();
            let mut by_capture: Vec<Option<Tensor>> = vec![None; captures.len()];
            for at in own_range {
                by_capture[at] = grads.next().flatten();
            }
            for &at in &flowing {
                let zero = || ops::zeros_like(&child.local(&captures[at])?);
                all.push(by_capture[at].take().map_or_else(zero, Ok)?);
            }
            Ok(all)
        };
        let made = cond(
            predicate,
            |child| back(&self.on_true, first, 0, child),
            |child| back(&self.on_false, second, first.len(), child),
        )?;
        let mut grads = vec![None; g.inputs.len()];
        for (&at, grad) in flowing.iter().zip(made) {
            grads[at + 1] = Some(grad);
        }
        Ok(grads)
    }

    fn subgraphs(&self) -> Vec<&Graph> {
        vec![&self.on_true, &self.on_false]
    }
}
