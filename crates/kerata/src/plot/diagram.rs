//! `Diagram`: layers and the tensors between them, with models inside models.

use std::collections::HashMap;

use kerata_nn::Model;
use kerata_nn::models::{Row, Summary};

use super::kinds::Kind;

/// Layers of one model.
#[derive(Debug, Default)]
pub(super) struct Diagram {
    pub nodes: Vec<Node>,
    /// From and to, by position.
    pub edges: Vec<(usize, usize)>,
}

/// A layer.
#[derive(Debug)]
pub(super) struct Node {
    pub name: String,
    pub class: String,
    pub shape: String,
    pub parameters: u64,
    pub kind: Kind,
    /// How often it is called.
    pub calls: usize,
    /// Its layers, when it is a model.
    pub inner: Option<Diagram>,
}

impl Diagram {
    /// The layers of a summary.
    pub fn of(summary: &Summary) -> Self {
        let mut rows = summary.rows.as_slice();
        Self::read(&mut rows, 0)
    }

    /// Adds the input of a model that keeps none among its layers.
    pub fn add_inputs(&mut self, model: &Model) {
        let has_input = self.nodes.iter().any(|node| node.kind == Kind::Input);
        let Ok(inputs) = model.inputs() else { return };
        let [input] = &inputs.tensors()[..] else { return };
        if has_input || self.nodes.is_empty() {
            return;
        }
        let node = Node {
            name: input.name.clone(),
            class: "InputLayer".to_owned(),
            shape: input.spec.shape.to_string(),
            parameters: 0,
            kind: Kind::Input,
            calls: 1,
            inner: None,
        };
        let starts: Vec<usize> =
            (0..self.nodes.len()).filter(|at| !self.edges.iter().any(|(_, to)| to == at)).collect();
        self.edges.extend(starts.into_iter().map(|start| (self.nodes.len(), start)));
        self.nodes.push(node);
    }

    fn read(rows: &mut &[Row], depth: usize) -> Self {
        let mut diagram = Self::default();
        let mut sources = Vec::new();
        while let Some((row, rest)) = rows.split_first().filter(|(row, _)| row.depth >= depth) {
            *rows = rest;
            let is_nested = rows.first().is_some_and(|next| next.depth > depth);
            let inner = is_nested.then(|| Self::read(rows, depth + 1));
            let class = row.class_name.clone();
            let kind = match inner.is_some() {
                true => Kind::Model,
                false => Kind::of(&class, row.is_operation),
            };
            diagram.nodes.push(Node {
                name: row.name.clone(),
                shape: row.output_shape.clone(),
                parameters: row.parameters,
                calls: 1,
                class,
                kind,
                inner,
            });
            sources.push(&row.connected_to);
        }
        let positions: HashMap<String, usize> =
            diagram.nodes.iter().enumerate().map(|(at, node)| (node.name.clone(), at)).collect();
        for (to, sources) in sources.into_iter().enumerate() {
            for source in sources {
                let Some((name, call)) = parse(source) else { continue };
                let Some(&from) = positions.get(name) else { continue };
                if !diagram.edges.contains(&(from, to)) {
                    diagram.edges.push((from, to));
                }
                if let Some(node) = diagram.nodes.get_mut(from) {
                    node.calls = node.calls.max(call + 1);
                }
            }
        }
        diagram
    }
}

/// Name and call of `dense[0][0]`.
fn parse(source: &str) -> Option<(&str, usize)> {
    let (head, _) = source.strip_suffix(']')?.rsplit_once('[')?;
    let (name, call) = head.strip_suffix(']')?.rsplit_once('[')?;
    Some((name, call.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_named_as_keras_prints_them() {
        assert_eq!(parse("dense[0][0]"), Some(("dense", 0)));
        assert_eq!(parse("a[b][12][3]"), Some(("a[b]", 12)));
        assert_eq!(parse("dense"), None);
    }
}
