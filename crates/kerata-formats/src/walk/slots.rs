//! The state of optimizers: which variables Keras keeps for which weight, in which order.

use std::collections::HashMap;

use kerata_core::Tree;
use regex::Regex;

use super::container_key;
use super::facts::{Facts, Part};

/// A weight that an optimizer is built on.
#[derive(Clone, Debug)]
pub struct SlotTarget {
    /// Keras's path of the weight: `dense/kernel`.
    pub path: String,
    /// Its shape.
    pub shape: Vec<u64>,
}

/// One variable of an optimizer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Slot {
    /// Path of its dataset: `optimizer/vars/2`.
    pub path: String,
    /// What it holds: `iteration`, `learning_rate`, `momentum`, ...
    pub name: String,
    /// Position of the weight that it belongs to; `None` for counters and rates.
    pub target: Option<usize>,
    /// Its shape.
    pub shape: Vec<u64>,
    /// The path that Keras gives it: `adam/dense_kernel_momentum`.
    pub keras_path: String,
}

/// The variables of a serialized optimizer built on these weights, in Keras's order, each object's own ones together;
/// `None` for custom classes. Paths start at `optimizer`.
pub fn slots(optimizer: &Tree, targets: &[SlotTarget]) -> Option<Vec<Slot>> {
    let all: Vec<usize> = (0..targets.len()).collect();
    let mut out = Vec::new();
    object(&Part::of(optimizer), "optimizer", targets, &all, &mut out)?;
    Some(out)
}

