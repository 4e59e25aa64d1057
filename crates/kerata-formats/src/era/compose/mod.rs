//! Layers that Keras 3 no longer has, written as small models of layers and ops that it has: the same numbers, the same
//! weights in their new places, optimizer state included.
//!
//! One file a composition, one line in [`COMPOSITIONS`].

mod batch_normalization;
mod highway;
mod locally_connected;
mod maxout_dense;
mod moves;
mod net;
mod parametric;
mod random_crop;
mod random_fourier_features;
mod random_size;
mod separable;
mod time_major;
mod turn;

use std::collections::HashMap;

use kerata_core::graph::TensorSpec;
use kerata_core::{Artifact, Object, Result, Tree};

use super::marks::{Marks, Walked};
use super::{Change, Era, Known};
use crate::walk;
pub(super) use moves::{Moved, apply};
use turn::Turn;

/// Tries a layer: nothing to do, what stands for it, or why nothing can.
type Compose = fn(&Old<'_>) -> Found;

/// The answer of a composition.
type Found = Result<Option<Composed>, String>;

/// Classes with what stands for them.
const COMPOSITIONS: &[(&[&str], Compose)] = &[
    (&["BatchNormalization"], batch_normalization::compose),
    (&["Highway"], highway::compose),
    (&["LocallyConnected1D", "LocallyConnected2D"], locally_connected::compose),
    (&["MaxoutDense"], maxout_dense::compose),
    (&["ParametricSoftplus", "SReLU"], parametric::compose),
    (&["RandomCrop"], random_crop::compose),
    (&["RandomFourierFeatures"], random_fourier_features::compose),
    (&["RandomHeight", "RandomWidth"], random_size::compose),
    (&["SeparableConv1D"], separable::compose),
    (&["Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN"], time_major::compose),
];

/// A layer of an older era.
struct Old<'a> {
    class: &'a str,
    config: &'a Object,
    tree: &'a Tree,
    inputs: &'a [TensorSpec],
    shapes: HashMap<&'a str, &'a [u64]>,
    has_masks: bool,
    /// Whether the file is older than Keras 3.
    is_old: bool,
}

/// What stands for a layer.
pub(super) struct Composed {
    tree: Tree,
    moves: Vec<Move>,
    /// What people are told.
    what: String,
}

/// Where a variable goes; what is not moved is dropped.
pub(super) enum Move {
    /// One variable, by its index.
    Variable { from: usize, layer: String, to: usize, turn: Turn },
    /// Everything below the layer.
    All { layer: String },
}

impl Old<'_> {
    /// The shape of the variable of an index.
    fn shape(&self, index: usize) -> Result<&[u64], String> {
        self.shape_of(&format!("vars/{index}"))
    }

    /// The shape of a variable below the layer.
    fn shape_of(&self, path: &str) -> Result<&[u64], String> {
        self.shapes.get(path).copied().ok_or_else(|| format!("its variable `{path}` is not there"))
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        self.config.get(key).and_then(Tree::as_bool).unwrap_or(default)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.config.get(key).and_then(Tree::as_str)
    }

    /// The shape of the first input with its batch axis.
    fn input(&self) -> Option<Vec<Option<u64>>> {
        self.inputs.first().map(|spec| spec.shape.axes().to_vec())
    }

    /// Refuses models with masks, which would end at the composition.
    fn without_masks(&self) -> Result<(), String> {
        match self.has_masks {
            true => Err("the model has masks, which do not pass through what Keras 3 has instead".to_owned()),
            false => Ok(()),
        }
    }
}

impl Move {
    fn same(from: usize, layer: String, to: usize) -> Self {
        Self::Variable { from, layer, to, turn: Turn::Same }
    }
}

/// What composing came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub changes: Vec<Change>,
    /// Place and reason of each layer for which nothing stands.
    pub refused: Vec<(String, String)>,
}

/// Writes the layers of an artifact (its config normalised) as ones that Keras 3 has, as far as it can.
pub(super) fn compose(artifact: &mut Artifact, known: &Known) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let Some(config) = artifact.config.as_ref().filter(|config| is_of_interest(config)) else {
        return Ok(outcome);
    };
    let mut marked = config.clone();
    let marks = Marks::set(&mut marked);
    let before = Walked::of(&walk::objects(&marked));
    let mut work = Composing {
        artifact,
        known,
        before: &before,
        marks: &marks,
        has_masks: has_masks(&marked),
        names: Vec::new(),
        moves: HashMap::new(),
        outcome: &mut outcome,
    };
    work.inside(&mut marked);
    let moves = work.moves;
    if moves.is_empty() {
        return Ok(outcome);
    }
    let old_config = artifact.config.clone().unwrap_or_default();
    let after = Walked::of(&walk::objects(&marked));
    marks.clear(&mut marked);
    apply(artifact, &old_config, marked, &Moved { before, after, moves })?;
    Ok(outcome)
}

