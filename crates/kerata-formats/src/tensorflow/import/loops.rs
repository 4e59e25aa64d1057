//! `While`: as a scan where it goes through lists one element a step (the loops of recurrent layers), else as a loop.

use std::collections::{HashMap, HashSet};

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::ops::{self, Range, ScanOptions, Size};
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::control::truth;
use super::functions::node_of;
use super::tensors::array_of;
use super::value::{Element, List, Place, Value, Written};
use crate::containers::proto::tensorflow::{FunctionDef, NodeDef, attr_value};

/// Reads a loop.
pub fn while_loop(c: &Call<'_>) -> Outputs {
    let plan = Plan::new(c)?;
    // What makes a scan impossible (a list that is used in another way) is no reason to give up.
    if let Some(steps) = plan.steps(c)? {
        for is_reverse in [false, true] {
            let way = Way { is_reverse, counts: true };
            let Ok(Some((outputs, uses_counter))) = as_scan(c, &plan, &steps, way) else { continue };
            // A counter that only said where lists are read and written is no state.
            let shorter =
                if uses_counter { None } else { as_scan(c, &plan, &steps, Way { counts: false, ..way })? };
            return Ok(shorter.map_or(outputs, |(outputs, _)| outputs));
        }
    }
    as_loop(c, &plan)
}

/// What the values of a loop are.
struct Plan<'a> {
    condition: &'a str,
    body: &'a str,
    /// Values that the body hands on unchanged.
    is_fixed: Vec<bool>,
    /// Values that begin at 0 and grow by one.
    is_counter: Vec<bool>,
    /// What the counters must stay below for the loop to go on, when that is all the condition says.
    limits: Option<Vec<Limit>>,
}

enum Limit {
    /// Another value of the loop.
    Value(usize),
    Number(i64),
}

impl<'a> Plan<'a> {
    fn new(c: &'a Call<'_>) -> Result<Self> {
        let (condition, body) = (c.function("cond")?, c.function("body")?);
        let step = Body::new(c.reader.function(body)?);
        let test = Body::new(c.reader.function(condition)?);
        let count = c.inputs.len();
        let is_fixed: Vec<bool> =
            (0..count).map(|at| step.result(at).is_some_and(|r| step.argument(r) == Some(at))).collect();
        let starts_at_zero = |at: usize| matches!(c.elements(at), Ok(Some([Element::Known(0)])));
        let is_one = |at: usize| {
            is_fixed.get(at) == Some(&true) && matches!(c.elements(at), Ok(Some([Element::Known(1)])))
        };
        let is_counter: Vec<bool> =
            (0..count).map(|at| starts_at_zero(at) && step.grows(at, &is_one)).collect();
        let limits = test.result(0).and_then(|result| test.limits(result, &is_counter));
        Ok(Self { condition, body, is_fixed, is_counter, limits })
    }

    /// The number of steps, when the loop counts to it.
    fn steps(&self, c: &Call<'_>) -> Result<Option<Element>> {
        let Some(limits) = &self.limits else { return Ok(None) };
        let mut steps: Option<Element> = None;
        for limit in limits {
            let limit = match limit {
                Limit::Number(number) => Element::Known(*number),
                Limit::Value(at) => match c.elements(*at)? {
                    Some([element]) if self.is_fixed.get(*at) == Some(&true) => element.clone(),
                    _ => return Ok(None),
                },
            };
            steps = match steps {
                None => Some(limit),
                Some(known) if known.is_same(&limit) => Some(known),
                Some(Element::Known(a)) if limit.known().is_some() => {
                    Some(Element::Known(a.min(limit.known().unwrap_or(a))))
                }
                Some(_) => return Ok(None),
            };
        }
        Ok(steps.filter(|steps| !steps.is_open() && steps.known().is_none_or(|steps| steps > 0)))
    }

    /// Positions of the values that are carried from step to step.
    fn carried(&self) -> impl Iterator<Item = usize> + '_ {
        self.is_fixed.iter().enumerate().filter(|(_, is_fixed)| !**is_fixed).map(|(at, _)| at)
    }
}

/// A function that is looked at, not run.
struct Body<'a> {
    function: &'a FunctionDef,
    nodes: HashMap<&'a str, &'a NodeDef>,
}

impl<'a> Body<'a> {
    fn new(function: &'a FunctionDef) -> Self {
        let nodes = function.node_def.iter().map(|node| (node.name.as_str(), node)).collect();
        Self { function, nodes }
    }

