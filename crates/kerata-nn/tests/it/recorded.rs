//! What Keras recorded: twenty steps of optimizers, losses and models, and metrics.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kerata_core::array::Array;
use kerata_core::graph::{GraphBuilder, TensorSpec};
use kerata_core::{Artifact, DType, Error, Limits, Result, ResultExt, Role, Shape, Tree};
use kerata_engine::{Engine, Session, SessionOptions, reference::Reference};
use kerata_nn::config::Value;
use kerata_nn::metrics::{Declared, Metric, Sample, State};
use kerata_nn::training::{self, Compiled, Feeds};
use kerata_nn::{Model, Registry};

use crate::golden::{arrays, cases, read};

/// Float32 rounding, through sums of another order and twenty steps.
const TOLERANCE: f64 = 1e-4;

/// Models that are compared less narrowly, and why.
const LOOSE: &[(&str, f64, &str)] = &[
    ("bfloat16_compiled", 2e-2, "bfloat16 has 8 bits"),
    ("mixed_bfloat16", 2e-2, "bfloat16 has 8 bits"),
    ("mixed_float16_compiled", 2e-2, "float16 has 11 bits, and twenty steps gather its rounding"),
    ("policy_map", 4e-3, "float16 has 11 bits"),
    ("spectrograms", 3e-4, "a Fourier transform of float32"),
    ("training_convolution", 3e-4, "Adam divides gradients of rounding errors by their size"),
];

fn tolerance(name: &str) -> f64 {
    LOOSE.iter().find(|(known, ..)| *known == name).map_or(TOLERANCE, |(_, tolerance, _)| *tolerance)
}

/// Models whose twenty steps differ, and why.
const CANNOT: &[(&str, &str)] = &[("optimizer_multi", "MultiOptimizer is not there yet")];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/training")
}

fn recorded(name: &str) -> Tree {
    let text = std::fs::read(folder().join(name)).unwrap();
    Tree::parse(&text, &Limits::default()).unwrap()
}

/// Nested lists of numbers as an array; text stands for what is not finite.
fn array(tree: &Tree) -> Array {
    fn walk(tree: &Tree, depth: usize, sizes: &mut Vec<usize>, out: &mut Vec<f32>) {
        match tree {
            Tree::List(items) => {
                if sizes.len() == depth {
                    sizes.push(items.len());
                }
                items.iter().for_each(|item| walk(item, depth + 1, sizes, out));
            }
            Tree::Text(text) => out.push(text.parse().unwrap()),
            number => out.push(number.as_f64().unwrap() as f32),
        }
    }
    let (mut sizes, mut values) = (Vec::new(), Vec::new());
    walk(tree, 0, &mut sizes, &mut values);
    Array::from_f32(sizes, values).unwrap()
}

fn list(tree: Option<&Tree>) -> Vec<Array> {
    tree.and_then(Tree::as_list).map(|items| items.iter().map(array).collect()).unwrap_or_default()
}

fn part(array: &Array, step: usize) -> Array {
    let shape = &array.shape()[1..];
    let width: usize = shape.iter().product();
    array.take_runs(&[step * width], width, shape).unwrap()
}

fn compare(name: &str, found: &[f64], expected: &[f64]) -> Result<()> {
    compare_within(TOLERANCE, name, found, expected)
}

fn compare_within(tolerance: f64, name: &str, found: &[f64], expected: &[f64]) -> Result<()> {
    if found.len() != expected.len() {
        return Err(Error::mismatch(format!("{name}: {} numbers, found {}", expected.len(), found.len())));
    }
    for (found, expected) in found.iter().zip(expected) {
        let is_equal = found == expected
            || (found.is_nan() && expected.is_nan())
            || (found - expected).abs() <= tolerance * expected.abs().max(1.0);
        if !is_equal {
            return Err(Error::mismatch(format!("{name}: expected {expected}, found {found}")));
        }
    }
    Ok(())
}

fn compare_arrays(name: &str, found: &[Array], expected: &[Array]) -> Result<()> {
    if found.len() < expected.len() {
        return Err(Error::mismatch(format!("{name}: {} arrays, found {}", expected.len(), found.len())));
    }
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        compare(&format!("{name} {index}"), &found.to_f64s()?, &expected.to_f64s()?)?;
    }
    Ok(())
}

/// A compiled model in training.
struct Run {
    session: Box<dyn Session>,
    values: HashMap<String, Array>,
    loss: String,
    weights: Vec<String>,
    optimizer: Vec<String>,
}

