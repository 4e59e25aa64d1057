//! One step of training gives the weights and the optimizer state that Keras gave.

use std::collections::HashMap;
use std::path::Path;

use kerata_core::array::Array;
use kerata_core::{Error, Limits, Result, ResultExt, Tree};
use kerata_engine::{Engine, SessionOptions, reference::Reference};
use kerata_nn::training::{self, Compiled, Feeds, StepGraph};
use kerata_nn::{Model, Registry};

use crate::golden::{arrays, cases, read};

/// Models that do not give Keras's numbers, and why.
const CANNOT: &[(&str, &str)] = &[
    ("custom_functions", "its loss is Python code"),
    ("losses_regression", "the file does not hold the `delta` of its Huber loss: Keras does not save it"),
    ("subclassed_compiled", "its class is Python code"),
];

/// How far weights and slots may be from Keras's: float32 rounding, through sums of another order.
const TOLERANCE: f64 = 1e-4;

fn compare(name: &str, found: &Array, expected: &Array) -> Result<()> {
    if found.shape() != expected.shape() {
        let message = format!("expected shape {:?}, found {:?}", expected.shape(), found.shape());
        return Err(Error::mismatch(message)).at(|| name);
    }
    for (found, expected) in found.to_f64s()?.into_iter().zip(expected.to_f64s()?) {
        let is_equal = found == expected || (found - expected).abs() <= TOLERANCE * expected.abs().max(1.0);
        if !is_equal {
            return Err(Error::mismatch(format!("expected {expected}, found {found}"))).at(|| name);
        }
    }
    Ok(())
}

/// Compares losses and metrics with the logs of Keras's step.
fn compare_logs(path: &Path, step: &StepGraph, value: &dyn Fn(&str) -> Result<Array>) -> Result<()> {
    let text = std::fs::read(path.join("expect.json")).map_err(|error| Error::io("read", &error))?;
    let expect = Tree::parse(&text, &Limits::default())?;
    let logs = expect.path(&["training", "step"]).and_then(Tree::as_object);
    let logs = logs.ok_or_else(|| Error::not_found("Keras's logs are not recorded"))?;
    let measured = step.meter.read(value)?;
    for (name, value) in &measured {
        // A log of several numbers is several logs here: `name_0`, `name_1`, ...
        let numbered = || {
            let (whole, index) = name.rsplit_once('_')?;
            logs.get(whole)?.as_list()?.get(index.parse::<usize>().ok()?)?.as_f64()
        };
        let expected = logs.get(name).and_then(Tree::as_f64).or_else(numbered);
        let expected = expected.ok_or_else(|| Error::mismatch(format!("Keras has no log `{name}`")))?;
        if (value - expected).abs() > TOLERANCE * expected.abs().max(1.0) {
            let message = format!("log `{name}`: expected {expected}, found {value}");
            return Err(Error::mismatch(message));
        }
    }
    let found: Vec<&str> =
        measured.iter().map(|(name, _)| name).chain(&step.left_out).map(String::as_str).collect();
    let is_missing =
        |name: &&String| !found.contains(&name.as_str()) && !found.contains(&format!("{name}_0").as_str());
    match logs.keys().find(is_missing) {
        Some(name) => Err(Error::mismatch(format!("log `{name}` is missing"))),
        None => Ok(()),
    }
}

/// Trains one step from the files of a folder and compares everything that Keras changed.
fn train(path: &Path) -> Result<()> {
    let registry = Registry::new();
    let artifact = read(&path.join("model.keras"))?;
    let model = Model::from_artifact(&artifact, &registry)?;
    let compiled = Compiled::of(&model, &registry)?;
    let targets = arrays(path, "train_target")?;
    let specs: Vec<_> = targets.iter().map(Array::spec).collect();
    let step = training::step(&model, &compiled, &Feeds::new(specs))?;

    let trained = training::trained(&model)?;
    let mut state = HashMap::new();
    let stored = artifact.optimizer().count();
    let variables = compiled.optimizer.variables(&trained)?;
    let copies = compiled.optimizer.copies(&trained)?;
    if stored != variables.len() + copies.len() {
        return Err(Error::mismatch(format!(
            "the file holds {stored} optimizer variables, the optimizer needs {}",
            variables.len() + copies.len()
        )));
    }
    for variable in &variables {
        let stored = artifact.variables.get(&variable.path);
        let stored = stored.ok_or_else(|| Error::mismatch("not stored").at(variable.path.clone()))?;
        let value = Array::from_variable(stored)?;
        if value.spec() != variable.spec {
            let message = format!("expected {}, found {}", value.spec(), variable.spec);
            return Err(Error::mismatch(message)).at(|| variable.path.clone());
        }
        state.insert(variable.path.clone(), value);
    }
    for variable in &step.meter.variables {
        state.insert(variable.path.clone(), variable.zero()?);
    }
    let value = |path: &str| state.get(path).cloned().map_or_else(|| model.variable(path), Ok);
    let mut session = Reference.prepare(&step.graph, &value, &SessionOptions::default())?;
    let specs = step.graph.input_specs()?;
    let inputs: Vec<Array> = arrays(path, "train_in")?.into_iter().chain(targets).collect();
    let inputs = inputs.iter().zip(&specs).map(|(array, spec)| array.cast(spec.dtype));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let (_, updates) = session.run_with_updates(&inputs)?;
    session.set_variables(updates.clone())?;

    let updated: HashMap<String, Array> = updates.into_iter().collect();
    let after = |path: &str| updated.get(path).cloned().map_or_else(|| value(path), Ok);
    compare_logs(path, &step, &after)?;
    let expected = arrays(path, "step_optimizer")?;
    if expected.is_empty() && arrays(path, "step_weight")?.is_empty() {
        return Err(Error::not_found("Keras's step is not recorded"));
    }
    for (variable, expected) in variables.iter().zip(&expected) {
        compare(&variable.path, &after(&variable.path)?, expected)?;
    }
    // Keras lists all weights in the order of its layers.
    let weights = model.place().variables();
    let weights = weights
        .iter()
        .filter(|(_, slot, _)| slot.role == kerata_core::Role::Weight && slot.same_as.is_none());
    let expected = arrays(path, "step_weight")?;
    for ((path, slot, _), expected) in weights.zip(&expected) {
        compare(&format!("{path} ({})", slot.name), &after(path)?, expected)?;
    }
    Ok(())
}

#[test]
fn a_step_gives_the_weights_and_slots_of_keras() {
    let only = std::env::var("GOLDEN").unwrap_or_default();
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, path) in cases("keras-3.15") {
        let has_step = arrays(&path, "step_weight").is_ok_and(|weights| !weights.is_empty());
        if !name.contains(&only) || !has_step {
            continue;
        }
        let cannot = CANNOT.iter().find(|(known, _)| *known == name);
        match (train(&path), cannot) {
            (Ok(()), None) => passed += 1,
            (Ok(()), Some(_)) => failed.push(format!("{name}: works, take it out of CANNOT")),
            (Err(_), Some(_)) => {}
            (Err(error), None) => failed.push(format!("{name}: {error}")),
        }
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
}
