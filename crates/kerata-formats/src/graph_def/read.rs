//! Reads a frozen graph: its weights are variables by the names of their nodes, the graph stays a message.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kerata_core::artifact::{Original, Traces};
use kerata_core::{Artifact, Data, Error, Limits, Result, ResultExt, SourceRef, Variable};

use super::ports;
use crate::containers::bundle::dtype_from_tf;
use crate::containers::proto;
use crate::containers::proto::tensorflow::{GraphDef, MetaGraphDef, NodeDef, attr_value};
use crate::saved_model::describe_signatures;
use crate::tensorflow::import::{Program, array_of, node_of};

/// Bytes that are looked at to find the format.
pub(super) const HEAD_BYTES: u64 = 512;

/// The name that the graph is run under.
const SIGNATURE: &str = "serving_default";

/// Whether a file starts with a node: a name and the name of an op.
pub(super) fn is_graph(head: &[u8]) -> bool {
    let field = |bytes: &[u8], tag: u8| -> Option<(usize, usize)> {
        let rest = bytes.strip_prefix(&[tag])?;
        let len = prost::decode_length_delimiter(rest).ok()?;
        Some((1 + prost::length_delimiter_len(len), len))
    };
    let text = |bytes: &[u8], tag: u8| {
        let (start, len) = field(bytes, tag)?;
        let text = bytes.get(start..start.checked_add(len)?)?;
        (!text.is_empty() && text.iter().all(u8::is_ascii_graphic)).then(|| start + len)
    };
    let found = || {
        let (start, len) = field(head, 0x0a)?;
        let node = head.get(start..)?;
        let after = text(node, 0x0a)?;
        let end = text(node.get(after..)?, 0x12)?;
        (after + end <= len).then_some(())
    };
    found().is_some()
}

/// Whether a file starts with a node in the text form.
pub(super) fn is_text(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    text.strip_prefix(b"node").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
}

/// Reads the artifact of a frozen graph.
pub(super) fn read(name: &str, source: &SourceRef, limits: &Limits) -> Result<Artifact> {
    let graph: GraphDef = proto::read(source)?;
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("graph_def".to_owned());
    add_weights(&mut artifact, &graph.node, limits)?;
    let signature = ports::signature(&graph.node);
    let has_results = !signature.outputs.is_empty();
    let graph = MetaGraphDef {
        signature_def: BTreeMap::from([(SIGNATURE.to_owned(), signature)]),
        graph_def: Some(graph),
        ..MetaGraphDef::default()
    };
    artifact.metadata.extra.insert("signatures".to_owned(), describe_signatures(&graph));
    let files = vec![(name.to_owned(), Data::range(source.clone(), 0, source.len())?)];
    let program = Program::new(Arc::new(graph), &artifact, HashMap::new(), Vec::new(), limits);
    if !has_results {
        artifact.notes.push("no node takes an input and gives a result that no other node takes".to_owned());
    }
    artifact.traces = has_results.then(|| Arc::new(program) as Arc<dyn Traces>);
    let original = Original::new(files, &artifact.variables, artifact.traces.as_ref());
    artifact.original = Some(Arc::new(original));
    Ok(artifact)
}

/// Adds the constants that were variables, or look like weights: floats with axes, and what is read as a variable was.
fn add_weights(artifact: &mut Artifact, nodes: &[NodeDef], limits: &Limits) -> Result<()> {
    let reads = nodes.iter().filter(|node| node.op == "Identity").filter(|node| {
        node.name.ends_with("/read")
            || node.name.rsplit('/').next().unwrap_or("").starts_with("ReadVariableOp")
    });
    let read: HashSet<&str> = reads.filter_map(|node| node.input.first()).map(|from| node_of(from)).collect();
    for node in nodes.iter().filter(|node| node.op == "Const" && node.input.is_empty()) {
        let Some(attr_value::Value::Tensor(tensor)) = node.attr.get("value").and_then(|a| a.value.as_ref())
        else {
            continue;
        };
        let has_axes = tensor.tensor_shape.as_ref().is_some_and(|shape| !shape.dim.is_empty());
        let is_float = dtype_from_tf(tensor.dtype).is_some_and(|dtype| dtype.is_float());
        if !(is_float && has_axes || read.contains(node.name.as_str())) {
            continue;
        }
        let place = || format!("node `{}`", node.name);
        let mut variable: Variable =
            array_of(tensor, limits).and_then(|array| array.to_variable()).at(place)?;
        variable.name = Some(node.name.clone());
        let inserted = artifact.variables.insert(&node.name, variable);
        inserted.map_err(|_| Error::corrupt("two nodes of one name")).at(place)?;
    }
    Ok(())
}
