//! `Trainer`: the loop over epochs and batches.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::graph::Graph;
use kerata_core::{Artifact, Error, Result, ResultExt, Role, Tree};
use kerata_engine::{Session, SessionOptions, engine};
use kerata_nn::optimizers::Trained;
use kerata_nn::training::{self, Compiled, StepGraph};
use kerata_nn::{Model, Registry};

use super::evaluator::Evaluator;
use super::feed::Feed;
use super::measures::{measured, reset, start};
use super::position::{self, Position};
use super::prepare::Prepare;
use super::progress::Means;
use super::samples::Samples;
use super::{Batch, Batches, FitOptions, Fitted, History, Moment, Progress};
use crate::callbacks::{Callback, CallbackList, CallbackTensors, Host, Logs, Training};

/// A model in training.
pub(super) struct Trainer<'a> {
    state: State<'a>,
    feed: Feed<'a>,
}

/// All of it but where batches come from.
struct State<'a> {
    options: &'a FitOptions,
    model: Model,
    compiled: Compiled,
    trained: Vec<Trained>,
    step: StepGraph,
    session: Box<dyn Session>,
    evaluator: Option<Evaluator>,
    /// Values of variables that are updated and never read.
    unread: HashMap<String, Array>,
    position: Position,
    /// Number of samples, when they are cut from arrays.
    samples: Option<usize>,
    callbacks: CallbackList<'a>,
    /// What callbacks have stored, until they are given it.
    callback_tensors: CallbackTensors,
}