impl Run {
    fn new(artifact: &Artifact, feeds: &Feeds) -> Result<(Self, Vec<TensorSpec>)> {
        let registry = Registry::new();
        let model = Model::from_artifact(artifact, &registry)?;
        let compiled = Compiled::of(&model, &registry)?;
        let trained = training::trained(&model)?;
        let step = training::step(&model, &compiled, feeds)?;
        let mut values = HashMap::new();
        let mut optimizer = Vec::new();
        for variable in compiled.optimizer.variables(&trained)? {
            let value = match artifact.variables.get(&variable.path) {
                Some(stored) => Array::from_variable(stored)?.cast(variable.spec.dtype)?,
                None => variable.initial(|index| model.variable(&trained[index].path))?,
            };
            values.insert(variable.path.clone(), value);
            optimizer.push(variable.path);
        }
        for variable in &step.meter.variables {
            values.insert(variable.path.clone(), variable.zero()?);
        }
        let mut weights = Vec::new();
        for (path, slot, _) in model.place().variables() {
            if slot.same_as.is_none() {
                values.insert(path.clone(), model.variable(&path)?);
                if slot.role == Role::Weight {
                    weights.push(path);
                }
            }
        }
        let value = |path: &str| {
            values.get(path).cloned().ok_or_else(|| Error::not_found(format!("no variable `{path}`")))
        };
        let session = Reference.prepare(&step.graph, &value, &SessionOptions::default())?;
        let specs = step.graph.input_specs()?;
        let loss = step.meter.variables[0].path.clone();
        Ok((Self { session, values, loss, weights, optimizer }, specs))
    }

    fn step(&mut self, inputs: &[Array]) -> Result<f64> {
        let (outputs, updates) = self.session.run_with_updates(inputs)?;
        self.values.extend(updates.iter().cloned());
        self.session.set_variables(updates)?;
        assert!(self.values.contains_key(&self.loss));
        outputs[0].to_f64()
    }

    fn all(&self, paths: &[String]) -> Vec<Array> {
        paths.iter().map(|path| self.values[path].clone()).collect()
    }
}

fn twenty_steps(whole: &Tree, case: &Tree) -> Result<()> {
    let text = |key: &str| case.get(key).and_then(Tree::as_str).unwrap();
    let mut artifact = Artifact::new();
    artifact.config = whole.path(&["models", text("activation")]).cloned();
    artifact.compile_config = case.get("compile").cloned();
    let start = list(whole.get("start"));
    for (place, value) in start.iter().enumerate() {
        let layer = if place < 2 { "dense" } else { "dense_1" };
        artifact.variables.insert(format!("layers/{layer}/vars/{}", place % 2), value.to_variable()?)?;
    }
    let x = array(whole.get("x").unwrap());
    let y = array(whole.path(&["targets", text("kind")]).unwrap());
    let weights = array(whole.get("weights").unwrap());
    let is_weighted = case.get("is_weighted").and_then(Tree::as_bool).unwrap_or(false);
    let inputs = |step: usize| {
        let weights = is_weighted.then(|| part(&weights, step));
        [part(&x, step), part(&y, step)].into_iter().chain(weights).collect::<Vec<_>>()
    };
    let specs: Vec<TensorSpec> = inputs(0).iter().skip(1).map(Array::spec).collect();
    let feeds = Feeds::new(&specs[..1]).weights(&specs[1..]);
    let (mut run, _) = Run::new(&artifact, &feeds)?;
    let expected = array(case.get("losses").unwrap()).to_f64s()?;
    for (step, expected) in expected.iter().enumerate() {
        let loss = run.step(&inputs(step))?;
        compare(&format!("loss of step {step}"), &[loss], &[*expected])?;
    }
    compare_arrays("weight", &run.all(&run.weights), &list(case.get("weights")))?;
    compare_arrays("slot", &run.all(&run.optimizer), &list(case.get("optimizer")))
}