fn is_of_interest(tree: &Tree) -> bool {
    let own = tree.class_name().is_some_and(|class| composition(class).is_some());
    own || match tree {
        Tree::List(items) => items.iter().any(is_of_interest),
        Tree::Object(entries) => entries.values().any(is_of_interest),
        _ => false,
    }
}

fn composition(class: &str) -> Option<Compose> {
    COMPOSITIONS.iter().find(|(classes, _)| classes.contains(&class)).map(|(_, compose)| *compose)
}

/// Whether some layer makes masks.
fn has_masks(tree: &Tree) -> bool {
    let own = match tree.class_name() {
        Some("Masking") => true,
        Some("Embedding") => tree.path(&["config", "mask_zero"]).and_then(Tree::as_bool) == Some(true),
        _ => false,
    };
    own || match tree {
        Tree::List(items) => items.iter().any(has_masks),
        Tree::Object(entries) => entries.values().any(has_masks),
        _ => false,
    }
}

struct Composing<'a> {
    artifact: &'a Artifact,
    known: &'a Known,
    before: &'a Walked,
    marks: &'a Marks,
    has_masks: bool,
    /// Names of the models around, without that of the outermost.
    names: Vec<String>,
    /// By mark.
    moves: HashMap<String, Vec<Move>>,
    outcome: &'a mut Outcome,
}

impl Composing<'_> {
    /// The layers inside a model or wrapper.
    fn inside(&mut self, tree: &mut Tree) {
        let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) else { return };
        let mut replaced = Vec::new();
        for layer in config.get_mut("layers").and_then(Tree::as_list_mut).into_iter().flatten() {
            let name = layer.get("name").and_then(Tree::as_str).map(str::to_owned);
            if self.layer(layer) {
                replaced.extend(name);
            }
        }
        if let Some(outputs) = config.get_mut("output_layers") {
            count_from_one(outputs, &replaced);
        }
        if let Some(layer) = config.get_mut("layer").filter(|layer| layer.class_name().is_some()) {
            self.layer(layer);
        }
    }

    /// One layer; gives whether a model stands for it now.
    fn layer(&mut self, tree: &mut Tree) -> bool {
        let mark = tree.path(&["config", "name"]).and_then(Tree::as_str).unwrap_or_default().to_owned();
        let name = self.marks.original(&mark).to_owned();
        self.names.push(name.clone());
        let made = self.try_one(tree, &mark, &name);
        if !made {
            self.inside(tree);
        }
        self.names.pop();
        made
    }

    fn try_one(&mut self, tree: &mut Tree, mark: &str, name: &str) -> bool {
        let Some(class) = tree.class_name().map(str::to_owned) else { return false };
        let Some(compose) = composition(&class) else { return false };
        let empty = Object::new();
        let path = self.before.path(mark).unwrap_or_default().to_owned();
        let below = format!("{path}/");
        let shapes =
            self.artifact.variables.iter().filter_map(|(at, variable)| {
                Some((at.strip_prefix(below.as_str())?, variable.shape.as_slice()))
            });
        let old = Old {
            class: &class,
            config: tree.get("config").and_then(Tree::as_object).unwrap_or(&empty),
            tree: &*tree,
            inputs: self.known.inputs(&self.names),
            shapes: shapes.collect(),
            has_masks: self.has_masks,
            is_old: Era::of(self.artifact.metadata.keras_version.as_deref()) < Era::Keras3,
        };
        match compose(&old) {
            Ok(None) => false,
            Ok(Some(composed)) => {
                let place = self.names.join("/");
                self.outcome.changes.push(Change { place, what: composed.what });
                self.moves.insert(mark.to_owned(), composed.moves);
                put(tree, composed.tree)
            }
            Err(why) => {
                self.outcome.refused.push((format!("layer `{name}`"), format!("`{class}`: {why}")));
                false
            }
        }
    }
}

/// Puts what stands for a layer into its place; gives whether it is a model.
fn put(tree: &mut Tree, new: Tree) -> bool {
    let is_model = new.class_name() == Some("Functional");
    let (Some(entries), Tree::Object(new)) = (tree.as_object_mut(), new) else { return false };
    for (key, value) in new {
        entries.insert(key, value);
    }
    for key in ["build_config", "shared_object_id"] {
        entries.shift_remove(key);
    }
    is_model
}

/// Entries of `output_layers` count the calls of a model from one.
fn count_from_one(ends: &mut Tree, names: &[String]) {
    match ends {
        Tree::List(items) => {
            if let [Tree::Text(name), Tree::Int(node), Tree::Int(_)] = items.as_mut_slice() {
                *node += i128::from(names.contains(name));
                return;
            }
            items.iter_mut().for_each(|item| count_from_one(item, names));
        }
        Tree::Object(entries) => entries.values_mut().for_each(|item| count_from_one(item, names)),
        _ => {}
    }
}
