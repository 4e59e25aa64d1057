//! Every op against its cases: value, spec, attributes, decomposition, gradient; and no op without cases.

use std::collections::BTreeSet;

use kerata_core::autodiff::gradients;
use kerata_core::graph::{Inputs, NodeKind};
use kerata_core::ops::{self, OPS, read_op};
use kerata_core::{
    Array, DType, Error, Graph, GraphBuilder, Limits, Result, Shape, Tensor, TensorSpec, Tree,
};

use crate::case::{Case, cases, difference};
use crate::functions::apply;

fn no_variables(path: &str) -> Result<Array> {
    Err(Error::not_found(path))
}

/// Runs a check on all cases and reports all that fail.
fn check_all(check: impl Fn(&Case) -> std::result::Result<(), String>) {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| {
            let name = case.op.as_deref().or(case.function.as_deref()).unwrap_or("?");
            check(case).err().map(|why| format!("{} {name} {}: {why}", case.place, case.arguments.to_json()))
        })
        .collect();
    assert!(failures.is_empty(), "{} cases fail:\n{}", failures.len(), failures.join("\n"));
}

/// The outputs of a case's op or function on tensors.
fn outputs(builder: &GraphBuilder, case: &Case, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    match (&case.op, &case.function) {
        (Some(op), _) => builder.add_arc(read_op(op, &case.arguments)?, inputs),
        (None, Some(function)) => apply(builder, function, &case.arguments, inputs),
        (None, None) => panic!("{} is no case", case.place),
    }
}

/// The graph of a case; `spec` says what is known of its inputs.
fn graph(case: &Case, spec: impl Fn(&Array) -> TensorSpec) -> Result<Graph> {
    let builder = GraphBuilder::new("case");
    let inputs: Vec<Tensor> = case
        .inputs
        .iter()
        .enumerate()
        .map(|(at, array)| builder.input(format!("x{at}"), spec(array)))
        .collect();
    finish(&builder, &outputs(&builder, case, &inputs)?)
}

fn finish(builder: &GraphBuilder, outputs: &[Tensor]) -> Result<Graph> {
    let names: Vec<String> = (0..outputs.len()).map(|at| format!("y{at}")).collect();
    builder.finish(&names.iter().map(String::as_str).zip(outputs).collect::<Vec<_>>())
}

/// Compares the outputs of a graph with those of a case.
fn compare(case: &Case, graph: &Graph) -> std::result::Result<(), String> {
    let (found, _) = graph.evaluate(&case.inputs, &no_variables).map_err(|error| error.to_string())?;
    if found.len() != case.outputs.len() {
        return Err(format!("{} outputs, expected {}", found.len(), case.outputs.len()));
    }
    for (at, (found, expected)) in found.iter().zip(&case.outputs).enumerate() {
        if let Some(why) = difference(found, expected, case.tolerance) {
            return Err(format!("output {at}: {why}"));
        }
    }
    Ok(())
}

#[test]
fn values_are_those_of_keras() {
    check_all(|case| compare(case, &graph(case, Array::spec).map_err(|error| error.to_string())?));
}

#[test]
fn unknown_axes_change_no_value_and_contradict_none() {
    check_all(|case| {
        let open = |array: &Array| {
            let axes = array.shape().iter().enumerate().map(|(at, &size)| (at > 0).then_some(size as u64));
            TensorSpec::new(array.dtype(), Shape::new(axes))
        };
        if case.known {
            return Ok(());
        }
        // Some functions ask for sizes that must be known; what they build then is checked above.
        let Ok(graph) = graph(case, open) else { return Ok(()) };
        compare(case, &graph)?;
        for (spec, array) in graph.output_specs().unwrap().iter().zip(&case.outputs) {
            let fits = spec.dtype == array.dtype()
                && spec.rank() == array.rank()
                && (0..spec.rank())
                    .all(|axis| spec.size(axis).is_none_or(|size| size == array.shape()[axis]));
            if !fits {
                return Err(format!("spec {spec} of {}", array.spec()));
            }
        }
        Ok(())
    });
}