/// What is told to callbacks.
type Told = fn(&mut dyn Callback, &mut Training<'_>) -> Result<()>;

impl<'a> Trainer<'a> {
    /// Trains on batches cut from arrays.
    pub fn of_samples(
        model: Model,
        all: &Batch,
        registry: &Registry,
        options: &'a FitOptions,
        callbacks: CallbackList<'a>,
    ) -> Result<Self> {
        if options.batch_size == 0 {
            return Err(Error::usage("a batch needs at least one sample"));
        }
        Self::new(model, registry, (options, callbacks), |prepare| {
            let share = if options.validation_data.is_some() { 0.0 } else { options.validation_split };
            let split = |prepare: &Prepare| {
                let prepared = prepare.prepare(all)?;
                let feeds = prepared.feeds();
                let (samples, kept) = Samples::new(prepared.arrays)?.split(share)?;
                Ok::<_, Error>((samples, kept.map(|kept| (kept, feeds.clone())), feeds))
            };
            let (samples, mut validation, feeds) = split(prepare)?;
            if validation.is_some() && !options.class_weight.is_empty() {
                validation = split(&prepare.for_evaluation())?.1;
            }
            Ok((Feed::Samples(samples), feeds, validation))
        })
    }

    /// Trains on batches that come from elsewhere.
    pub fn of_batches(
        model: Model,
        batches: &'a mut dyn Batches,
        registry: &Registry,
        options: &'a FitOptions,
        callbacks: CallbackList<'a>,
    ) -> Result<Self> {
        if options.validation_split != 0.0 {
            let hint = "give `validation_data`";
            return Err(Error::usage("a share of batches that come from elsewhere cannot be kept").hint(hint));
        }
        Self::new(model, registry, (options, callbacks), |prepare| {
            let first = batches.epoch(0)?.next();
            let first = first.ok_or_else(|| Error::usage("the epoch has no batches"))??;
            let feeds = prepare.prepare(&first).at(|| "first batch")?.feeds();
            Ok((Feed::Batches(batches, prepare.clone()), feeds, None))
        })
    }

    fn new(
        mut model: Model,
        registry: &Registry,
        (options, mut callbacks): (&'a FitOptions, CallbackList<'a>),
        feed: impl FnOnce(&Prepare) -> Result<(Feed<'a>, training::Feeds, Option<(Samples, training::Feeds)>)>,
    ) -> Result<Self> {
        if let Some(checkpoints) = &options.checkpoints {
            callbacks.push(Box::new(checkpoints.callback()?));
        }
        let (position, callback_tensors) = match callbacks.resume_from()? {
            Some(mut artifact) => {
                let position = position::position(&artifact)?;
                artifact.extras.shift_remove(position::MEMBER);
                let tensors = CallbackTensors::take(&mut artifact)?;
                let artifact = position::with_model(artifact, &model);
                model.replace(artifact).at(|| "checkpoint")?;
                (position, tensors)
            }
            None => (Position::default(), CallbackTensors::default()),
        };
        model.check()?;
        if let Some(generator) = options.generator {
            model.set_generator(generator);
        }
        let compiled = Compiled::of(&model, registry)?;
        let trained = training::trained(&model)?;
        let prepare = Prepare::new(&model, &compiled, &options.class_weight)?;
        let (feed, feeds, validation) = feed(&prepare)?;
        let samples = feed.samples();
        position.check(samples, options)?;

        let mut step = training::step(&model, &compiled, &feeds)?;
        let state = optimizer_state(&model, &compiled, &trained)?;
        let value = |path: &str| match position.states.get(path).or_else(|| state.get(path)) {
            Some(value) => Ok(value.clone()),
            None => start(&step, path).unwrap_or_else(|| model.variable(path)),
        };
        let session_options = SessionOptions::default().with_threads(options.threads);
        let session = engine(&options.engine)?.prepare(&step.graph, &value, &session_options)?;
        let validation = match &options.validation_data {
            Some(batch) => {
                let prepared = prepare.for_evaluation().prepare(batch).at(|| "validation data")?;
                let feeds = prepared.feeds();
                Some((Samples::new(prepared.arrays)?, feeds))
            }
            None => validation,
        };
        let evaluator = match validation {
            Some((samples, feeds)) => {
                Some(Evaluator::new(&model, &compiled, samples, &feeds, &value, options)?)
            }
            None => None,
        };
        // What the session keeps is not held twice.
        let unread = state.into_iter().filter(|(path, _)| session.variable(path).is_err()).collect();
        step.graph = Graph::default();
        let state = State {
            options,
            model,
            compiled,
            trained,
            step,
            session,
            evaluator,
            unread,
            position,
            samples,
            callbacks,
            callback_tensors,
        };
        Ok(Self { state, feed })
    }

    /// Trains to the end.
    pub fn run(self) -> Result<Fitted> {
        let Self { mut state, mut feed } = self;
        state.tell(|callback, training| callback.on_train_begin(training), &mut Logs::new(), 0)?;
        let tensors = std::mem::take(&mut state.callback_tensors);
        state.callbacks.restore(&state.position.callbacks, &tensors)?;
        let mut last_logs = Logs::new();
        while state.position.epoch < state.options.epochs && !state.position.is_stopping {
            last_logs = state.run_epoch(&mut feed)?;
        }
        state.finish(last_logs)
    }
}

impl State<'_> {
    /// What is left of an epoch; gives what was measured.
    fn run_epoch(&mut self, feed: &mut Feed<'_>) -> Result<Logs> {
        if self.position.batch == 0 {
            self.tell(|callback, training| callback.on_epoch_begin(training), &mut Logs::new(), 0)?;
        }
        let batches = feed.count(self.options);
        let most = self.options.steps_per_epoch.unwrap_or(usize::MAX);
        let all = feed.epoch(self.options, self.position.epoch)?;
        let mut left = all.take(most).enumerate().skip(self.position.batch).peekable();
        while let Some((number, batch)) = left.next() {
            let mut logs = Logs::new();
            self.tell(|callback, training| callback.on_train_batch_begin(training), &mut logs, number)?;
            self.train_on(&batch?)?;
            if !self.callbacks.is_empty() {
                logs = measured(&self.step, self.session.as_ref())?;
            }
            self.tell(|callback, training| callback.on_train_batch_end(training), &mut logs, number)?;
            self.observe(Moment::Step, batches, Means::Running(&self.step, self.session.as_ref()))?;
            let is_last = left.peek().is_none() || self.position.is_stopping;
            if is_last {
                logs = self.end_epoch(batches)?;
            }
            self.tell(|callback, training| callback.on_settled(training), &mut logs, number)?;
            self.heed_interrupt(&mut logs, number)?;
            if is_last {
                return Ok(logs);
            }
        }
        Err(Error::usage("the epoch has no batches"))
    }

    /// One step.
    fn train_on(&mut self, inputs: &[Array]) -> Result<()> {
        let (_, unread) = self.session.step(inputs)?;
        self.unread.extend(unread);
        self.position.batch += 1;
        self.position.step += 1;
        Ok(())
    }

    /// Evaluates, notes the epoch, goes on to the next; gives what was measured.
    fn end_epoch(&mut self, batches: Option<usize>) -> Result<Logs> {
        let mut logs = measured(&self.step, self.session.as_ref())?;
        reset(&self.step, self.session.as_mut())?;
        let is_due = (self.position.epoch + 1).is_multiple_of(self.options.validation_freq.max(1));
        if is_due && let Some(mut evaluator) = self.evaluator.take() {
            let measured = self.evaluate(&mut evaluator)?;
            self.evaluator = Some(evaluator);
            logs.extend(measured.into_iter().map(|(name, value)| (format!("val_{name}"), value)));
        }
        self.tell(|callback, training| callback.on_epoch_end(training), &mut logs, self.position.batch)?;
        self.observe(Moment::Epoch, batches, Means::Done(&logs))?;
        for (name, value) in &logs {
            self.position.history.entry(name.clone()).or_default().push(*value);
        }
        self.position.batch = 0;
        self.position.epoch += 1;
        Ok(logs)
    }

    /// Measures the samples for validation.
    fn evaluate(&mut self, evaluator: &mut Evaluator) -> Result<Logs> {
        self.tell(|callback, training| callback.on_test_begin(training), &mut Logs::new(), 0)?;
        // Metrics of both have the same paths; those of the evaluation start anew.
        evaluator.start(&|path| self.session.variable(path))?;
        let mut logs = Logs::new();
        for number in 0..evaluator.batches() {
            self.tell(|callback, training| callback.on_test_batch_begin(training), &mut logs, number)?;
            evaluator.take(number)?;
            if !self.callbacks.is_empty() {
                logs = evaluator.logs()?;
            }
            self.tell(|callback, training| callback.on_test_batch_end(training), &mut logs, number)?;
        }
        logs = evaluator.logs()?;
        self.tell(|callback, training| callback.on_test_end(training), &mut logs, 0)?;
        Ok(logs)
    }

    /// Ends the training when somebody has asked for it.
    fn heed_interrupt(&mut self, logs: &mut Logs, batch: usize) -> Result<()> {
        let is_asked = |flag: &Arc<AtomicBool>| flag.load(Ordering::Relaxed);
        if !self.options.interrupt.as_ref().is_some_and(is_asked) {
            return Ok(());
        }
        self.tell(|callback, training| callback.on_interrupt(training), logs, batch)?;
        Err(Error::interrupted(format!("interrupted after step {}", self.position.step)))
    }

    /// Tells the callbacks of a moment.
    fn tell(&mut self, moment: Told, logs: &mut Logs, batch: usize) -> Result<()> {
        if self.callbacks.is_empty() {
            return Ok(());
        }
        let mut callbacks = std::mem::take(&mut self.callbacks);
        let told = callbacks.each(self, logs, batch, moment);
        self.callbacks = callbacks;
        told
    }

    /// Tells the observer how far the training is.
    fn observe(&self, moment: Moment, batches: Option<usize>, means: Means<'_>) -> Result<()> {
        let Some(observer) = &self.options.observer else { return Ok(()) };
        observer(&Progress {
            moment,
            step: self.position.step,
            steps: (self.options.epochs * batches.unwrap_or(0)) as u64,
            epoch: self.position.epoch,
            epochs: self.options.epochs,
            batch: self.position.batch,
            batches,
            loss: means.loss()?,
            means,
        })
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
        for variable in &self.step.meter.variables {
            if let Some(value) = self.value(&variable.path) {
                states.insert(variable.path.clone(), value);
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
        self.session.rest();
        let (artifact, _) = self.artifact()?;
        let history = History { values: self.position.history };
        Ok(Fitted { artifact, history, left_out: self.step.left_out })
    }
}

impl Host for State<'_> {
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
        position::add_position(
            &mut artifact,
            &states,
            &self.position,
            callbacks,
            self.samples,
            self.options,
        )?;
        Ok(artifact)
    }
}

/// The optimizer's variables: as stored when all of them are, else as they start, with the step and rate that are stored.
pub(super) fn optimizer_state(
    model: &Model,
    compiled: &Compiled,
    trained: &[Trained],
) -> Result<HashMap<String, Array>> {
    let variables = compiled.optimizer.variables(trained)?;
    let copies = compiled.optimizer.copies(trained)?.len();
    let artifact = model.to_artifact();
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
pub(super) fn note_learning_rate(artifact: &mut Artifact, rate: f64) {
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
