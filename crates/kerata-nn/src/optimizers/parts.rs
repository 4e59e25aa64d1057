//! `Part`: an optimizer for some of the variables, as Keras's `MultiOptimizer` has several.

use std::collections::HashMap;

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Object, Result, ResultExt, Tree, ops};
use regex::Regex;

use super::optimizer::{StepOf, number, path, slot_spec};
use super::slots::Slot;
use super::{Optimizer, Trained};
use crate::Registry;
use crate::config::argument;
use crate::layers::snake_case;

/// An optimizer with the variables that are its own.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// A pattern of whole names of variables; none for those that no other part has.
    pattern: Option<Regex>,
    optimizer: Optimizer,
}

/// Variables of a `MultiOptimizer` before those of the optimizers inside it.
const OWN: usize = 2;

/// Reads the optimizers of a `MultiOptimizer`, in the order in which Keras keeps their variables: the default comes last.
pub(super) fn read(config: &Object, registry: &Registry) -> Result<(Vec<Part>, Option<f64>)> {
    let map = config.get("optimizer_map").and_then(|map| map.get("config"));
    let map = map.ok_or_else(|| {
        Error::unsupported("the optimizers are chosen by a function")
            .hint("choose them by an `OptimizerMap` of patterns, which is stored")
    })?;
    let factor: Option<f64> = argument(config, "loss_scale_factor", registry, || None)?;
    let optimizer = |tree: &Tree| {
        let optimizer = Optimizer::read(tree, registry)?;
        Ok::<_, Error>(optimizer.with(|common| common.loss_scale_factor = factor))
    };
    let mut parts = Vec::new();
    for (pattern, tree) in map.get("optimizer_map").and_then(Tree::as_object).into_iter().flatten() {
        let whole = format!("^(?:{pattern})$");
        let pattern =
            Regex::new(&whole).map_err(|_| Error::unsupported(format!("the pattern `{pattern}`")))?;
        parts.push(Part { pattern: Some(pattern), optimizer: optimizer(tree).at(|| whole.clone())? });
    }
    let default = map.require("default_optimizer")?;
    parts.push(Part { pattern: None, optimizer: optimizer(default).at(|| "default_optimizer")? });
    Ok((parts, factor))
}

/// Which variables each part has.
fn shares(parts: &[Part], trained: &[Trained]) -> Result<Vec<Vec<usize>>> {
    let mut shares = vec![Vec::new(); parts.len()];
    for (index, variable) in trained.iter().enumerate() {
        let fits =
            |part: &Part| part.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&variable.name));
        let mut found = (0..parts.len()).filter(|at| parts.get(*at).is_some_and(fits));
        let place = found.next().unwrap_or(parts.len().saturating_sub(1));
        if found.next().is_some() {
            return Err(Error::mismatch(format!("several patterns fit `{}`", variable.name)));
        }
        if let Some(share) = shares.get_mut(place) {
            share.push(index);
        }
    }
    Ok(shares)
}

fn chosen<T: Clone>(all: &[T], share: &[usize]) -> Vec<T> {
    share.iter().filter_map(|index| all.get(*index).cloned()).collect()
}

/// All variables in Keras's order, each part with its own.
fn slots_of_parts(parts: &[Part], trained: &[Trained]) -> Result<Vec<(usize, Vec<Slot>)>> {
    let mut out = Vec::new();
    for (place, (part, share)) in parts.iter().zip(shares(parts, trained)?).enumerate() {
        if share.is_empty() {
            continue;
        }
        let mut slots = part.optimizer.slots(&chosen(trained, &share))?;
        for slot in &mut slots {
            slot.variable = slot.variable.and_then(|index| share.get(index).copied());
        }
        out.push((place, slots));
    }
    Ok(out)
}

/// All variables in Keras's order.
pub(super) fn slots(parts: &[Part], trained: &[Trained]) -> Result<Vec<Slot>> {
    let own = [number("iteration", 0.0, DType::Int64), number("learning_rate", 0.0, DType::Float32)];
    let inner = slots_of_parts(parts, trained)?.into_iter().flat_map(|(_, slots)| slots);
    Ok(own.into_iter().chain(inner).collect())
}

/// What Keras stores once more under the optimizers themselves: path of the copy and of the original.
pub(super) fn copies(parts: &[Part], trained: &[Trained]) -> Result<Vec<(String, String)>> {
    let (mut first, mut out) = (OWN, Vec::new());
    let mut names: HashMap<String, usize> = HashMap::new();
    let folders: Vec<String> = parts
        .iter()
        .map(|part| {
            let class = snake_case(part.optimizer.class_name());
            let count = names.entry(class.clone()).or_default();
            *count += 1;
            if *count == 1 { class } else { format!("{class}_{}", *count - 1) }
        })
        .collect();
    for (place, slots) in slots_of_parts(parts, trained)? {
        let folder = folders.get(place).map_or("", String::as_str);
        let copy = |index| (format!("optimizer/optimizers/{folder}/vars/{index}"), path(first + index));
        out.extend((0..slots.len()).map(copy));
        first += slots.len();
    }
    Ok(out)
}

/// One step of all parts.
pub(super) fn apply(
    parts: &[Part],
    step: &StepOf<'_>,
    gradients: &[Option<Tensor>],
) -> Result<Vec<(usize, Tensor)>> {
    let (mut first, mut out) = (OWN, Vec::new());
    let all = shares(parts, step.trained)?;
    for (part, share) in parts.iter().zip(&all).filter(|(_, share)| !share.is_empty()) {
        let (trained, variables) = (chosen(step.trained, share), chosen(step.variables, share));
        let constrain = |index: usize, value: &Tensor| match share.get(index) {
            Some(index) => (step.constrain)(*index, value),
            None => Err(Error::internal("a variable of no part")),
        };
        let own =
            StepOf { builder: step.builder, trained: &trained, variables: &variables, constrain: &constrain };
        let changed = part.optimizer.apply_at(&own, first, &chosen(gradients, share), None)?;
        out.extend(
            changed.into_iter().filter_map(|(index, value)| Some((share.get(index).copied()?, value))),
        );
        first += part.optimizer.slots(&trained)?.len();
    }
    let spec = slot_spec(&number("iteration", 0.0, DType::Int64));
    let iteration = step.builder.variable(&path(0), spec, false)?;
    step.builder.update(&path(0), &ops::plus(&iteration, 1)?)?;
    Ok(out)
}
