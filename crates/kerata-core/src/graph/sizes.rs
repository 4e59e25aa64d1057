//! Sizes that follow from those of inputs: a graph that was traced for any batch says how large all is for one.

use super::{TensorSpec, ValueId};
use crate::ops::Op;

/// What the specs of a node's outputs follow from.
pub struct Known<'a> {
    /// What it computes; none for inputs, variables and constants.
    pub op: Option<&'a dyn Op>,
    /// What it reads, of nodes before it.
    pub inputs: &'a [ValueId],
    /// Its outputs, as far as they are known for any inputs.
    pub outputs: &'a [TensorSpec],
}

/// The specs of all nodes' outputs, where `given` are nodes whose first output has that spec, which may say more than the node does.
/// What does not follow stays as it is.
pub fn specs_for<'a>(
    nodes: impl Iterator<Item = Known<'a>>,
    given: &[(usize, TensorSpec)],
) -> Vec<Vec<TensorSpec>> {
    let is_known = |spec: &TensorSpec| spec.shape.elements().is_some();
    let mut specs: Vec<Vec<TensorSpec>> = Vec::new();
    for node in nodes {
        let follows = || {
            let inputs = node.inputs.iter().map(|id| specs.get(id.node)?.get(id.output).cloned());
            let made = node.op?.spec(&inputs.collect::<Option<Vec<_>>>()?).ok()?;
            (made.len() == node.outputs.len()).then_some(made)
        };
        let made = match given.iter().find(|(at, _)| *at == specs.len()) {
            Some((_, spec)) => vec![spec.clone()],
            None if node.outputs.iter().all(is_known) => node.outputs.to_vec(),
            None => follows().unwrap_or_else(|| node.outputs.to_vec()),
        };
        specs.push(made);
    }
    specs
}
