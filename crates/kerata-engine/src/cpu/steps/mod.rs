//! Steps: one file a kind of work, each saying which nodes it takes.

mod conv;
mod evaluate;
mod finish;
mod fused;
mod gradients;
mod matmul;
mod moves;
mod names;
mod pool;
mod quantized;
mod recurrent;
mod reduce;
mod scan;
mod take;

use kerata_core::array::Array;
use kerata_core::graph::{Graph, Node};
use kerata_core::ops::Op;
use kerata_core::{Error, Result, TensorSpec};

pub(crate) use evaluate::Evaluate;
pub(crate) use fused::Fused;
pub(crate) use names::{binary, comparison, reduction, unary, with_number};

use super::context::Context;
use super::kernels::isa::Isa;
use super::program::Program;

/// Where the outputs of a step lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Made by [`Context::float_for`] or [`Context::take`]: in the buffers that the plan has for them.
    Planned,
    /// In memory of their own, or in that of an input.
    Own,
}

/// The work of one step.
pub(crate) trait Kernel: Send + Sync {
    /// What it is, for people.
    fn name(&self) -> &'static str;

    /// Whether it looks at an input when it runs; else it has taken it in, and gets something empty instead.
    fn reads(&self, _input: usize) -> bool {
        true
    }

    /// Where its outputs lie.
    fn memory(&self) -> Memory {
        Memory::Planned
    }

    /// An earlier output that lies where this one does, as it is the same value.
    fn same(&self, _output: usize) -> Option<usize> {
        None
    }

    /// Computes the outputs.
    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>>;

    /// Whether outputs may take the place of inputs of their shape, by [`run_over`](Self::run_over).
    fn writes_over(&self) -> bool {
        false
    }

    /// Computes the outputs, some in the place of inputs; something empty stands for these among `inputs`.
    fn run_over(&self, _cx: &Context, _inputs: &[&Array], _over: Vec<Over>) -> Result<Vec<Array>> {
        Err(Error::internal("a step that writes over its inputs"))
    }
}

/// An input that nothing reads afterwards, given up for an output.
pub(crate) struct Over {
    /// Places of both.
    pub input: usize,
    pub output: usize,
    /// The shape of the input, and its elements; the vector may hold more.
    pub shape: Vec<usize>,
    pub elements: Vec<f32>,
}

/// What is known of an input when a plan is made.
pub(crate) struct Given<'a> {
    pub spec: &'a TensorSpec,
    pub constant: Option<&'a Array>,
}

/// A program that follows a product: its first input is the product's output, the others follow the op's inputs.
pub(crate) struct Epilogue {
    pub program: Program,
    /// For each input but the first: the value, if it is constant.
    pub constants: Vec<Option<Array>>,
}

/// A node that is to become a step.
pub(crate) struct Request<'a> {
    pub op: &'a dyn Op,
    pub inputs: Vec<Given<'a>>,
    pub epilogue: Option<Epilogue>,
    /// For each input, the order of a transpose through which it is read: the input given is the one before it.
    pub orders: Vec<Option<Vec<usize>>>,
    /// The order of a transpose through which the output is written.
    pub out_order: Option<Vec<usize>>,
    pub isa: Isa,
}

/// Makes the step of a node, or says that it does not know it.
type Lowering = fn(&mut Request) -> Option<Box<dyn Kernel>>;

/// Ops with kernels of their own, by name.
const LOWERINGS: &[(&str, Lowering)] = &[
    ("concat", moves::lower),
    ("conv", conv::lower),
    ("conv_kernel_gradient", gradients::lower),
    ("conv_transpose", gradients::lower),
    ("matmul", matmul::lower),
    ("max", reduce::lower),
    ("mean", reduce::lower),
    ("min", reduce::lower),
    ("pad", moves::lower),
    ("pool", pool::lower),
    ("pool_gradient", gradients::lower),
    ("prod", reduce::lower),
    ("quantized_matmul", quantized::lower),
    ("scan", scan::lower),
    ("slice", moves::lower),
    ("split", moves::lower),
    ("sum", reduce::lower),
    ("sum_like", gradients::lower),
    ("take", take::lower),
    ("transpose", moves::lower),
    ("unslice", moves::lower),
];

/// Whether a node is of the kind that a step takes.
type Takes = fn(&Graph, &Node) -> bool;

/// Products that a program can follow row by row.
const PRODUCERS: &[(&str, Takes)] =
    &[("conv", conv::takes), ("matmul", matmul::takes), ("quantized_matmul", quantized::takes)];

/// Whether a program may take over the rows of a node.
pub(crate) fn is_producer(graph: &Graph, node: &Node) -> bool {
    node.op().is_some_and(|op| PRODUCERS.iter().any(|(name, takes)| *name == op.name() && takes(graph, node)))
}

/// The step of a node: a kernel of its own, or the op's plain definition.
pub(crate) fn lower(request: &mut Request) -> Option<Box<dyn Kernel>> {
    LOWERINGS.iter().find(|(name, _)| *name == request.op.name()).and_then(|(_, lower)| lower(request))
}
