//! The nodes of a graph, written into a function.

use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::{Error, Result};

use super::table::{decomposed, write};
use super::writer::{FunctionWriter, Val};

/// Writes the body of a loop or branch, whose inputs are these; gives its outputs.
pub fn write_body(f: &mut FunctionWriter<'_>, graph: &Graph, inputs: &[Val]) -> Result<Vec<Val>> {
    let no_variables = |path: &str| Err(Error::internal(format!("variable `{path}` is read in a body")));
    let (outputs, _) = write_graph(f, &decomposed(graph)?, inputs, &no_variables)?;
    Ok(outputs)
}

/// Writes all nodes of a graph; gives its outputs and the values of its updates.
pub fn write_graph(
    f: &mut FunctionWriter<'_>,
    graph: &Graph,
    inputs: &[Val],
    variables: &dyn Fn(&str) -> Result<Val>,
) -> Result<(Vec<Val>, Vec<Val>)> {
    if graph.inputs.len() != inputs.len() {
        return Err(Error::internal(format!(
            "{} inputs for a graph of {}",
            inputs.len(),
            graph.inputs.len()
        )));
    }
    let mut values: Vec<Vec<Val>> = Vec::with_capacity(graph.nodes.len());
    for (index, node) in graph.nodes.iter().enumerate() {
        let made = match &node.kind {
            NodeKind::Input { name } => {
                let position = graph.inputs.iter().position(|input| input.node == index);
                let value = position.and_then(|position| inputs.get(position));
                vec![value.cloned().ok_or_else(|| Error::internal(format!("input `{name}` is not listed")))?]
            }
            NodeKind::Variable { path, .. } => vec![variables(path)?],
            NodeKind::Constant(array) => vec![f.constant(array)?],
            NodeKind::Op(op) => {
                let inputs = node.inputs.iter().map(|id| pick(&values, *id)).collect::<Result<Vec<_>>>()?;
                write(f, node, &**op, &inputs)?
            }
            other => return Err(Error::unsupported(format!("a node of kind {other:?}"))),
        };
        values.push(made);
    }
    let outputs = graph.outputs.iter().map(|(_, id)| pick(&values, *id)).collect::<Result<_>>()?;
    let updates = graph.updates.iter().map(|(_, id)| pick(&values, *id)).collect::<Result<_>>()?;
    Ok((outputs, updates))
}

fn pick(values: &[Vec<Val>], id: ValueId) -> Result<Val> {
    let value = values.get(id.node).and_then(|outputs| outputs.get(id.output));
    value
        .cloned()
        .ok_or_else(|| Error::internal(format!("value {}.{} is not written yet", id.node, id.output)))
}
