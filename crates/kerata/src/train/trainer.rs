//! `Trainer`: the loop over epochs and batches.

use std::collections::HashMap;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::graph::TensorSpec;
use kerata_core::{Artifact, DType, Error, Result, ResultExt, Role, Shape, Tree};
use kerata_engine::{Session, SessionOptions, engine};
use kerata_nn::optimizers::Trained;
use kerata_nn::training::{self, Compiled, Measured, StepGraph};
use kerata_nn::{Model, Registry};

use super::checkpoint::{self, Position};
use super::samples::{Samples, order};
use super::{FitOptions, Fitted, Named, Progress};
use crate::predict::fit_array;

/// A model in training.
pub(super) struct Trainer<'a> {
    options: &'a FitOptions,
    model: Model,
    compiled: Compiled,
    trained: Vec<Trained>,
    samples: Samples,
    validation: Option<Samples>,
    step: StepGraph,
    session: Box<dyn Session>,
    evaluation: Option<(StepGraph, Box<dyn Session>)>,
    /// Values of variables that are updated and never read.
    unread: HashMap<String, Array>,
    position: Position,
}

impl<'a> Trainer<'a> {
    pub fn new(
        artifact: &Artifact,
        x: &Named,
        y: &Named,
        registry: &Registry,
        options: &'a FitOptions,
    ) -> Result<Self> {
        if options.batch_size == 0 {
            return Err(Error::usage("a batch needs at least one sample"));
        }
        let resumed = checkpoint::resume(options)?;
        let (mut artifact, position) = match resumed {
            Some((artifact, position)) => (artifact, position),
            None => (artifact.clone(), Position::default()),
        };
        artifact.extras.shift_remove(checkpoint::MEMBER);
        let model = Model::from_artifact(&artifact, registry)?;
        model.check()?;
        let compiled = Compiled::of(&model, registry)?;
        let trained = training::trained(&model)?;

        let inputs = inputs(&model, x)?;
        let targets = targets(&compiled, y)?;
        let specs: Vec<TensorSpec> = targets.iter().map(target_spec).collect();
        let (samples, validation) =
            Samples::new([inputs, targets].concat())?.split(options.validation_split)?;
        position.check(&samples, options)?;

        let step = training::step(&model, &compiled, &specs)?;
        let state = optimizer_state(&model, &artifact, &compiled, &trained)?;
        let value = |path: &str| match position.states.get(path).or_else(|| state.get(path)) {
            Some(value) => Ok(value.clone()),
            None => model.variable(path),
        };
        let session_options = SessionOptions::default().with_threads(options.threads);
        let engine = engine(&options.engine)?;
        let session = engine.prepare(&step.graph, &value, &session_options)?;
        let evaluation = match &validation {
            Some(_) => {
                let graph = training::evaluation(&model, &compiled, &specs)?;
                let session = engine.prepare(&graph.graph, &value, &session_options)?;
                Some((graph, session))
            }
            None => None,
        };
        let unread = state.into_iter().collect();
        Ok(Self {
            options,
            model,
            compiled,
            trained,
            samples,
            validation,
            step,
            session,
            evaluation,
            unread,
            position,
        })
    }

    /// Trains to the end.
    pub fn run(mut self) -> Result<Fitted> {
        let batches = self.samples.len().div_ceil(self.options.batch_size);
        let steps = (self.options.epochs * batches) as u64;
        while self.position.epoch < self.options.epochs {
            let rows = match self.options.shuffle {
                true => order(self.samples.len(), self.options.seed, self.position.epoch),
                false => (0..self.samples.len()).collect(),
            };
            for batch in rows.chunks(self.options.batch_size).skip(self.position.batch) {
                self.train_on(batch)?;
                if let Some(observer) = &self.options.observer {
                    let loss = self.position.sums.mean("loss");
                    let (step, epoch) = (self.position.step, self.position.epoch);
                    observer(&Progress { step, steps, epoch, loss })?;
                }
                let due = self
                    .options
                    .checkpoints
                    .as_ref()
                    .filter(|to| self.position.step.is_multiple_of(to.every.max(1)));
                if let Some(to) = due {
                    if self.position.batch == batches {
                        self.end_epoch()?;
                    }
                    checkpoint::save(to, self.artifact()?, &self.position, &self.samples, self.options)?;
                }
            }
            if self.position.batch == batches {
                self.end_epoch()?;
            }
        }
        self.finish()
    }

    /// One step.
    fn train_on(&mut self, rows: &[usize]) -> Result<()> {
        let inputs = self.samples.batch(rows)?;
        let (outputs, updates) = self.session.run_with_updates(&inputs)?;
        for (path, value) in &updates {
            if let Some(kept) = self.unread.get_mut(path) {
                *kept = value.clone();
            }
        }
        self.session.set_variables(updates)?;
        self.position.sums.add(&self.step, &outputs, rows.len())?;
        self.position.batch += 1;
        self.position.step += 1;
        Ok(())
    }

