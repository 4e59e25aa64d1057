//! Writes a frozen graph that was read: byte for byte, or with other values of its weights.

use std::sync::Arc;

use kerata_core::artifact::Original;
use kerata_core::{Artifact, Error, LossReport, Result, ResultExt, Sink, Variable};
use prost::Message;

use crate::containers::proto;
use crate::containers::proto::tensorflow::{GraphDef, TensorProto, attr_value};

/// Writes the graph that an artifact was read from.
pub(super) fn write(artifact: &Artifact, sink: &mut dyn Sink) -> Result<LossReport> {
    let is_graph = artifact.metadata.format.as_deref() == Some("graph_def");
    let is_own = |original: &&Arc<Original>| is_graph && original.has_traces(artifact.traces.as_ref());
    let original = artifact.original.as_ref().filter(is_own);
    let Some((original, (_, data))) = original.and_then(|all| Some((all, all.files.first()?))) else {
        return Err(Error::unsupported("only a frozen graph that was read can be written")
            .hint("`kerata export MODEL DST --to saved_model` writes the graph of any model"));
    };
    if original.changed(&artifact.variables)?.is_some_and(|changed| changed.is_empty()) {
        data.stream(&mut |part| sink.write(part))?;
        return Ok(LossReport::new());
    }
    let mut graph: GraphDef = proto::decode(data.bytes()?.into_owned().into())?;
    for (path, old) in original.variables.iter() {
        let new = artifact.variables.get(path);
        let new = new.filter(|new| new.dtype == old.dtype && new.shape == old.shape);
        let new = new.ok_or_else(|| Error::mismatch(format!("weight `{path}` is gone or another one")))?;
        put(&mut graph, path, new).at(|| format!("node `{path}`"))?;
    }
    sink.write(&graph.encode_to_vec())?;
    Ok(LossReport::new())
}

/// Gives the constant of this name another value.
fn put(graph: &mut GraphDef, name: &str, value: &Variable) -> Result<()> {
    let node = graph.node.iter_mut().find(|node| node.name == name);
    let attribute = node.and_then(|node| node.attr.get_mut("value")).and_then(|attr| attr.value.as_mut());
    let Some(attr_value::Value::Tensor(tensor)) = attribute else {
        return Err(Error::internal("a constant that was read"));
    };
    *tensor = TensorProto {
        dtype: tensor.dtype,
        tensor_shape: tensor.tensor_shape.take(),
        tensor_content: value.data.bytes()?.into_owned().into(),
        ..TensorProto::default()
    };
    Ok(())
}
