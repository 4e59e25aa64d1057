//! The text form of a graph, for people and snapshots.

use std::fmt::{self, Write};

use super::{Graph, NodeKind, ValueId};
use crate::Tree;

/// Longest attribute value printed in full.
const MAX_VALUE_CHARS: usize = 60;

/// One line a node: `%3 = matmul(%0, %2) : float32(None, 4)  # dense`.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_graph(f, self, 0)
    }
}

fn write_graph(f: &mut dyn Write, graph: &Graph, depth: usize) -> fmt::Result {
    let pad = "  ".repeat(depth);
    writeln!(f, "{pad}graph {} {{", graph.name)?;
    for (index, node) in graph.nodes.iter().enumerate() {
        write!(f, "{pad}  %{index} = ")?;
        match &node.kind {
            NodeKind::Input { name } => write!(f, "input {name:?}")?,
            NodeKind::Variable { path, trainable } => {
                write!(f, "variable {path:?}{}", if *trainable { "" } else { " fixed" })?;
            }
            NodeKind::Constant(array) => write!(f, "constant {array:?}")?,
            NodeKind::Op(op) => {
                write!(f, "{}(", op.name())?;
                for (position, id) in node.inputs.iter().enumerate() {
                    f.write_str(if position > 0 { ", " } else { "" })?;
                    write_value(f, graph, *id)?;
                }
                f.write_str(")")?;
                write_attributes(f, &op.attributes())?;
            }
        }
        f.write_str(" :")?;
        for spec in &node.outputs {
            write!(f, " {spec}")?;
        }
        let scope = node.name.rsplit_once('/').map_or("", |(scope, _)| scope);
        if !scope.is_empty() && node.op().is_some() {
            write!(f, "  # {scope}")?;
        }
        writeln!(f)?;
        for subgraph in node.op().into_iter().flat_map(|op| op.subgraphs()) {
            write_graph(f, subgraph, depth + 2)?;
        }
    }
    for (word, values) in [("return", &graph.outputs), ("update", &graph.updates)] {
        for (name, id) in values {
            write!(f, "{pad}  {word} {name:?} = ")?;
            write_value(f, graph, *id)?;
            writeln!(f)?;
        }
    }
    writeln!(f, "{pad}}}")
}

fn write_value(f: &mut dyn Write, graph: &Graph, id: ValueId) -> fmt::Result {
    write!(f, "%{}", id.node)?;
    match graph.nodes.get(id.node) {
        Some(node) if node.outputs.len() == 1 => Ok(()),
        _ => write!(f, ".{}", id.output),
    }
}

fn write_attributes(f: &mut dyn Write, attributes: &Tree) -> fmt::Result {
    let Some(entries) = attributes.as_object().filter(|entries| !entries.is_empty()) else { return Ok(()) };
    f.write_str(" {")?;
    for (position, (key, value)) in entries.iter().enumerate() {
        let text = value.to_json();
        let shown = if text.chars().count() > MAX_VALUE_CHARS { "…" } else { &text };
        write!(f, "{}{key}={shown}", if position > 0 { ", " } else { "" })?;
    }
    f.write_str("}")
}