#[test]
fn graphs_of_cases_read_back_from_their_trees() {
    check_all(|case| {
        let graph = graph(case, Array::spec).map_err(|error| error.to_string())?;
        let (tree, constants) = graph.to_tree();
        let text = tree.to_json();
        let limits = Limits::default();
        let tree = kerata_core::Tree::parse(text.as_bytes(), &limits).map_err(|error| error.to_string())?;
        let back = Graph::from_tree(&tree, &constants, &limits).map_err(|error| error.to_string())?;
        if back.to_string() != graph.to_string() || back.to_tree().0.to_json() != text {
            return Err(format!("reads back as\n{back}\ninstead of\n{graph}"));
        }
        compare(case, &back)
    });
}

#[test]
fn decompositions_give_the_same_values() {
    check_all(|case| {
        let graph = graph(case, Array::spec).map_err(|error| error.to_string())?;
        let mut found = false;
        let decomposed = graph.rewrite(|rewriter, node| {
            let inputs = rewriter.inputs(node)?;
            let made = node.op().map_or(Ok(None), |op| op.decompose(&inputs))?;
            found |= made.is_some();
            Ok(made.map_or(kerata_core::graph::Step::Keep, kerata_core::graph::Step::Replace))
        });
        let decomposed = decomposed.map_err(|error| error.to_string())?;
        if found { compare(case, &decomposed) } else { Ok(()) }
    });
}

/// Whether a case's gradient can be compared with differences: floats in and out.
fn has_gradient(case: &Case) -> bool {
    let is_float = |array: &Array| matches!(array.dtype(), DType::Float32 | DType::Float64);
    case.gradient && case.inputs.iter().any(is_float) && case.outputs.iter().any(is_float)
}

#[test]
fn gradients_are_the_limits_of_differences() {
    check_all(|case| {
        if !has_gradient(case) {
            return Ok(());
        }
        gradient_differs(case).map_err(|error| error.to_string())?.map_or(Ok(()), Err)
    });
}

/// In float64: the gradient of a weighted sum of the outputs, against central differences.
fn gradient_differs(case: &Case) -> Result<Option<String>> {
    let wide = |array: &Array| {
        if array.dtype() == DType::Float32 { array.cast(DType::Float64) } else { Ok(array.clone()) }
    };
    let arrays = case.inputs.iter().map(wide).collect::<Result<Vec<_>>>()?;
    let builder = GraphBuilder::new("case");
    let inputs: Vec<Tensor> =
        arrays.iter().enumerate().map(|(at, array)| builder.input(format!("x{at}"), array.spec())).collect();
    let mut loss = builder.constant(Array::scalar(0.0f64));
    for (at, (output, expected)) in outputs(&builder, case, &inputs)?.iter().zip(&case.outputs).enumerate() {
        if output.dtype() != DType::Float64 {
            continue;
        }
        let shape = expected.shape();
        let count: usize = shape.iter().product();
        let weights = (0..count).map(|i| ((i + at) as f64 * 0.7 + 0.3).sin() + 0.2).collect::<Vec<f64>>();
        let weights = builder.constant(Array::from_vec(shape, weights)?);
        loss = ops::add(&loss, &ops::sum(&ops::multiply(output, &weights)?, &[], false)?)?;
    }
    let wrt: Vec<Tensor> = inputs.iter().filter(|input| input.dtype() == DType::Float64).cloned().collect();
    let grads = gradients(&builder, &loss, &wrt)?;
    let forward = finish(&builder, std::slice::from_ref(&loss))?;
    let (grads, _) = finish(&builder, &grads)?.evaluate(&arrays, &no_variables)?;
    let value = |arrays: &[Array]| forward.evaluate(arrays, &no_variables)?.0.only()?.to_f64();
    let floats = (0..arrays.len()).filter(|&at| arrays[at].dtype() == DType::Float64);
    for (at, grad) in floats.zip(&grads) {
        if grad.shape() != arrays[at].shape() {
            return Ok(Some(format!("gradient {} of input {}", grad.spec(), arrays[at].spec())));
        }
        for (element, &found) in grad.as_slice::<f64>()?.iter().enumerate() {
            let step = 1e-5;
            let moved = |by: f64| {
                let mut values = arrays[at].as_slice::<f64>()?.to_vec();
                values[element] += by;
                let mut arrays = arrays.clone();
                arrays[at] = Array::from_vec(arrays[at].shape(), values)?;
                value(&arrays)
            };
            let expected = (moved(step)? - moved(-step)?) / (2.0 * step);
            if (found - expected).abs() > 1e-6 * expected.abs().max(1.0) {
                return Ok(Some(format!(
                    "input {at} element {element}: gradient {found}, difference {expected}"
                )));
            }
        }
    }
    Ok(None)
}