    /// Where a result comes from.
    fn result(&self, at: usize) -> Option<&'a str> {
        let name = &self.function.signature.as_ref()?.output_arg.get(at)?.name;
        self.function.ret.get(name).map(|from| self.origin(from))
    }

    /// The node or argument behind nodes that change nothing.
    fn origin(&self, from: &'a str) -> &'a str {
        let mut name = node_of(from);
        for _ in 0..64 {
            match self.nodes.get(name) {
                Some(node) if matches!(node.op.as_str(), "Identity" | "Squeeze" | "Snapshot") => {
                    match node.input.first() {
                        Some(input) => name = node_of(input),
                        None => break,
                    }
                }
                _ => break,
            }
        }
        name
    }

    /// The position of an argument of this name.
    fn argument(&self, name: &str) -> Option<usize> {
        self.function.signature.as_ref()?.input_arg.iter().position(|argument| argument.name == name)
    }

    fn input(&self, node: &'a NodeDef, at: usize) -> Option<&'a str> {
        node.input.get(at).map(|from| self.origin(from))
    }

    /// Whether a value goes on as itself plus one; `is_one` says which other values are one.
    fn grows(&self, at: usize, is_one: &dyn Fn(usize) -> bool) -> bool {
        let grown = || {
            let node = *self.nodes.get(self.result(at)?)?;
            if !matches!(node.op.as_str(), "AddV2" | "Add") {
                return None;
            }
            let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
            let step = if self.argument(a) == Some(at) { b } else { a };
            let is_own = self.argument(a) == Some(at) || self.argument(b) == Some(at);
            let is_unit = self.number(step) == Some(1) || self.argument(step).is_some_and(is_one);
            Some(is_own && is_unit)
        };
        grown().unwrap_or(false)
    }

    /// The value of a constant node of one whole number.
    fn number(&self, name: &str) -> Option<i64> {
        let node = self.nodes.get(name).filter(|node| node.op == "Const")?;
        match node.attr.get("value")?.value.as_ref()? {
            attr_value::Value::Tensor(tensor) => {
                let numbers = array_of(tensor, &kerata_core::Limits::default()).ok()?.to_i64s().ok()?;
                numbers.first().copied().filter(|_| numbers.len() == 1)
            }
            _ => None,
        }
    }

    /// The limits of counters that a condition is made of, joined by `and`.
    fn limits(&self, name: &'a str, is_counter: &[bool]) -> Option<Vec<Limit>> {
        let node = *self.nodes.get(name)?;
        match node.op.as_str() {
            "LogicalAnd" => {
                let mut both = self.limits(self.input(node, 0)?, is_counter)?;
                both.extend(self.limits(self.input(node, 1)?, is_counter)?);
                Some(both).filter(|limits| limits.len() <= 8)
            }
            "Less" => {
                let counter = self.argument(self.input(node, 0)?)?;
                let limit = self.input(node, 1)?;
                let limit = match self.argument(limit) {
                    Some(at) => Limit::Value(at),
                    None => Limit::Number(self.number(limit)?),
                };
                (is_counter.get(counter) == Some(&true)).then(|| vec![limit])
            }
            _ => None,
        }
    }
}

/// How a loop is read as a scan.
#[derive(Clone, Copy)]
struct Way {
    /// Whether lists are read and written from their end.
    is_reverse: bool,
    /// Whether the number of the step is a state.
    counts: bool,
}

/// The loop as a scan, and whether anything but the places in lists depends on the number of the step; `None` where it
/// is none.
fn as_scan(c: &Call<'_>, plan: &Plan<'_>, steps: &Element, way: Way) -> Result<Option<(Vec<Value>, bool)>> {
    let mut states = Vec::new();
    let mut sequences = Vec::new();
    let mut read = Vec::new();
    for (at, value) in c.inputs.iter().enumerate() {
        match value {
            Value::List(List::Stacked(stack))
                if plan.is_fixed[at] && Element::of_axis(stack, 0).is_same(steps) =>
            {
                sequences.push(stack.clone());
                read.push(at);
            }
            Value::List(List::Reserved { length, .. }) if !plan.is_fixed[at] => {
                if !length.is_same(steps) && !matches!(length.known(), Some(0 | 1)) {
                    return Ok(None);
                }
            }
            Value::Tensor(_) if !plan.is_fixed[at] && !plan.is_counter[at] => states.push(at),
            Value::Tensor(_) => {}
            _ if plan.is_fixed[at] => {}
            _ => return Ok(None),
        }
    }
    let counters: Vec<usize> = plan.carried().filter(|at| plan.is_counter[*at]).collect();
    let Some(first) = counters.first() else { return Ok(None) };
    let counter = c.tensor(*first)?.clone();
    if counters.iter().any(|at| c.tensor(*at).is_ok_and(|other| other.dtype() != counter.dtype())) {
        return Ok(None);
    }
    let length = steps.known().and_then(|steps| u64::try_from(steps).ok());
    if sequences.is_empty() && length.is_none() {
        return Ok(None);
    }
    let dtype = counter.dtype();
    let mut starts = if way.counts { vec![counter] } else { Vec::new() };
    for at in &states {
        starts.push(c.tensor(*at)?.clone());
    }
    let mut single = Vec::new();
    let mut uses_counter = false;
    let options = ScanOptions { length, reverse: way.is_reverse };
    let (last, stacked) = ops::scan(&c.builder, &starts, &sequences, options, |inner, elements| {
        let child = match inner.first().or(elements.first()) {
            Some(tensor) => tensor.builder().clone(),
            None => return Err(Error::unsupported("a loop that carries nothing")),
        };
        let (counter, inner) = match inner.split_first() {
            Some((counter, inner)) if way.counts => (counter.clone(), inner),
            // Nothing looks at it but to find places.
            _ => (child.constant(Array::scalar(0).cast(dtype)?), inner),
        };
        let place = match way.is_reverse {
            true => Place::Backward(steps.minus(&Element::Known(1))),
            false => Place::Forward(counter.clone()),
        };
        let mut arguments = c.inputs.clone();
        for at in &counters {
            arguments[*at] = Value::with_elements(counter.clone(), vec![Element::Counter]);
        }
        for (at, state) in states.iter().zip(inner) {
            arguments[*at] = Value::of(state.clone());
        }
        for (at, element) in read.iter().zip(elements) {
            arguments[*at] = Value::List(List::Present { element: element.clone(), place: place.clone() });
        }
        for at in plan.carried() {
            if let Value::List(List::Reserved { length, .. }) = &c.inputs[at] {
                let (is_single, is_empty) = (length.known() == Some(1), length.known() == Some(0));
                // A list that grows does so from its start.
                if is_empty && way.is_reverse {
                    return Err(Error::unsupported("a list that grows from its end"));
                }
                let written = Written { place: place.clone(), element: None, is_single, is_empty };
                arguments[at] = Value::List(List::Written(written));
            }
        }
        let results = c.reader.call(plan.body, arguments, &child, c.depth + 1)?;
        let mut new_states = Vec::new();
        for at in &states {
            new_states.push(result(&results, *at, &child)?);
        }
        let mut items = Vec::new();
        for at in plan.carried() {
            if let Some(Value::List(List::Written(written))) = results.get(at) {
                let element = written
                    .element
                    .as_ref()
                    .ok_or_else(|| Error::unsupported("a list that is not written"))?;
                items.push(child.local(element)?);
                single.push((at, written.is_single));
            }
        }
        if way.counts {
            uses_counter = new_states.iter().chain(&items).any(|made| depends(made, &counter));
            new_states.insert(0, result(&results, *counters.first().unwrap_or(&0), &child)?);
        }
        Ok((new_states, items))
    })?;
    let mut outputs = c.inputs.clone();
    let (end, last) = match last.split_first() {
        Some((end, last)) if way.counts => (end.clone(), last),
        _ => (number(c, steps, dtype)?, last.as_slice()),
    };
    for at in counters {
        outputs[at] = Value::with_elements(end.clone(), vec![steps.clone()]);
    }
    for (at, state) in states.into_iter().zip(last) {
        outputs[at] = Value::of(state.clone());
    }
    for ((at, is_single), stack) in single.into_iter().zip(stacked) {
        let stack = if is_single { ops::slice_axis(&stack, 0, Range::from(-1))? } else { stack };
        outputs[at] = Value::List(List::Stacked(stack));
    }
    Ok(Some((outputs, uses_counter)))
}

/// A number that is known, or the size of an axis, as a tensor.
fn number(c: &Call<'_>, number: &Element, dtype: DType) -> Result<Tensor> {
    match number {
        Element::Known(number) => Ok(c.builder.constant(Array::scalar(*number).cast(dtype)?)),
        Element::Of(tensor, axis) => {
            let size = ops::index(&ops::shape_of(&c.builder.local(tensor)?)?, 0, *axis as i64)?;
            ops::cast(&size, dtype)
        }
        _ => Err(Error::internal("a number of steps")),
    }
}

/// Whether a tensor is computed from another one of the same body.
fn depends(tensor: &Tensor, on: &Tensor) -> bool {
    let (mut open, mut seen) = (vec![tensor.clone()], HashSet::new());
    while let Some(tensor) = open.pop() {
        if tensor.is(on) {
            return true;
        }
        if seen.insert(tensor.id())
            && let Ok((_, inputs)) = tensor.builder().producer(&tensor)
        {
            open.extend(inputs);
        }
    }
    false
}

fn result(results: &[Value], at: usize, child: &GraphBuilder) -> Result<Tensor> {
    let value = results.get(at).ok_or_else(|| Error::corrupt("a loop's body gives too few values"))?;
    child.local(value.tensor()?)
}

/// The loop as a loop: lists are carried as tensors.
fn as_loop(c: &Call<'_>, plan: &Plan<'_>) -> Outputs {
    let carried: Vec<usize> = plan.carried().collect();
    let mut values = Vec::new();
    for at in &carried {
        values.push(match c.input(*at)? {
            Value::Tensor(followed) => followed.tensor.clone(),
            Value::List(List::Stacked(stack)) => stack.clone(),
            Value::List(List::Reserved { length, shape, dtype }) => {
                zeros(c, length, shape.as_deref(), *dtype)?
            }
            Value::List(_) => return Err(Error::unsupported("a list of one loop in another one")),
            Value::Variable(path) => {
                return Err(Error::unsupported(format!("a loop that changes the handle of `{path}`")));
            }
            Value::Table(_) | Value::Asset(_) => {
                return Err(Error::unsupported("a loop that changes a table"));
            }
            Value::Characters(_) => return Err(Error::unsupported("a loop over numbers of characters")),
            Value::Nothing => return Err(Error::corrupt("a loop over nothing")),
        });
    }
    if values.is_empty() {
        return Err(Error::unsupported("a loop that carries nothing"));
    }
    let arguments = |inner: &[Tensor]| {
        let mut arguments = c.inputs.clone();
        for (at, tensor) in carried.iter().zip(inner) {
            let is_list = matches!(c.inputs.get(*at), Some(Value::List(_)));
            arguments[*at] =
                if is_list { Value::List(List::Stacked(tensor.clone())) } else { Value::of(tensor.clone()) };
        }
        arguments
    };
    let builder_of = |inner: &[Tensor]| GraphBuilder::innermost(inner).cloned();
    let made = ops::while_loop(
        &c.builder,
        &values,
        None,
        |inner| {
            let child = builder_of(inner)?;
            let asked = c.reader.call(plan.condition, arguments(inner), &child, c.depth + 1)?;
            let asked = asked.first().ok_or_else(|| Error::corrupt("a condition without a result"))?;
            truth(&child.local(asked.tensor()?)?)
        },
        |inner| {
            let child = builder_of(inner)?;
            let results = c.reader.call(plan.body, arguments(inner), &child, c.depth + 1)?;
            let result = |at: &usize| match results.get(*at) {
                Some(Value::List(List::Stacked(stack))) => child.local(stack),
                _ => result(&results, *at, &child),
            };
            carried.iter().map(result).collect()
        },
    )?;
    let mut outputs = c.inputs.clone();
    for (at, tensor) in carried.iter().zip(made) {
        let is_list = matches!(c.inputs.get(*at), Some(Value::List(_)));
        outputs[*at] = if is_list { Value::List(List::Stacked(tensor)) } else { Value::of(tensor) };
    }
    Ok(outputs)
}

/// Zeros in place of a list that is not written yet.
fn zeros(c: &Call<'_>, length: &Element, shape: Option<&[Option<u64>]>, dtype: DType) -> Result<Tensor> {
    let unknown = || Error::unsupported("a list in a loop whose length or elements' shape are not known");
    let shape: Vec<u64> = shape.and_then(|shape| shape.iter().copied().collect()).ok_or_else(unknown)?;
    if length.is_open() {
        return Err(unknown());
    }
    let sizes = std::iter::once(length.size()).chain(shape.into_iter().map(Size::Known));
    ops::full(&c.builder, sizes.collect::<Vec<_>>(), 0, dtype)
}
