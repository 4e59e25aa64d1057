//! The order of layers in a functional model: Keras 3 sorts them by depth, then by traversal from the outputs, and the
//! suffixes of saved paths follow that order.

use std::collections::{HashMap, HashSet};

use kerata_core::{Object, Tree};

/// A call of a layer: position of the layer, number of the call.
type Node = (usize, usize);

/// Puts the layers of a graph (calls in Keras 3 form) into the order that Keras 3 gives them.
pub(super) fn by_depth(config: &mut Object) {
    let Some(layers) = config.get("layers").and_then(Tree::as_list) else { return };
    let graph = Graph::of(layers);
    let outputs = graph.ends(config.get("output_layers"));
    let inputs = graph.ends(config.get("input_layers"));
    let mut search = Search::default();
    for output in outputs {
        graph.visit(output, &mut search);
    }
    let mut node_depths: HashMap<Node, usize> = HashMap::new();
    let mut depths: HashMap<usize, usize> = HashMap::new();
    for node in search.ordered.iter().rev() {
        let depth = *node_depths.entry(*node).or_insert(0);
        let depth = depth.max(depths.get(&node.0).copied().unwrap_or(0));
        depths.insert(node.0, depth);
        node_depths.insert(*node, depth);
        for parent in graph.parents(*node).iter().filter(|parent| search.finished.contains(*parent)) {
            let known = node_depths.entry(*parent).or_insert(0);
            *known = (*known).max(depth + 1);
        }
    }
    let mut first_seen: HashMap<usize, i64> =
        search.layers.iter().enumerate().map(|(at, layer)| (*layer, at as i64)).collect();
    for (layer, _) in inputs {
        if let std::collections::hash_map::Entry::Vacant(depth) = depths.entry(layer) {
            depth.insert(0);
            first_seen.insert(layer, -1);
        }
    }
    let mut order: Vec<usize> = (0..layers.len()).collect();
    // Layers that no output needs stay behind all others.
    order.sort_by_key(|layer| match depths.get(layer) {
        Some(depth) => (0, std::cmp::Reverse(*depth), first_seen.get(layer).copied().unwrap_or(0)),
        None => (1, std::cmp::Reverse(0), *layer as i64),
    });
    let sorted = order.iter().filter_map(|at| layers.get(*at)).cloned().collect();
    config.insert("layers".into(), Tree::List(sorted));
}

struct Graph {
    positions: HashMap<String, usize>,
    functional: HashSet<usize>,
    /// Per layer and call: the calls that its tensors come from, in order.
    parents: Vec<Vec<Vec<Node>>>,
}

#[derive(Default)]
struct Search {
    finished: HashSet<Node>,
    started: HashSet<Node>,
    ordered: Vec<Node>,
    /// Layers in the order in which they were met.
    layers: Vec<usize>,
}

impl Graph {
    fn of(layers: &[Tree]) -> Self {
        let name = |layer: &Tree| {
            layer
                .get("name")
                .or_else(|| layer.path(&["config", "name"]))
                .and_then(Tree::as_str)
                .map(str::to_owned)
        };
        let positions: HashMap<String, usize> =
            layers.iter().enumerate().filter_map(|(at, layer)| Some((name(layer)?, at))).collect();
        let is_functional = |layer: &Tree| layer.path(&["config", "input_layers"]).is_some();
        let functional =
            layers.iter().enumerate().filter(|(_, layer)| is_functional(layer)).map(|(at, _)| at);
        let functional = functional.collect();
        let parents = layers
            .iter()
            .map(|layer| {
                let nodes = layer.get("inbound_nodes").and_then(Tree::as_list).unwrap_or_default();
                let parents = |node: &Tree| {
                    let mut found = Vec::new();
                    tensors(node, &positions, &mut found);
                    found
                };
                nodes.iter().map(parents).collect()
            })
            .collect();
        Self { positions, functional, parents }
    }

    fn parents(&self, node: Node) -> &[Node] {
        self.parents.get(node.0).and_then(|calls| calls.get(node.1)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The calls that inputs or outputs of the model come from, dictionaries by sorted key.
    fn ends(&self, ends: Option<&Tree>) -> Vec<Node> {
        let mut found = Vec::new();
        if let Some(ends) = ends {
            self.collect_ends(ends, &mut found);
        }
        found
    }

    fn collect_ends(&self, ends: &Tree, found: &mut Vec<Node>) {
        match ends {
            Tree::List(items) => match items.as_slice() {
                [Tree::Text(name), Tree::Int(node), Tree::Int(_)] => {
                    let Some(layer) = self.positions.get(name) else { return };
                    let node = node - i128::from(self.functional.contains(layer));
                    found.extend(usize::try_from(node).ok().map(|node| (*layer, node)));
                }
                items => items.iter().for_each(|item| self.collect_ends(item, found)),
            },
            Tree::Object(entries) => {
                let mut entries: Vec<_> = entries.iter().collect();
                entries.sort_by_key(|(key, _)| key.as_str());
                entries.into_iter().for_each(|(_, item)| self.collect_ends(item, found));
            }
            _ => {}
        }
    }

    /// Depth first, parents before children; an own stack, since graphs may be deep.
    fn visit(&self, start: Node, search: &mut Search) {
        let mut stack = vec![(start, 0)];
        while let Some((node, next)) = stack.pop() {
            if next == 0 {
                if search.finished.contains(&node) || !search.started.insert(node) {
                    continue;
                }
                if !search.layers.contains(&node.0) {
                    search.layers.push(node.0);
                }
            }
            match self.parents(node).get(next) {
                Some(parent) => {
                    stack.push((node, next + 1));
                    stack.push((*parent, 0));
                }
                None => {
                    search.finished.insert(node);
                    search.ordered.push(node);
                }
            }
        }
    }
}

/// The tensors of a call in Keras's flattened order: positional, then keywords by sorted name.
fn tensors(tree: &Tree, positions: &HashMap<String, usize>, found: &mut Vec<Node>) {
    if tree.class_name() == Some("__keras_tensor__") {
        if let Some([Tree::Text(name), Tree::Int(node), ..]) =
            tree.path(&["config", "keras_history"]).and_then(Tree::as_list)
            && let (Some(layer), Ok(node)) = (positions.get(name), usize::try_from(*node))
        {
            found.push((*layer, node));
        }
        return;
    }
    match tree {
        Tree::List(items) => items.iter().for_each(|item| tensors(item, positions, found)),
        Tree::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            entries.into_iter().for_each(|(_, item)| tensors(item, positions, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk;

    /// Keras's own files are in that order already.
    #[test]
    fn graphs_written_by_keras_3_stay_in_order() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/walk/cases.jsonl");
        let text = std::fs::read_to_string(path).expect("the fixture is in the repository");
        let mut seen = 0;
        for line in text.lines() {
            let case = Tree::parse(line.as_bytes(), &kerata_core::Limits::default()).expect("JSON");
            let Some(config) = case.get("config").and_then(walk::config_of) else { continue };
            if config.contains_key("input_layers") {
                let mut turned = config.clone();
                if let Some(layers) = turned.get_mut("layers").and_then(Tree::as_list_mut) {
                    layers.reverse();
                }
                by_depth(&mut turned);
                assert_eq!(turned.get("layers"), config.get("layers"));
                seen += 1;
            }
        }
        assert!(seen >= 4, "{seen} graphs");
    }
}
