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
use crate::callbacks::{Callback, CallbackList, Host, Logs, Training};
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
    callbacks: CallbackList<'a>,
}

/// What is told to callbacks.
type Moment = fn(&mut dyn Callback, &mut Training<'_>) -> Result<()>;

impl<'a> Trainer<'a> {
    pub fn new(
        artifact: &Artifact,
        x: &Named,
        y: &Named,
        registry: &Registry,
        options: &'a FitOptions,
        mut callbacks: CallbackList<'a>,
    ) -> Result<Self> {
        if options.batch_size == 0 {
            return Err(Error::usage("a batch needs at least one sample"));
        }
        let resumed = match callbacks.resume_from()? {
            Some(artifact) => Some(artifact),
            None => checkpoint::resume(options)?,
        };
        let (mut artifact, position) = match resumed {
            Some(artifact) => {
                let position = checkpoint::position(&artifact)?;
                (artifact, position)
            }
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
            callbacks,
        })
    }

    /// Trains to the end.
    pub fn run(mut self) -> Result<Fitted> {
        self.tell(|callback, training| callback.on_train_begin(training), &mut Logs::new(), 0)?;
        self.callbacks.restore(&self.position.callbacks)?;
        let batches = self.samples.len().div_ceil(self.options.batch_size);
        let steps = (self.options.epochs * batches) as u64;
        let mut last_logs = Logs::new();
        while self.position.epoch < self.options.epochs && !self.position.is_stopping {
            if self.position.batch == 0 {
                self.tell(|callback, training| callback.on_epoch_begin(training), &mut Logs::new(), 0)?;
            }
            let rows = match self.options.shuffle {
                true => order(self.samples.len(), self.options.seed, self.position.epoch),
                false => (0..self.samples.len()).collect(),
            };
            for (number, batch) in rows.chunks(self.options.batch_size).enumerate().skip(self.position.batch)
            {
                let mut logs = Logs::new();
                self.tell(|callback, training| callback.on_train_batch_begin(training), &mut logs, number)?;
                self.train_on(batch)?;
                if !self.callbacks.is_empty() {
                    logs = self.position.sums.means(&self.step);
                }
                self.tell(|callback, training| callback.on_train_batch_end(training), &mut logs, number)?;
                if let Some(observer) = &self.options.observer {
                    let loss = self.position.sums.mean("loss");
                    let (step, epoch) = (self.position.step, self.position.epoch);
                    observer(&Progress { step, steps, epoch, loss })?;
                }
                let is_last = number + 1 == batches || self.position.is_stopping;
                if is_last {
                    logs = self.end_epoch()?;
                    last_logs.clone_from(&logs);
                }
                self.tell(|callback, training| callback.on_settled(training), &mut logs, number)?;
                let due = self
                    .options
                    .checkpoints
                    .as_ref()
                    .filter(|to| self.position.step.is_multiple_of(to.every.max(1)));
                if let Some(to) = due {
                    checkpoint::save(to, self.checkpoint(Tree::List(Vec::new()))?, self.position.step)?;
                }
                if is_last {
                    break;
                }
            }
        }
        self.finish(last_logs)
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

    /// Evaluates, notes the epoch, goes on to the next; gives what was measured.
    fn end_epoch(&mut self) -> Result<Logs> {
        let mut logs = self.position.sums.take_means(&self.step);
        let measured = self.evaluate()?;
        logs.extend(measured.into_iter().map(|(name, value)| (format!("val_{name}"), value)));
        self.tell(|callback, training| callback.on_epoch_end(training), &mut logs, self.position.batch)?;
        for (name, value) in &logs {
            self.position.history.entry(name.clone()).or_default().push(*value);
        }
        self.position.batch = 0;
        self.position.epoch += 1;
        Ok(logs)
    }

    /// Measures the samples for validation, if there are any.
    fn evaluate(&mut self) -> Result<Logs> {
        let Some(samples) = self.validation.clone() else { return Ok(Logs::new()) };
        self.tell(|callback, training| callback.on_test_begin(training), &mut Logs::new(), 0)?;
        if let Some((graph, session)) = &mut self.evaluation {
            let mut values = Vec::new();
            for (path, _, _) in graph.graph.variables() {
                if let Ok(value) = self.session.variable(path) {
                    values.push((path.to_owned(), value));
                }
            }
            session.set_variables(values)?;
        }
        let rows: Vec<usize> = (0..samples.len()).collect();
        let mut sums = Sums::default();
        let mut logs = Logs::new();
        for (number, batch) in rows.chunks(self.options.batch_size).enumerate() {
            self.tell(|callback, training| callback.on_test_batch_begin(training), &mut logs, number)?;
            if let Some((graph, session)) = &self.evaluation {
                let outputs = session.run(&samples.batch(batch)?)?;
                sums.add(graph, &outputs, batch.len())?;
                logs = sums.means(graph);
            }
            self.tell(|callback, training| callback.on_test_batch_end(training), &mut logs, number)?;
        }
        self.tell(|callback, training| callback.on_test_end(training), &mut logs, 0)?;
        Ok(logs)
    }

    /// Tells the callbacks of a moment.
    fn tell(&mut self, moment: Moment, logs: &mut Logs, batch: usize) -> Result<()> {
        if self.callbacks.is_empty() {
            return Ok(());
        }
        let mut callbacks = std::mem::take(&mut self.callbacks);
        let told = callbacks.each(self, logs, batch, moment);
        self.callbacks = callbacks;
        told
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

    fn learning_rate_path(&self) -> Result<String> {
        self.compiled.optimizer.learning_rate_path().ok_or_else(|| {
            Error::usage("the learning rate follows a schedule of the optimizer")
                .hint("compile with a number as learning rate to set it while training")
        })
    }

    fn value(&self, path: &str) -> Option<Array> {
        self.session.variable(path).ok().or_else(|| self.unread.get(path).cloned())
    }

    /// The trained model: with averaged weights, if the optimizer keeps averages.
    fn finish(mut self, mut logs: Logs) -> Result<Fitted> {
        if self.options.epochs > 0 {
            let mut values = Vec::new();
            for (path, average) in self.compiled.optimizer.averages(&self.trained)? {
                let value = self.value(&average);
                values.push((path, value.ok_or_else(|| Error::internal(format!("no `{average}`")))?));
            }
            self.session.set_variables(values)?;
        }
        self.tell(|callback, training| callback.on_train_end(training), &mut logs, 0)?;
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

impl Host for Trainer<'_> {
    fn epoch(&self) -> usize {
        self.position.epoch
    }

    fn epochs(&self) -> usize {
        self.options.epochs
    }

    fn step(&self) -> u64 {
        self.position.step
    }

    fn is_epoch_closed(&self) -> bool {
        self.position.batch == 0
    }

    fn is_stopping(&self) -> bool {
        self.position.is_stopping
    }

    fn stop(&mut self) {
        self.position.is_stopping = true;
    }

    fn learning_rate(&self) -> Result<f64> {
        self.variable(&self.learning_rate_path()?)?.to_f64()
    }

    fn set_learning_rate(&mut self, rate: f64) -> Result<()> {
        let path = self.learning_rate_path()?;
        let dtype = self.variable(&path)?.dtype();
        self.set_variables(vec![(path, Array::scalar(rate).cast(dtype)?)])
    }

    fn weights(&self) -> Result<Vec<(String, Array)>> {
        let slots = self.model.place().variables().into_iter();
        let weights = slots.filter(|(_, slot, _)| slot.role == Role::Weight);
        weights.map(|(path, ..)| Ok((path.clone(), self.variable(&path)?))).collect()
    }

    fn variable(&self, path: &str) -> Result<Array> {
        self.value(path).map_or_else(|| self.model.variable(path), Ok)
    }

    fn set_variables(&mut self, values: Vec<(String, Array)>) -> Result<()> {
        for (path, value) in &values {
            match self.unread.get_mut(path) {
                Some(kept) => *kept = value.clone(),
                None => self.model.set_variable(path, value)?,
            }
        }
        self.session.set_variables(values)
    }

    fn averages(&self) -> Result<Vec<(String, String)>> {
        self.compiled.optimizer.averages(&self.trained)
    }

    fn model(&self) -> Result<Artifact> {
        Ok(self.artifact()?.0)
    }

    fn checkpoint(&self, callbacks: Tree) -> Result<Artifact> {
        let (mut artifact, states) = self.artifact()?;
        checkpoint::add_position(
            &mut artifact,
            &states,
            &self.position,
            callbacks,
            &self.samples,
            self.options,
        )?;
        Ok(artifact)
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

    fn take_means(&mut self, step: &StepGraph) -> Logs {
        std::mem::take(self).means(step)
    }

    fn means(&self, step: &StepGraph) -> Logs {
        let is_root =
            |name: &str| step.measured.contains(&Measured::Mean { name: name.to_owned(), is_root: true });
        let mean = |(name, (sum, weight)): (&String, &(f64, f64))| {
            // No weight at all is a mean of zero, as in Keras.
            let mean = if *weight == 0.0 { 0.0 } else { sum / weight };
            (name.clone(), if is_root(name) { mean.sqrt() } else { mean })
        };
        self.0.iter().map(mean).collect()
    }
}