/// What an optimizer class keeps beside iteration and learning rate.
struct OptimizerClass {
    name: &'static str,
    slots: fn(&Facts<'_>, &SlotTarget) -> Vec<&'static [&'static str]>,
    /// A scalar at the end.
    last: Option<&'static str>,
}

/// Groups of slots: those of one group stand together for each weight, groups follow each other.
const OPTIMIZERS: &[OptimizerClass] = &[
    OptimizerClass::new("Adadelta", |_, _| vec![&["accumulated_grad", "accumulated_delta_var"]]),
    OptimizerClass::new("Adafactor", |_, _| vec![&["row", "column", "velocity"]]),
    OptimizerClass::new("Adagrad", |_, _| vec![&["accumulator"]]),
    OptimizerClass::new("Adam", adam),
    OptimizerClass::new("AdamW", adam),
    OptimizerClass::new("Adamax", |_, _| vec![&["momentum", "norm"]]),
    OptimizerClass::new("Ftrl", |_, _| vec![&["accumulator", "linear"]]),
    OptimizerClass::new("Lamb", |_, _| vec![&["momentum", "velocity"]]),
    OptimizerClass::new("Lion", |_, _| vec![&["momentum"]]),
    OptimizerClass::new("Muon", muon),
    OptimizerClass {
        last: Some("u_product"),
        ..OptimizerClass::new("Nadam", |_, _| vec![&["momentum", "velocity"]])
    },
    OptimizerClass::new("RMSprop", |facts, _| {
        let mut groups: Vec<&'static [&'static str]> = vec![&["velocity"]];
        groups.extend((number(facts, "momentum") > 0.0).then_some(&["momentum"] as &[_]));
        groups.extend(facts.flag("centered", false).then_some(&["average_gradient"] as &[_]));
        groups
    }),
    OptimizerClass::new("SGD", |facts, _| {
        (number(facts, "momentum") != 0.0).then_some(&["momentum"] as &[_]).into_iter().collect()
    }),
    OptimizerClass::new("ScheduleFreeAdamW", |_, _| vec![&["momentum", "velocity"]]),
];

impl OptimizerClass {
    const fn new(
        name: &'static str,
        slots: fn(&Facts<'_>, &SlotTarget) -> Vec<&'static [&'static str]>,
    ) -> Self {
        Self { name, slots, last: None }
    }
}

fn adam(facts: &Facts<'_>, _: &SlotTarget) -> Vec<&'static [&'static str]> {
    let mut groups: Vec<&'static [&'static str]> = vec![&["momentum", "velocity"]];
    groups.extend(facts.flag("amsgrad", false).then_some(&["velocity_hat"] as &[_]));
    groups
}

/// Muon keeps a velocity for what it leaves to Adam: all but matrices, embeddings, layers that are excluded.
fn muon(facts: &Facts<'_>, target: &SlotTarget) -> Vec<&'static [&'static str]> {
    let is_embedding = target.path.to_lowercase().contains("embedding");
    let patterns = facts.get("exclude_layers").and_then(Tree::as_list).unwrap_or_default();
    let excluded = patterns
        .iter()
        .filter_map(Tree::as_str)
        .any(|pattern| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(&target.path)));
    let by_adam =
        target.shape.len() != 2 || is_embedding && facts.flag("exclude_embeddings", true) || excluded;
    if by_adam { vec![&["momentum", "velocity"]] } else { vec![&["momentum"]] }
}

fn number(facts: &Facts<'_>, key: &str) -> f64 {
    facts.get(key).and_then(Tree::as_f64).unwrap_or(0.0)
}

/// One variable before it has a path.
struct Entry {
    name: &'static str,
    target: Option<usize>,
    shape: Vec<u64>,
    keras_path: String,
}

/// Adds an optimizer's variables and those of the optimizers that it holds; gives all of them in order.
fn object(
    part: &Part<'_>,
    path: &str,
    targets: &[SlotTarget],
    on: &[usize],
    out: &mut Vec<Slot>,
) -> Option<()> {
    let entries = entries(part, targets, on)?;
    for (index, entry) in entries.into_iter().enumerate() {
        let Entry { name, target, shape, keras_path } = entry;
        out.push(Slot {
            path: format!("{path}/vars/{index}"),
            name: name.to_owned(),
            target,
            shape,
            keras_path,
        });
    }
    let facts = Facts::of(part);
    if let Some(inner) = facts.part("inner_optimizer") {
        object(&inner, &format!("{path}/inner_optimizer"), targets, on, out)?;
    }
    if part.class_name == "MultiOptimizer" {
        let mut used = HashMap::new();
        for (inner, on) in shared_out(&facts, targets, on) {
            let name = container_key(&inner.class_name, &mut used);
            object(&inner, &format!("{path}/optimizers/{name}"), targets, &on, out)?;
        }
    }
    Some(())
}

/// An optimizer's variables, with those of the optimizers inside it.
fn entries(part: &Part<'_>, targets: &[SlotTarget], on: &[usize]) -> Option<Vec<Entry>> {
    let facts = Facts::of(part);
    let prefix = part.name.clone().unwrap_or_default();
    let scalar = |name: &'static str| {
        let keras_path = if name == "u_product" { "variable".to_owned() } else { format!("{prefix}/{name}") };
        Entry { name, target: None, shape: Vec::new(), keras_path }
    };
    let has_schedule = facts.get("learning_rate").is_some_and(|rate| rate.class_name().is_some());
    let mut out = vec![scalar("iteration")];
    out.extend((!has_schedule).then(|| scalar("learning_rate")));
    match part.class_name.as_str() {
        "LossScaleOptimizer" => {
            out.extend([scalar("step_counter"), scalar("dynamic_scale")]);
            out.extend(entries(&facts.part("inner_optimizer")?, targets, on)?);
            return Some(out);
        }
        "MultiOptimizer" => {
            for (inner, on) in shared_out(&facts, targets, on) {
                out.extend(entries(&inner, targets, &on)?);
            }
            return Some(out);
        }
        _ => {}
    }
    let class = OPTIMIZERS.iter().find(|class| class.name == part.class_name)?;
    let slot = |name: &'static str, at: usize, shape: Vec<u64>| {
        let owner = targets.get(at).map(|target| target.path.replace('/', "_")).unwrap_or_default();
        Entry { name, target: Some(at), shape, keras_path: format!("{prefix}/{owner}_{name}") }
    };
    let chosen: Vec<(usize, &SlotTarget)> =
        on.iter().filter_map(|at| Some((*at, targets.get(*at)?))).collect();
    let accumulates = facts.get("gradient_accumulation_steps").and_then(Tree::as_i64).unwrap_or(0) > 0;
    for (name, wanted) in [("average", facts.flag("use_ema", false)), ("gradient_accumulator", accumulates)] {
        if wanted {
            out.extend(chosen.iter().map(|(at, target)| slot(name, *at, target.shape.clone())));
        }
    }
    let groups = chosen.iter().map(|(_, target)| (class.slots)(&facts, target).len()).max().unwrap_or(0);
    for group in 0..groups {
        for (at, target) in &chosen {
            for name in (class.slots)(&facts, target).get(group).copied().unwrap_or_default() {
                out.push(slot(name, *at, slot_shape(class.name, name, target)));
            }
        }
    }
    out.extend(class.last.map(scalar));
    Some(out)
}

/// Adafactor keeps means over the last and the last but one axis; all other slots are as large as their weight.
fn slot_shape(class: &str, name: &str, target: &SlotTarget) -> Vec<u64> {
    let rank = target.shape.len();
    let without = |axis: usize| {
        let kept = target.shape.iter().enumerate().filter(|(at, _)| *at != axis);
        kept.map(|(_, size)| *size).collect()
    };
    match (class, name) {
        ("Adafactor", "row" | "column") if rank < 2 => Vec::new(),
        ("Adafactor", "row") => without(rank - 1),
        ("Adafactor", "column") => without(rank - 2),
        _ => target.shape.clone(),
    }
}

/// The optimizers of a `MultiOptimizer` with the weights that each gets: by exact path, then by pattern, else the default.
fn shared_out<'a>(facts: &Facts<'a>, targets: &[SlotTarget], on: &[usize]) -> Vec<(Part<'a>, Vec<usize>)> {
    let Some(map) = facts.get("optimizer_map").and_then(|map| map.get("config")) else { return Vec::new() };
    let entries = map.get("optimizer_map").and_then(Tree::as_object);
    let mut shares: Vec<(Option<&str>, Part<'a>, Vec<usize>)> = Vec::new();
    for (key, optimizer) in entries.into_iter().flatten() {
        shares.push((Some(key), Part::of(optimizer), Vec::new()));
    }
    if let Some(default) = map.get("default_optimizer") {
        shares.push((None, Part::of(default), Vec::new()));
    }
    let patterns: Vec<Option<Regex>> = shares
        .iter()
        .map(|(key, _, _)| key.and_then(|key| Regex::new(&format!("^(?:{key})$")).ok()))
        .collect();
    for at in on {
        let Some(target) = targets.get(*at) else { continue };
        let exact = shares.iter().position(|(key, _, _)| *key == Some(target.path.as_str()));
        let fits = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|one| one.is_match(&target.path));
        let chosen = exact.or_else(|| patterns.iter().position(fits));
        let chosen = chosen.or_else(|| shares.iter().position(|(key, _, _)| key.is_none()));
        if let Some((_, _, share)) = chosen.and_then(|chosen| shares.get_mut(chosen)) {
            share.push(*at);
        }
    }
    shares.into_iter().map(|(_, part, share)| (part, share)).collect()
}
