//! Signatures that a user makes of nodes: `probabilities`, `logits,pool:1`, `x,y->logits`.

use std::collections::{BTreeSet, HashMap};

use kerata_core::{Error, Result};

use super::functions::node_of;
use crate::containers::proto::tensorflow::{
    DataType, NodeDef, SignatureDef, TensorInfo, TensorShapeProto, attr_value, tensor_info,
};

/// The signature of outputs, perhaps with the inputs before an arrow; `None` where no such nodes are.
///
/// Without an arrow the inputs are the placeholders that the outputs need.
pub fn signature(text: &str, nodes: &[NodeDef]) -> Result<Option<SignatureDef>> {
    let by_name: HashMap<&str, &NodeDef> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let (inputs, outputs) = match text.split_once("->") {
        Some((inputs, outputs)) => (Some(names(inputs)), names(outputs)),
        None => (None, names(text)),
    };
    if outputs.is_empty() || outputs.iter().any(|output| !by_name.contains_key(node_of(output))) {
        return Ok(None);
    }
    let inputs: BTreeSet<&str> = match inputs {
        Some(inputs) => inputs.into_iter().map(node_of).collect(),
        None => needed(&outputs, &by_name),
    };
    let input = |name: &str| match by_name.get(name).filter(|node| is_placeholder(node)) {
        Some(node) => Ok((name.to_owned(), placeholder(node))),
        None => Err(Error::unsupported(format!("`{name}` is no placeholder, so it cannot be an input"))),
    };
    Ok(Some(SignatureDef {
        inputs: inputs.into_iter().map(input).collect::<Result<_>>()?,
        outputs: outputs.into_iter().map(|name| (name.to_owned(), result(name))).collect(),
        ..SignatureDef::default()
    }))
}

fn names(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// The placeholders that outputs need.
fn needed<'a>(outputs: &[&'a str], by_name: &HashMap<&str, &'a NodeDef>) -> BTreeSet<&'a str> {
    let mut open: Vec<&str> = outputs.iter().map(|output| node_of(output)).collect();
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(name) = open.pop() {
        let Some(node) = by_name.get(name).filter(|_| seen.insert(name)) else { continue };
        if is_placeholder(node) {
            found.insert(name);
        }
        let data = node.input.iter().filter(|from| !from.starts_with('^'));
        open.extend(data.map(|from| node_of(from)));
    }
    found
}

/// Whether a node takes what is fed.
pub fn is_placeholder(node: &NodeDef) -> bool {
    matches!(node.op.as_str(), "Placeholder" | "PlaceholderV2")
}

/// What a placeholder says of itself.
pub fn placeholder(node: &NodeDef) -> TensorInfo {
    let value = |name: &str| node.attr.get(name).and_then(|attr| attr.value.as_ref());
    let tensor_shape = match value("shape") {
        Some(attr_value::Value::Shape(shape)) => Some(shape.clone()),
        _ => None,
    };
    let dtype = match value("dtype") {
        Some(attr_value::Value::Type(code)) => *code,
        _ => DataType::DtInvalid as i32,
    };
    info(&node.name, dtype, tensor_shape)
}

/// A result of which only the name is known.
pub fn result(name: &str) -> TensorInfo {
    info(name, DataType::DtInvalid as i32, None)
}

fn info(name: &str, dtype: i32, tensor_shape: Option<TensorShapeProto>) -> TensorInfo {
    let encoding = Some(tensor_info::Encoding::Name(name.to_owned()));
    TensorInfo { dtype, tensor_shape, encoding }
}