#[test]
fn every_op_has_cases_and_a_checked_gradient_or_none() {
    let (mut seen, mut differentiated) = (BTreeSet::new(), BTreeSet::new());
    for case in cases() {
        let graph = graph(&case, Array::spec).unwrap();
        note(&graph, has_gradient(&case), &mut seen, &mut differentiated);
    }
    let missing: Vec<&str> = OPS.iter().map(|entry| entry.name).filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "ops without cases: {missing:?}");
    let unchecked: Vec<&&str> = seen.difference(&differentiated).collect();
    assert!(unchecked.is_empty(), "ops whose gradient no case checks: {unchecked:?}");
}

/// Notes the ops of a graph and its bodies, and those whose gradient is checked or which have none.
fn note(graph: &Graph, is_checked: bool, seen: &mut BTreeSet<&str>, differentiated: &mut BTreeSet<&str>) {
    for node in &graph.nodes {
        if let NodeKind::Op(op) = &node.kind {
            seen.insert(op.name());
            if is_checked || !op.is_differentiable() {
                differentiated.insert(op.name());
            }
            op.subgraphs().into_iter().for_each(|body| note(body, is_checked, seen, differentiated));
        }
    }
}

#[test]
fn ops_are_sorted_and_named_once() {
    assert!(OPS.windows(2).all(|pair| pair[0].name < pair[1].name));
}

/// Every tree that differs from a tree in one number.
fn with_other_numbers(tree: &Tree, take: &mut dyn FnMut(Tree)) {
    match tree {
        Tree::Int(_) => {
            for value in [-1, 0, 1, 1 << 40, i128::from(i64::MIN), i128::from(u64::MAX)] {
                take(Tree::Int(value));
            }
        }
        Tree::List(items) => {
            for (at, item) in items.iter().enumerate() {
                with_other_numbers(item, &mut |other| {
                    let mut items = items.clone();
                    items[at] = other;
                    take(Tree::List(items));
                });
            }
            take(Tree::List(vec![]));
        }
        Tree::Object(entries) => {
            for (key, entry) in entries {
                with_other_numbers(entry, &mut |other| {
                    let mut entries = entries.clone();
                    entries.insert(key.clone(), other);
                    take(Tree::Object(entries));
                });
            }
        }
        _ => {}
    }
}

/// Whatever the attributes say, an op is refused or gives specs; it does not panic.
#[test]
fn hostile_attributes_do_no_harm() {
    for case in cases() {
        let Some(name) = &case.op else { continue };
        let specs: Vec<TensorSpec> = case.inputs.iter().map(Array::spec).collect();
        with_other_numbers(&case.arguments, &mut |attributes| {
            if let Ok(op) = read_op(name, &attributes) {
                for count in 0..=specs.len() {
                    let _ = op.spec(&specs[..count]);
                }
            }
        });
    }
}
