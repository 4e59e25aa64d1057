//! Every op on inputs for which TensorFlow, Keras and numpy say what comes out, on the CPU engine.

use kerata_core::ops::read_op;
use kerata_core::{Array, Error, GraphBuilder, Result, Shape, Tensor, TensorSpec};
use kerata_engine::cpu::Cpu;
use kerata_engine::{Engine, SessionOptions};

#[allow(dead_code)]
#[path = "../../../kerata-core/tests/it/case.rs"]
mod case;

use case::{Case, cases, difference};

/// Runs a case with its inputs given at run time, of sizes known or not; `constant` ones are part of the graph.
fn run(case: &Case, constant: impl Fn(usize) -> bool, is_known: bool) -> Result<Vec<Array>> {
    let builder = GraphBuilder::new("case");
    let mut given = Vec::new();
    let tensors: Vec<Tensor> = case
        .inputs
        .iter()
        .enumerate()
        .map(|(at, array)| {
            if constant(at) {
                return builder.constant(array.clone());
            }
            given.push(array.clone());
            let axes = array.shape().iter().map(|&size| is_known.then_some(size as u64));
            builder.input(format!("x{at}"), TensorSpec::new(array.dtype(), Shape::new(axes)))
        })
        .collect();
    let op = read_op(case.op.as_deref().unwrap_or_default(), &case.arguments)?;
    let outputs = builder.add_arc(op, &tensors)?;
    let names: Vec<String> = (0..outputs.len()).map(|at| format!("y{at}")).collect();
    let outputs: Vec<(&str, &Tensor)> = names.iter().map(String::as_str).zip(&outputs).collect();
    let graph = builder.finish(&outputs)?;
    let none = |path: &str| Err(Error::not_found(path));
    Cpu::new().prepare(&graph, &none, &SessionOptions::default().with_threads(2))?.run(&given)
}

#[test]
fn ops_give_what_the_frameworks_give() {
    let mut failed = Vec::new();
    let mut count = 0;
    for case in cases().iter().filter(|case| case.op.is_some()) {
        for (way, is_known) in [("known", true), ("unknown", false), ("constant", true)] {
            if !is_known && case.known {
                continue;
            }
            count += 1;
            let made = run(case, |at| way == "constant" && at > 0, is_known);
            let place = format!(
                "{} {} {} {way}",
                case.place,
                case.op.as_deref().unwrap_or(""),
                case.arguments.to_json()
            );
            match made {
                // Sums are taken in another order than by the reference.
                Ok(made) => failed.extend(made.iter().zip(&case.outputs).filter_map(|(found, expected)| {
                    difference(found, expected, case.tolerance.max(2e-6)).map(|why| format!("{place}: {why}"))
                })),
                // Some ops want sizes that are known; the reference wants the same.
                Err(_) if !is_known => {}
                Err(error) => failed.push(format!("{place}: {error}")),
            }
        }
    }
    assert!(count > 100, "cases are found");
    assert!(failed.is_empty(), "{} of {count} fail:\n{}", failed.len(), failed.join("\n"));
}
