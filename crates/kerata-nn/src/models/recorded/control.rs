//! Branches and loops of a record: their bodies are records of their own.

use std::cell::RefCell;

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::ops::ScanOptions;
use kerata_core::{Error, Result, ResultExt, Tree, ops};

use super::{Lowering, items};
use crate::config::unexpected;

/// Makes a branch or loop.
pub(super) fn call(lowering: &mut Lowering<'_>, kind: &str, entry: &Tree) -> Result<Vec<Tensor>> {
    let bodies = items(entry.require("bodies")?)?;
    let arguments = items(entry.require("args")?)?.iter().map(|list| values(lowering, list));
    let arguments = arguments.collect::<Result<Vec<_>>>()?;
    let builder = lowering.builder.clone();
    let config = entry.require("config")?;
    // The parts of a branch or loop are made one after the other.
    let lowering = RefCell::new(lowering);
    let make = |builder: &GraphBuilder, arguments: &[Tensor], tree: &Tree, what: &str| {
        let mut lowering =
            lowering.try_borrow_mut().map_err(|_| Error::internal("a body inside of itself"))?;
        body(&mut lowering, builder, arguments, tree).at(|| what.to_owned())
    };
    match (kind, &arguments[..], bodies) {
        ("cond", [predicate], [on_true, on_false]) => {
            let [predicate] = &predicate[..] else { return Err(Error::corrupt("a branch asks one value")) };
            ops::cond(
                predicate,
                |child| make(child, &[], on_true, "the branch for true"),
                |child| make(child, &[], on_false, "the branch for false"),
            )
        }
        ("scan", [states, sequences], [each]) => {
            let count = states.len();
            let options = ScanOptions {
                length: config.get("length").and_then(Tree::as_u64),
                reverse: config.get("reverse").and_then(Tree::as_bool).unwrap_or(false),
            };
            let (mut last, results) = ops::scan(&builder, states, sequences, options, |states, elements| {
                let all: Vec<Tensor> = states.iter().chain(elements).cloned().collect();
                let child = GraphBuilder::innermost(&all)?.clone();
                let mut made = make(&child, &all, each, "the body of a scan")?;
                if made.len() < count {
                    return Err(Error::mismatch(format!("{} values for {count} states", made.len())));
                }
                let results = made.split_off(count);
                Ok((made, results))
            })?;
            last.extend(results);
            Ok(last)
        }
        ("while", [values], [asked, each]) => {
            let most = config.get("maximum_iterations").and_then(Tree::as_u64);
            let condition = |values: &[Tensor]| {
                let child = GraphBuilder::innermost(values)?.clone();
                let asked = make(&child, values, asked, "the condition of a loop")?;
                asked.into_iter().next().ok_or_else(|| Error::corrupt("a condition without a value"))
            };
            let step = |values: &[Tensor]| {
                let child = GraphBuilder::innermost(values)?.clone();
                make(&child, values, each, "the body of a loop")
            };
            ops::while_loop(&builder, values, most, condition, step)
        }
        ("cond" | "scan" | "while", ..) => Err(Error::corrupt(format!("`{kind}` of another form"))),
        _ => Err(Error::unsupported(format!("control flow `{kind}`"))),
    }
}

/// The tensors of one argument, a value or a list of them.
fn values(lowering: &Lowering<'_>, tree: &Tree) -> Result<Vec<Tensor>> {
    let find = |tree: &Tree| match tree.class_name() {
        Some("__value__") => lowering.find(tree.require("config")?),
        _ => Err(unexpected("a value", tree)),
    };
    match tree.as_list() {
        Some(list) => list.iter().map(find).collect(),
        None => Ok(vec![find(tree)?]),
    }
}

/// Makes a body, as values of its own graph.
fn body(
    lowering: &mut Lowering<'_>,
    builder: &GraphBuilder,
    arguments: &[Tensor],
    tree: &Tree,
) -> Result<Vec<Tensor>> {
    let outside = std::mem::take(&mut lowering.values);
    lowering.outer.push(outside);
    let builder_before = std::mem::replace(&mut lowering.builder, builder.clone());
    let arguments_before = std::mem::replace(&mut lowering.arguments, arguments.to_vec());
    let made = lowering.calls(tree).and_then(|()| {
        let outputs = items(tree.require("outputs")?)?;
        outputs.iter().map(|output| builder.local(&lowering.find(output)?)).collect()
    });
    lowering.values = lowering.outer.pop().unwrap_or_default();
    lowering.builder = builder_before;
    lowering.arguments = arguments_before;
    made
}
