//! Cutting the nodes of a loop or branch out of a graph: what its results need, up to its border.

use std::collections::{BTreeMap, HashMap, HashSet};

use kerata_core::{Error, Result};

use super::Reference;
use crate::containers::proto::tensorflow::NodeDef;

/// Nodes by name.
pub(super) struct Nodes {
    pub all: Vec<NodeDef>,
    places: HashMap<String, usize>,
}

impl Nodes {
    pub fn new(all: Vec<NodeDef>) -> Self {
        let places = all.iter().enumerate().map(|(at, node)| (node.name.clone(), at)).collect();
        Self { all, places }
    }

    /// The node of this name; arguments of a function are none.
    pub fn get(&self, name: &str) -> Option<&NodeDef> {
        self.places.get(name).and_then(|at| self.all.get(*at))
    }

    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub fn push(&mut self, node: NodeDef) {
        self.places.insert(node.name.clone(), self.all.len());
        self.all.push(node);
    }

    pub fn replace(&mut self, node: NodeDef) {
        if let Some(place) = self.place(&node.name).and_then(|at| self.all.get_mut(at)) {
            *place = node;
        }
    }
}

/// The data inputs of a node.
pub(super) fn inputs(node: &NodeDef) -> impl Iterator<Item = Reference> + '_ {
    node.input.iter().map(|from| Reference::canonical(from)).filter(|from| !from.is_control)
}

/// On which side of the border an input lies.
pub(super) enum Border {
    /// The node belongs to the part that is cut out.
    Inside,
    /// An argument stands for this output.
    Argument(String),
    /// The order of things outside does not matter inside.
    Nothing,
}

/// What was cut out.
pub(super) struct Part {
    pub nodes: Vec<NodeDef>,
    pub results: Vec<Reference>,
}

/// Copies what results need, up to the border; `border` says on which side an input is.
pub(super) fn cut(
    nodes: &Nodes,
    results: &[Reference],
    border: &mut dyn FnMut(&Reference) -> Result<Border>,
) -> Result<Part> {
    let mut made: BTreeMap<usize, NodeDef> = BTreeMap::new();
    let mut seen: HashSet<usize> = HashSet::new();
    let mut open: Vec<usize> = Vec::new();
    let mut moved = |from: &Reference, open: &mut Vec<usize>| {
        Ok::<_, Error>(match border(from)? {
            Border::Argument(name) => Some(Reference { node: name, output: 0, is_control: false }),
            Border::Nothing if from.is_control => None,
            Border::Nothing => return Err(Error::unsupported(format!("`{}` is used inside", from.text()))),
            Border::Inside => {
                let place = nodes.place(&from.node);
                open.push(
                    place.ok_or_else(|| Error::corrupt(format!("node `{}` is not stored", from.node)))?,
                );
                Some(from.clone())
            }
        })
    };
    let mut ends = Vec::new();
    for result in results {
        let end = moved(result, &mut open)?;
        ends.push(end.ok_or_else(|| Error::internal("a result is data"))?);
    }
    while let Some(at) = open.pop() {
        let Some(node) = nodes.all.get(at).filter(|_| seen.insert(at)) else { continue };
        let mut input = Vec::with_capacity(node.input.len());
        for from in &node.input {
            let from = Reference::canonical(from);
            match moved(&from, &mut open)? {
                // Arguments have been computed before anything inside.
                Some(to) if from.is_control && to != from => {}
                Some(to) => input.push(to.text()),
                None => {}
            }
        }
        made.insert(at, NodeDef { input, ..node.clone() });
    }
    Ok(Part { nodes: made.into_values().collect(), results: ends })
}
