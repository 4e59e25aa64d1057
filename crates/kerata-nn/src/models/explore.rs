//! `explore`: the tensors of every layer of a model, as far as its layers are known.

use indexmap::IndexMap;
use kerata_core::graph::{GraphBuilder, TensorSpec};
use kerata_core::{Result, Tree};

use crate::config::Value;
use crate::layers::{AnyLayer, Argument, Arguments, Place, Scope};
use crate::registry::Registry;

/// What a layer takes and gives at its first call, flattened.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// The tensors that it is called on.
    pub inputs: Vec<TensorSpec>,
    /// Its results; empty when they are not known.
    pub outputs: Vec<TensorSpec>,
}

/// The tensors of the layers of a serialized model, by the names of the models around each (without that of the
/// outermost) and its own. A layer that cannot be called leaves those behind it unknown, and nothing else.
pub fn explore(config: &Tree, registry: &Registry) -> Result<IndexMap<Vec<String>, Seen>> {
    let root = AnyLayer::read(config, registry)?;
    let mut found = IndexMap::new();
    visit(&root, &[], &mut Vec::new(), &mut found);
    Ok(found)
}

fn visit(
    layer: &AnyLayer,
    inputs: &[TensorSpec],
    names: &mut Vec<String>,
    found: &mut IndexMap<Vec<String>, Seen>,
) {
    let Some(network) = layer.layer().as_model() else { return };
    let mut scope = Scope::root(GraphBuilder::new("explore"), Place::default().into(), false);
    network.explore(&mut scope, inputs, &mut |member, seen| {
        names.push(member.name().to_owned());
        if !found.contains_key(names.as_slice()) {
            visit(member, &seen.inputs, names, found);
            found.insert(names.clone(), seen);
        }
        names.pop();
    });
}

/// The specs of all tensors of a call.
pub(super) fn specs_of(arguments: &Arguments) -> Vec<TensorSpec> {
    arguments.iter().flat_map(Argument::tensors).map(|value| value.tensor.spec().clone()).collect()
}