    /// Notes the epoch, evaluates, goes on to the next.
    fn end_epoch(&mut self) -> Result<()> {
        self.position.note_epoch("", &self.step);
        if let (Some(samples), Some((graph, session))) = (&self.validation, &mut self.evaluation) {
            let mut values = Vec::new();
            for (path, _, _) in graph.graph.variables() {
                if let Ok(value) = self.session.variable(path) {
                    values.push((path.to_owned(), value));
                }
            }
            session.set_variables(values)?;
            let rows: Vec<usize> = (0..samples.len()).collect();
            for batch in rows.chunks(self.options.batch_size) {
                let outputs = session.run(&samples.batch(batch)?)?;
                self.position.sums.add(graph, &outputs, batch.len())?;
            }
            self.position.note_epoch("val_", graph);
        }
        self.position.batch = 0;
        self.position.epoch += 1;
        Ok(())
    }

    /// The artifact as the training has left it, and the states that Keras's files do not hold.
    fn artifact(&self) -> Result<(Artifact, IndexMap<String, Array>)> {
        let mut model = self.model.clone();
        let mut states = IndexMap::new();
        for (path, slot, _) in self.model.place().variables() {
            let Some(value) = self.value(&path) else { continue };
            match slot.role {
                Role::Weight => model.set_variable(&path, &value)?,
                _ => {
                    states.insert(path, value);
                }
            }
        }
        let mut artifact = model.to_artifact();
        artifact.variables.retain(|_, variable| variable.role != Role::Optimizer);
        let mut values = HashMap::new();
        let mut paths = Vec::new();
        for variable in self.compiled.optimizer.variables(&self.trained)? {
            let value = self.value(&variable.path).or_else(|| self.unread.get(&variable.path).cloned());
            let value = value.ok_or_else(|| Error::internal(format!("no value of `{}`", variable.path)))?;
            values.insert(variable.path.clone(), value);
            paths.push((variable.path.clone(), variable.path));
        }
        paths.extend(self.compiled.optimizer.copies(&self.trained)?);
        for (path, of) in paths {
            if let Some(value) = values.get(&of) {
                artifact.variables.insert(path, value.to_variable()?.with_role(Role::Optimizer))?;
            }
        }
        if let Some(rate) =
            self.compiled.optimizer.learning_rate_path().and_then(|path| values.get(&path).cloned())
        {
            note_learning_rate(&mut artifact, rate.to_f64()?);
        }
        Ok((artifact, states))
    }

    fn value(&self, path: &str) -> Option<Array> {
        self.session.variable(path).ok().or_else(|| self.unread.get(path).cloned())
    }

    /// The trained model: with averaged weights, if the optimizer keeps averages.
    fn finish(mut self) -> Result<Fitted> {
        if self.options.epochs > 0 {
            let mut values = Vec::new();
            for (path, average) in self.compiled.optimizer.averages(&self.trained)? {
                let value = self.value(&average);
                values.push((path, value.ok_or_else(|| Error::internal(format!("no `{average}`")))?));
            }
            self.session.set_variables(values)?;
        }
        let (artifact, _) = self.artifact()?;
        Ok(Fitted { artifact, history: self.position.history, left_out: self.step.left_out })
    }
}

/// The optimizer's variables: as stored when all of them are, else as they start, with the step and rate that are stored.
fn optimizer_state(
    model: &Model,
    artifact: &Artifact,
    compiled: &Compiled,
    trained: &[Trained],
) -> Result<HashMap<String, Array>> {
    let variables = compiled.optimizer.variables(trained)?;
    let copies = compiled.optimizer.copies(trained)?.len();
    let stored = artifact.optimizer().count();
    if stored > 2 && stored != variables.len() + copies {
        return Err(Error::mismatch(format!(
            "the optimizer needs {} variables, the file holds {stored}",
            variables.len() + copies
        ))
        .hint("convert the file with --drop-optimizer to start with a new state"));
    }
    let mut state = HashMap::new();
    for variable in variables {
        let value = match artifact.variables.get(&variable.path) {
            Some(stored) => {
                let value = Array::from_variable(stored).at(|| format!("variable `{}`", variable.path))?;
                let value = value.cast(variable.spec.dtype)?;
                if value.spec() != variable.spec {
                    let message =
                        format!("the optimizer needs {}, the file holds {}", variable.spec, value.spec());
                    return Err(Error::mismatch(message)).at(|| format!("variable `{}`", variable.path));
                }
                value
            }
            None => variable.initial(|index| match trained.get(index) {
                Some(of) => model.variable(&of.path),
                None => Err(Error::internal("a slot of no variable")),
            })?,
        };
        state.insert(variable.path, value);
    }
    Ok(state)
}

