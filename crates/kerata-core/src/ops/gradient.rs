//! `Gradient`: what an op's gradient rule is given.

use crate::graph::{GraphBuilder, Tensor};
use crate::{Error, Result, ops};

/// The surroundings of one op node on the way back.
pub struct Gradient<'a> {
    /// Inputs of the node.
    pub inputs: &'a [Tensor],
    /// Outputs of the node.
    pub outputs: &'a [Tensor],
    /// Gradients of the outputs; `None` where none flows.
    pub grads: &'a [Option<Tensor>],
    /// For each input, whether anybody wants its gradient; others may be left out.
    pub wanted: &'a [bool],
}

impl Gradient<'_> {
    /// An input.
    pub fn input(&self, index: usize) -> Result<&Tensor> {
        self.inputs.get(index).ok_or_else(|| Error::internal(format!("no input {index}")))
    }

    /// Whether anybody wants the gradient of an input.
    pub fn is_wanted(&self, index: usize) -> bool {
        self.wanted.get(index).copied().unwrap_or(true)
    }

    /// An output.
    pub fn output(&self, index: usize) -> Result<&Tensor> {
        self.outputs.get(index).ok_or_else(|| Error::internal(format!("no output {index}")))
    }

    /// The gradient of an output; zeros where none flows.
    pub fn grad(&self, index: usize) -> Result<Tensor> {
        match self.grads.get(index) {
            Some(Some(grad)) => Ok(grad.clone()),
            _ => ops::zeros_like(self.output(index)?),
        }
    }

    /// The gradient of the first output times a slope.
    pub fn times(&self, slope: &Tensor) -> Result<Option<Tensor>> {
        ops::multiply(&self.grad(0)?, &ops::conj(slope)?).map(Some)
    }

    /// The gradient of the first output divided by something.
    pub fn over(&self, divisor: &Tensor) -> Result<Option<Tensor>> {
        ops::divide(&self.grad(0)?, &ops::conj(divisor)?).map(Some)
    }

    /// The builder that gradients are written to.
    pub fn builder(&self) -> Result<&GraphBuilder> {
        GraphBuilder::innermost(self.outputs)
    }
}