#[test]
fn twenty_steps_of_optimizers_and_losses_are_those_of_keras() {
    let whole = recorded("steps.json");
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let cases = whole.get("cases").and_then(Tree::as_object).unwrap();
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, case) in cases.iter().filter(|(name, _)| name.contains(&only)) {
        match twenty_steps(&whole, case) {
            Ok(()) => passed += 1,
            Err(error) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(!only.is_empty() || passed > 100, "only {passed}");
}

#[test]
fn random_layers_draw_what_keras_draws() {
    let whole = recorded("noise.json");
    let cases = whole.get("cases").and_then(Tree::as_object).unwrap();
    let mut failed = Vec::new();
    for (name, case) in cases {
        if let Err(error) = twenty_steps(&whole, case) {
            failed.push(format!("{name}: {error}"));
        }
    }
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

fn twenty_golden_steps(path: &Path, expected: &Tree, within: f64) -> Result<()> {
    let mut artifact = read(&path.join("model.keras"))?;
    if path.ends_with("mixed_float16_compiled") {
        // Keras starts the optimizer that it wraps for half precision anew when it loads a file: so does this run, to be
        // compared. `fit` goes on with what the file holds.
        artifact.variables.retain(|_, variable| variable.role != Role::Optimizer);
    }
    let targets = arrays(path, "train_target")?;
    let specs: Vec<_> = targets.iter().map(Array::spec).collect();
    let (mut run, specs) = Run::new(&artifact, &Feeds::new(specs))?;
    let inputs = arrays(path, "train_in")?.into_iter().chain(targets);
    let inputs =
        inputs.zip(&specs).map(|(array, spec)| array.cast(spec.dtype)).collect::<Result<Vec<_>>>()?;
    for (step, expected) in array(expected.require("losses")?).to_f64s()?.iter().enumerate() {
        compare_within(within, &format!("loss of step {step}"), &[run.step(&inputs)?], &[*expected])?;
    }
    let probes = |found: Vec<Array>, expected: &Tree| {
        let expected = expected.as_list().unwrap_or_default();
        if found.len() < expected.len() {
            return Err(Error::mismatch(format!("{} tensors, found {}", expected.len(), found.len())));
        }
        for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
            let [length, elements] = expected.as_list().unwrap_or_default() else {
                return Err(Error::corrupt("a probe is a length and elements"));
            };
            let found = found.to_f64s()?;
            let own = found.iter().map(|x| x * x).sum::<f64>().sqrt();
            let name = format!("tensor {index}");
            compare_within(within, &name, &[own], &[length.as_f64().unwrap()])?;
            let elements: Vec<f64> =
                elements.as_list().unwrap_or_default().iter().filter_map(Tree::as_f64).collect();
            let last = found.len().saturating_sub(1) as f64;
            let steps = elements.len().saturating_sub(1).max(1) as f64;
            let own: Vec<f64> =
                (0..elements.len()).map(|at| found[(last * at as f64 / steps) as usize]).collect();
            compare_within(within, &name, &own, &elements)?;
        }
        Ok(())
    };
    probes(run.all(&run.weights), expected.require("weights")?).at(|| "weights")?;
    probes(run.all(&run.optimizer), expected.require("optimizer")?).at(|| "optimizer")
}

#[test]
fn twenty_steps_of_compiled_models_are_those_of_keras() {
    judge("golden.json", CANNOT, twenty_golden_steps, 30);
}

/// Runs a check over every golden model that is recorded; those of the list must fail it.
fn judge(record: &str, cannot: &[(&str, &str)], check: fn(&Path, &Tree, f64) -> Result<()>, least: usize) {
    let whole = recorded(record);
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, path) in cases("keras-3.15") {
        let Some(expected) = whole.get(&name).filter(|_| name.contains(&only)) else { continue };
        let is_listed = cannot.iter().any(|(known, _)| *known == name);
        match (check(&path, expected, tolerance(&name)), is_listed) {
            (Ok(()), false) => passed += 1,
            (Ok(()), true) => failed.push(format!("{name}: works, take it out of the list")),
            (Err(_), true) => {}
            (Err(error), false) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(!only.is_empty() || passed >= least, "only {passed}");
}

/// Results of a metric after each batch, and its variables after the last one.
fn measure(metric: &Tree, data: &[Array; 2], weights: Option<&Array>) -> Result<(Vec<Array>, Vec<Array>)> {
    let registry = Registry::new();
    let metric = Metric::read(metric, &registry)?;
    let as_loss;
    let metric: &dyn kerata_nn::metrics::Measure = match metric.object() {
        Ok(metric) => metric,
        Err(_) => {
            as_loss = training::MeanLoss::read(&metric.write(), &registry)?;
            &as_loss
        }
    };
    let (mut results, mut kept): (Vec<Array>, Vec<Array>) = (Vec::new(), Vec::new());
    for batch in 0..data[0].shape()[0] {
        let builder = GraphBuilder::new("metric");
        let constant = |array: &Array| builder.constant(part(array, batch));
        let sample = Sample {
            y_true: constant(&data[0]),
            y_pred: constant(&data[1]),
            weights: weights.map(constant),
            mask: None,
        };
        let mut declared = Declared::default();
        metric.build(&mut declared, &sample)?;
        let variables = declared.variables();
        if kept.is_empty() {
            for (_, spec) in &variables {
                kept.push(Array::zeros(spec.sizes()?, spec.dtype)?);
            }
        }
        let values =
            variables.iter().zip(&kept).map(|((name, _), value)| (*name, builder.constant(value.clone())));
        let state = State::new(values);
        metric.update(&state, &sample)?;
        let result = metric.result(&state)?;
        let mut outputs = vec![result];
        for (name, _) in &variables {
            outputs.push(state.get(name)?);
        }
        let names: Vec<String> = (0..outputs.len()).map(|index| format!("{index}")).collect();
        let outputs: Vec<_> = names.iter().map(String::as_str).zip(&outputs).collect();
        let (mut found, _) =
            builder.finish(&outputs)?.evaluate(&[], &|_| Err(Error::internal("no variable")))?;
        kept = found.split_off(1);
        results.append(&mut found);
    }
    Ok((results, kept))
}

#[test]
fn metrics_and_what_they_keep_are_those_of_keras() {
    let whole = recorded("metrics.json");
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let weights = array(whole.get("weights").unwrap());
    let mut failed = Vec::new();
    let cases = whole.get("cases").and_then(Tree::as_object).unwrap();
    for (name, case) in cases.iter().filter(|(name, _)| name.contains(&only)) {
        let kind = case.get("data").and_then(Tree::as_str).unwrap();
        let data = whole.path(&["data", kind]).and_then(Tree::as_list).unwrap();
        let data = [array(&data[0]), array(&data[1])];
        for (label, weights) in [("plain", None), ("weighted", Some(&weights))] {
            let outcome = measure(case.get("metric").unwrap(), &data, weights).and_then(|(results, kept)| {
                compare_arrays("result", &results, &list(case.get(label)))?;
                let expected = list(case.get(&format!("{label}_variables")));
                if expected.is_empty() { Ok(()) } else { compare_arrays("variable", &kept, &expected) }
            });
            if let Err(error) = outcome {
                failed.push(format!("{name}, {label}: {error}"));
            }
        }
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn what_metrics_keep_has_the_names_of_keras() {
    let whole = recorded("metrics.json");
    let registry = Registry::new();
    for (name, case) in whole.get("cases").and_then(Tree::as_object).unwrap() {
        let metric = Metric::read(case.get("metric").unwrap(), &registry).unwrap();
        let Ok(metric) = metric.object() else { continue };
        let builder = GraphBuilder::new("names");
        let input = |name: &str| builder.input(name, TensorSpec::new(DType::Float32, Shape::known([6, 3])));
        let sample = Sample { y_true: input("y_true"), y_pred: input("y_pred"), weights: None, mask: None };
        let mut declared = Declared::default();
        metric.build(&mut declared, &sample).unwrap();
        let found: Vec<&str> = declared.variables().into_iter().map(|(name, _)| name).collect();
        let names = case.get("names").and_then(Tree::as_list).unwrap();
        let expected: Vec<&str> = names.iter().filter_map(Tree::as_str).collect();
        assert_eq!(found, expected, "{name}");
    }
}

/// Gradients of a model on the samples of its folder.
fn differentiate(path: &Path, expected: &Tree, within: f64) -> Result<()> {
    let model = Model::from_artifact(&read(&path.join("model.keras"))?, &Registry::new())?;
    model.check()?;
    let builder = GraphBuilder::new("gradients");
    let ports = model.inputs()?;
    let arrays = arrays(path, "in")?;
    let mut inputs = Vec::new();
    let mut values = Vec::new();
    for (port, array) in ports.tensors().into_iter().zip(&arrays) {
        values.push(array.cast(port.spec.dtype)?);
        inputs.push(
            builder
                .input(port.label(), TensorSpec::new(port.spec.dtype, values[values.len() - 1].spec().shape)),
        );
    }
    let trained = training::trained(&model)?;
    let mut wanted = Vec::new();
    let given = expected.require("inputs")?.as_object().cloned().unwrap_or_default();
    for place in given.keys() {
        wanted.push(inputs[place.parse::<usize>().unwrap()].clone());
    }
    for variable in &trained {
        let sizes = variable.sizes.iter().map(|size| *size as u64);
        wanted.push(builder.variable(
            &variable.path,
            TensorSpec::new(variable.dtype, Shape::known(sizes)),
            true,
        )?);
    }
    let traced = model.call(&builder, &inputs, false)?;
    let mut loss = builder.constant(Array::scalar(0.0f32));
    for (at, output) in traced.outputs.iter().map(|output| &output.tensor).enumerate() {
        if output.dtype() != DType::Float32 {
            continue;
        }
        // What each element counts: a wave over its place.
        let flat = kerata_core::ops::reshape(output, [-1])?;
        let count = kerata_core::ops::prod(&kerata_core::ops::shape_of(output)?, &[], false)?;
        let count = kerata_core::ops::cast(&count, DType::Int32)?;
        let number = |value: i32| builder.constant(Array::scalar(value));
        let place = kerata_core::ops::range(&number(0), &count, &number(1))?;
        let place = kerata_core::ops::cast(&place, DType::Float64)?;
        let wave = kerata_core::ops::plus(
            &kerata_core::ops::times(&kerata_core::ops::plus(&place, at as f64)?, 0.7)?,
            0.3,
        )?;
        let wave = kerata_core::ops::plus(&kerata_core::ops::sin(&wave)?, 0.2)?;
        let wave = kerata_core::ops::cast(&wave, DType::Float32)?;
        let product = kerata_core::ops::multiply(&flat, &wave)?;
        loss = kerata_core::ops::add(&loss, &kerata_core::ops::sum(&product, &[], false)?)?;
    }
    let start = kerata_core::ops::ones_like(&loss)?;
    let found = kerata_core::autodiff::flows(&builder, &[loss], &[Some(start)], &wanted)?;
    let weights = expected.require("weights")?.as_list().unwrap_or_default();
    if given.len() + weights.len() != found.len() {
        let message = format!("{} trainable weights, found {}", weights.len(), trained.len());
        return Err(Error::mismatch(message));
    }
    let (mut outputs, mut probes) = (Vec::new(), Vec::new());
    for (index, (found, expected)) in found.into_iter().zip(given.values().chain(weights)).enumerate() {
        match (found, expected) {
            (Some(found), Tree::List(_)) => {
                outputs.push(found);
                probes.push((index, expected));
            }
            // Keras says that nothing arrives; zeros say the same.
            (None, Tree::Null) => {}
            (Some(found), _) => {
                outputs.push(kerata_core::ops::cast(&found, DType::Float32)?);
                probes.push((index, &Tree::Null));
            }
            (None, _) => return Err(Error::mismatch(format!("no gradient of {index}"))),
        }
    }
    let names: Vec<String> = (0..outputs.len()).map(|index| index.to_string()).collect();
    let outputs: Vec<_> = names.iter().map(String::as_str).zip(&outputs).collect();
    let graph = builder.finish(&outputs)?;
    let (found, _) = graph.evaluate(&values, &|path| model.variable(path))?;
    for ((index, expected), found) in probes.into_iter().zip(found) {
        let found = found.to_f64s()?;
        let length = found.iter().map(|x| x * x).sum::<f64>().sqrt();
        let [expected_length, elements] = expected.as_list().unwrap_or_default() else {
            compare_within(within, &format!("gradient {index}"), &[length], &[0.0])?;
            continue;
        };
        compare_within(
            within,
            &format!("length of gradient {index}"),
            &[length],
            &[expected_length.as_f64().unwrap()],
        )?;
        let elements: Vec<f64> =
            elements.as_list().unwrap_or_default().iter().filter_map(Tree::as_f64).collect();
        let last = found.len().saturating_sub(1) as f64;
        let steps = elements.len().saturating_sub(1).max(1) as f64;
        let own: Vec<f64> =
            (0..elements.len()).map(|at| found[(last * at as f64 / steps) as usize]).collect();
        compare_within(within, &format!("gradient {index}"), &own, &elements)?;
    }
    Ok(())
}

/// Models whose gradients differ, and why.
const NO_GRADIENT: &[(&str, &str)] = &[
    (
        "int8",
        "Keras gives the rounded product the gradient of the plain one; here it is that of the scale alone",
    ),
    ("int8_sequential", "the same, and without it no gradient reaches the input"),
    (
        "lora",
        "both factors of a loaded LoRA are zero in Keras, so neither learns; here the first one starts anew",
    ),
    ("lora_argument", "both factors of a loaded LoRA are zero in Keras"),
    ("lora_convolution", "both factors of a loaded LoRA are zero in Keras"),
    ("lora_int8", "both factors of a loaded LoRA are zero in Keras"),
    ("ops_image", "TensorFlow's gradient of its images is another one; which of them is not known"),
];

#[test]
fn gradients_of_every_layer_are_those_of_tensorflow() {
    judge("gradients.json", NO_GRADIENT, differentiate, 101);
}