/// Writes the present learning rate into the compile config, as Keras does.
fn note_learning_rate(artifact: &mut Artifact, rate: f64) {
    let mut optimizer = artifact.compile_config.as_mut().and_then(|config| config.get_mut("optimizer"));
    while let Some(tree) = optimizer {
        let Some(config) = tree.get_mut("config") else { return };
        if config.get("inner_optimizer").is_some() {
            optimizer = config.get_mut("inner_optimizer");
            continue;
        }
        if let Some(entry) = config.get_mut("learning_rate").filter(|entry| entry.as_f64().is_some()) {
            *entry = Tree::Float(rate);
        }
        return;
    }
}

/// The inputs in the order of the model, as it takes them.
fn inputs(model: &Model, x: &Named) -> Result<Vec<Array>> {
    let ports = model.inputs()?;
    let ports = ports.tensors();
    let names: Vec<&str> = ports.iter().map(|port| port.label()).collect();
    let arrays = arrange(x, &names, "in").at(|| "inputs")?;
    let pairs = ports.iter().zip(arrays);
    pairs
        .map(|(port, array)| fit_array(&array, &port.spec).at(|| format!("input `{}`", port.label())))
        .collect()
}

/// The targets in the order of the outputs that have a loss, as floats.
fn targets(compiled: &Compiled, y: &Named) -> Result<Vec<Array>> {
    let trained: Vec<usize> =
        (0..compiled.losses.len()).filter(|output| compiled.losses[*output].is_some()).collect();
    let names: Vec<&str> = compiled.outputs.iter().map(String::as_str).collect();
    let arrays = match y.len() == 1 && trained.len() == 1 {
        true => y.values().cloned().collect(),
        false => {
            let all = arrange(y, &names, "out").at(|| "targets")?;
            trained.iter().filter_map(|output| all.get(*output).cloned()).collect::<Vec<_>>()
        }
    };
    arrays.into_iter().map(|array| array.cast(DType::Float32)).collect()
}

/// Arrays in the order of names: by name, by number, or the only one.
fn arrange(named: &Named, names: &[&str], prefix: &str) -> Result<Vec<Array>> {
    if let ([_], 1) = (names, named.len()) {
        return Ok(named.values().cloned().collect());
    }
    let find = |(position, name): (usize, &&str)| {
        let numbered = format!("{prefix}_{position}");
        let found = named.get(*name).or_else(|| named.get(&numbered));
        found.cloned().ok_or_else(|| {
            let given: Vec<&str> = named.keys().map(String::as_str).collect();
            Error::not_found(format!("`{name}` (or `{numbered}`) is missing"))
                .hint(format!("given are: {}", given.join(", ")))
        })
    };
    names.iter().enumerate().map(find).collect()
}

/// The spec of batches of a target.
fn target_spec(target: &Array) -> TensorSpec {
    let axes = target.shape().iter().map(|size| Some(*size as u64));
    let axes = axes.enumerate().map(|(axis, size)| if axis == 0 { None } else { size });
    TensorSpec::new(target.dtype(), Shape::new(axes))
}

impl Position {
    fn note_epoch(&mut self, prefix: &str, step: &StepGraph) {
        for (name, value) in self.sums.take_means(step) {
            self.history.entry(format!("{prefix}{name}")).or_default().push(value);
        }
    }
}

/// Sums over the steps of an epoch: of values and of their weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums(pub IndexMap<String, (f64, f64)>);

impl Sums {
    fn add(&mut self, step: &StepGraph, outputs: &[Array], samples: usize) -> Result<()> {
        for (measured, output) in step.measured.iter().zip(outputs) {
            let (value, weight) = match measured {
                Measured::Loss(_) => (output.to_f64()? * samples as f64, samples as f64),
                _ => match output.to_f64s()?[..] {
                    [value, weight] => (value, weight),
                    _ => return Err(Error::internal("a measure is a sum and its weight")),
                },
            };
            let sum = self.0.entry(measured.name().to_owned()).or_default();
            sum.0 += value;
            sum.1 += weight;
        }
        Ok(())
    }

    fn mean(&self, name: &str) -> f64 {
        self.0.get(name).map_or(f64::NAN, |(sum, weight)| sum / weight)
    }

    fn take_means(&mut self, step: &StepGraph) -> Vec<(String, f64)> {
        let is_root =
            |name: &str| step.measured.contains(&Measured::Mean { name: name.to_owned(), is_root: true });
        let sums = std::mem::take(&mut self.0).into_iter();
        sums.map(|(name, (sum, weight))| {
            // No weight at all is a mean of zero, as in Keras.
            let mean = if weight == 0.0 { 0.0 } else { sum / weight };
            let value = if is_root(&name) { mean.sqrt() } else { mean };
            (name, value)
        })
        .collect()
    }
}
