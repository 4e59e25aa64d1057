//! The graph of tracked objects behind a checkpoint or SavedModel: which object holds a tensor, and what for.

use std::collections::{HashSet, VecDeque};

use kerata_core::{DType, Role};

/// One object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    /// Name of the edge and index of the child, in file order.
    pub children: Vec<(String, usize)>,
    /// Slot variables that this object (an optimizer) keeps: original variable, name of the slot, slot variable.
    pub slots: Vec<Slot>,
}

/// A slot variable of an optimizer.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub original: usize,
    pub name: String,
    pub variable: usize,
}

/// Objects by index; the first is the root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Objects(pub Vec<Node>);

/// Where an object is found from the root.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Edge names from the root, by the shortest way; of a slot variable, those of its original and its optimizer.
    pub path: Vec<String>,
    /// Whether it is reached only through an optimizer.
    pub role: Role,
}

/// Edges that lead to what a Keras model keeps for its metrics.
const METRIC_EDGES: &[&str] =
    &["metrics", "_metrics", "keras_api_metrics", "_compile_metrics", "_loss_tracker", "compiled_metrics"];
/// Edges of an optimizer that lead back to the variables it trains.
const TRAINED_EDGES: &[&str] = &["_trainable_variables", "_model_variables_moving_average"];

impl Objects {
    /// The place of every object that the root reaches.
    pub fn places(&self) -> Vec<Option<Place>> {
        let mut places: Vec<Option<Place>> = vec![None; self.0.len()];
        // What is reached without an optimizer or a metric is a weight, so those go first.
        for stage in [Role::Weight, Role::Metric, Role::Optimizer] {
            self.walk(stage, &mut places);
        }
        places
    }

    fn walk(&self, stage: Role, places: &mut [Option<Place>]) {
        let mut queue = VecDeque::from([(0usize, Vec::new(), Role::Weight)]);
        let mut seen = HashSet::from([0]);
        while let Some((index, path, role)) = queue.pop_front() {
            let (Some(node), Some(place)) = (self.0.get(index), places.get_mut(index)) else { continue };
            place.get_or_insert_with(|| Place { path: path.clone(), role });
            let is_optimizer = self.is_optimizer(node);
            for (edge, child) in &node.children {
                let role = self.role_behind(role, node, is_optimizer, edge);
                if rank(role) <= rank(stage) && seen.insert(*child) {
                    let mut path = path.clone();
                    path.push(edge.clone());
                    queue.push_back((*child, path, role));
                }
            }
            if stage != Role::Optimizer {
                continue;
            }
            for slot in &node.slots {
                let original = places.get(slot.original).cloned().flatten();
                let (Some(original), Some(place)) = (original, places.get_mut(slot.variable)) else {
                    continue;
                };
                place.get_or_insert_with(|| {
                    let mut slot_path = original.path;
                    slot_path.push(".OPTIMIZER_SLOT".to_owned());
                    slot_path.extend(path.iter().cloned());
                    slot_path.push(slot.name.clone());
                    Place { path: slot_path, role: Role::Optimizer }
                });
            }
        }
    }

    fn role_behind(&self, role: Role, node: &Node, is_optimizer: bool, edge: &str) -> Role {
        if is_optimizer && TRAINED_EDGES.contains(&edge) {
            return role;
        }
        let child =
            node.children.iter().find(|(name, _)| name == edge).and_then(|(_, child)| self.0.get(*child));
        if is_optimizer || edge == "optimizer" || child.is_some_and(|child| self.is_optimizer(child)) {
            return Role::Optimizer;
        }
        if METRIC_EDGES.contains(&edge) && role == Role::Weight { Role::Metric } else { role }
    }

    /// Whether an object keeps what only optimizers keep.
    fn is_optimizer(&self, node: &Node) -> bool {
        let has = |name: &str| node.children.iter().any(|(edge, _)| edge == name);
        let has_rate = has("_learning_rate") || has("learning_rate") || has("decay");
        !node.slots.is_empty() || (has("_iterations") || has("iterations") || has("iter")) && has_rate
    }
}

fn rank(role: Role) -> u8 {
    match role {
        Role::Weight => 0,
        Role::Metric => 1,
        _ => 2,
    }
}

/// The role of a variable by what it is called and what it holds, where its place says only that it is a weight.
pub(crate) fn refine(role: Role, full_name: &str, dtype: DType, shape: &[u64]) -> Role {
    if role != Role::Weight {
        return role;
    }
    // Keras 3 keeps two numbers a generator, unsigned or, with TensorFlow, int64; Keras 2 keeps three.
    let is_seed = (dtype.is_integer() && shape == [2] && full_name.contains("seed_generator"))
        || (dtype == DType::Int64 && shape == [3] && full_name.contains("StateVar"));
    match (is_seed, dtype) {
        (true, _) => Role::Seed,
        (false, DType::String | DType::Opaque(_)) => Role::State,
        (false, _) => role,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(edges: &[&[(&str, usize)]]) -> Objects {
        let node = |children: &&[(&str, usize)]| Node {
            children: children.iter().map(|(name, child)| ((*name).to_owned(), *child)).collect(),
            slots: Vec::new(),
        };
        Objects(edges.iter().map(node).collect())
    }

    #[test]
    fn the_shortest_way_names_an_object_and_cycles_end() {
        let objects = objects(&[&[("a", 1), ("b", 2)], &[("deep", 2), ("root", 0)], &[]]);
        let places = objects.places();
        assert_eq!(places[2].as_ref().unwrap().path, ["b"]);
    }

    #[test]
    fn what_only_an_optimizer_reaches_is_its_state() {
        let objects = objects(&[
            &[("opt", 1), ("model", 4)],
            &[("_iterations", 2), ("_learning_rate", 3), ("_trainable_variables", 5)],
            &[],
            &[],
            &[("kernel", 6)],
            &[("0", 6)],
            &[],
        ]);
        let roles: Vec<Role> = objects.places().into_iter().map(|place| place.unwrap().role).collect();
        assert_eq!((roles[2], roles[3], roles[6]), (Role::Optimizer, Role::Optimizer, Role::Weight));
    }

    #[test]
    fn slots_hang_at_their_original() {
        let mut objects = objects(&[&[("opt", 1), ("v", 2)], &[], &[], &[]]);
        objects.0[1].slots.push(Slot { original: 2, name: "m".to_owned(), variable: 3 });
        let places = objects.places();
        let place = places[3].as_ref().unwrap();
        assert_eq!(
            (place.path.join("/"), place.role),
            ("v/.OPTIMIZER_SLOT/opt/m".to_owned(), Role::Optimizer)
        );
    }
}
