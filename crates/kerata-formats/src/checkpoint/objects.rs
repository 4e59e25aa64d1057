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

/// Edges that lead to what a Keras model keeps for its metrics.
const METRIC_EDGES: &[&str] =
    &["metrics", "_metrics", "keras_api_metrics", "_compile_metrics", "_loss_tracker", "compiled_metrics"];
/// Edges of an optimizer that lead back to the variables it trains.
const TRAINED_EDGES: &[&str] = &["_trainable_variables", "_model_variables_moving_average"];

impl Objects {
    /// What each object that the root reaches is for.
    pub fn roles(&self) -> Vec<Option<Role>> {
        let mut roles = vec![None; self.0.len()];
        // What is reached without an optimizer or a metric is a weight, so those go first.
        for stage in [Role::Weight, Role::Metric, Role::Optimizer] {
            self.walk(stage, &mut roles);
        }
        roles
    }

    fn walk(&self, stage: Role, roles: &mut [Option<Role>]) {
        let mut queue = VecDeque::from([(0usize, Role::Weight)]);
        let mut seen = HashSet::from([0]);
        while let Some((index, role)) = queue.pop_front() {
            let (Some(node), Some(known)) = (self.0.get(index), roles.get_mut(index)) else { continue };
            known.get_or_insert(role);
            let is_optimizer = self.is_optimizer(node);
            for (edge, child) in &node.children {
                let role = self.role_behind(role, *child, is_optimizer, edge);
                if rank(role) <= rank(stage) && seen.insert(*child) {
                    queue.push_back((*child, role));
                }
            }
            for slot in node.slots.iter().filter(|_| stage == Role::Optimizer) {
                if let Some(known) = roles.get_mut(slot.variable) {
                    known.get_or_insert(Role::Optimizer);
                }
            }
        }
    }

    fn role_behind(&self, role: Role, child: usize, is_optimizer: bool, edge: &str) -> Role {
        if is_optimizer && TRAINED_EDGES.contains(&edge) {
            return role;
        }
        let child = self.0.get(child);
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
        let roles: Vec<Role> = objects.roles().into_iter().map(Option::unwrap).collect();
        assert_eq!((roles[2], roles[3], roles[6]), (Role::Optimizer, Role::Optimizer, Role::Weight));
    }

    #[test]
    fn slots_are_state_of_their_optimizer() {
        let mut objects = objects(&[&[("opt", 1), ("v", 2)], &[], &[], &[]]);
        objects.0[1].slots.push(Slot { original: 2, name: "m".to_owned(), variable: 3 });
        assert_eq!(objects.roles(), [Role::Weight, Role::Optimizer, Role::Weight, Role::Optimizer].map(Some));
    }

    #[test]
    fn cycles_and_long_chains_end() {
        let chain =
            |index: usize| Node { children: vec![("next".to_owned(), (index + 1) % 100_000)], slots: vec![] };
        let objects = Objects((0..100_000).map(chain).collect());
        assert!(objects.roles().iter().all(|role| *role == Some(Role::Weight)));
    }
}
