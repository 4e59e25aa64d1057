//! One step of training, and one of evaluation, as graphs.

use std::sync::LazyLock;

use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::{DType, Error, Result, ResultExt, Role, autodiff, ops};

use super::meter::{Meter, MeterBuilder};
use super::{Compiled, CompiledLoss, CompiledMeasure, MeanLoss};
use crate::Model;
use crate::layers::{Masked, Slot};
use crate::losses::{self, Loss, align, reduce};
use crate::metrics::{self, Measure, Sample};
use crate::optimizers::Trained;

/// What a step is given beside the inputs of the model.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Feeds {
    /// Targets, one for each output with a loss.
    pub targets: Vec<TensorSpec>,
    /// Weights of samples: none, or one for each target.
    pub weights: Vec<TensorSpec>,
}

impl Feeds {
    /// Targets without weights.
    pub fn new(targets: impl Into<Vec<TensorSpec>>) -> Self {
        Self { targets: targets.into(), weights: Vec::new() }
    }

    /// Sets the weights of samples, one for each target.
    #[must_use]
    pub fn weights(mut self, weights: impl Into<Vec<TensorSpec>>) -> Self {
        self.weights = weights.into();
        self
    }
}

/// A step with what it measures.
#[derive(Debug)]
#[non_exhaustive]
pub struct StepGraph {
    /// Inputs: those of the model, a target for each output with a loss, weights for each target if there are any. Its one
    /// output is the loss of the batch.
    pub graph: Graph,
    /// The losses and metrics.
    pub meter: Meter,
    /// Positions of the outputs of the model that have a target, in order.
    pub targets: Vec<usize>,
    /// Metrics of the compile config that are not known, and left out.
    pub left_out: Vec<String>,
}

/// The variables that training changes, in Keras's order.
pub fn trained(model: &Model) -> Result<Vec<Trained>> {
    let names = model.place().names();
    let variables = model.place().variables().into_iter();
    let is_trained = |slot: &Slot| slot.role == Role::Weight && slot.same_as.is_none();
    variables
        .filter(|(_, slot, trainable)| *trainable && is_trained(slot))
        .map(|(path, slot, _)| {
            let name = names.get(&path).cloned().unwrap_or_default();
            Ok(Trained { path, name, sizes: slot.spec.sizes()?, dtype: slot.spec.dtype })
        })
        .collect()
}

/// One step of training: forward, losses, gradients, updates of all variables.
pub fn step(model: &Model, compiled: &Compiled, feeds: &Feeds) -> Result<StepGraph> {
    step_with(model, compiled, feeds, true)
}

/// The same where losses and metrics are those of the batch alone, and the outputs of the graph.
pub fn step_of_batch(model: &Model, compiled: &Compiled, feeds: &Feeds) -> Result<StepGraph> {
    step_with(model, compiled, feeds, false)
}

fn step_with(model: &Model, compiled: &Compiled, feeds: &Feeds, is_running: bool) -> Result<StepGraph> {
    let builder = GraphBuilder::new("train_step");
    let meter = MeterBuilder::new(&builder, is_running);
    let forward = forward(meter, &builder, model, compiled, (feeds, true))?;
    let trained = trained(model)?;
    let variables = trained
        .iter()
        .map(|variable| {
            let sizes = variable.sizes.iter().map(|size| *size as u64);
            let spec = TensorSpec::new(variable.dtype, kerata_core::Shape::known(sizes));
            builder.variable(&variable.path, spec, true)
        })
        .collect::<Result<Vec<_>>>()?;
    let loss = compiled.optimizer.scale_loss(&forward.total)?;
    let start = ops::ones_like(&loss)?;
    let gradients = autodiff::flows(&builder, &[loss], &[Some(start)], &variables)?;
    let constraints = model.constraints();
    let constrain = |index: usize, value: &Tensor| {
        let path = trained.get(index).map(|variable| variable.path.as_str());
        match constraints.iter().find(|(of, _)| Some(of.as_str()) == path) {
            Some((path, constraint)) => {
                constraint.object()?.call(value).at(|| format!("constraint of `{path}`"))
            }
            None => Ok(value.clone()),
        }
    };
    let new = compiled.optimizer.apply(&builder, &trained, &variables, &gradients, &constrain)?;
    for (index, value) in new {
        let variable = trained.get(index).ok_or_else(|| Error::internal("an update of no variable"))?;
        builder.update(&variable.path, &value)?;
    }
    forward.finish(&builder)
}

/// One step of evaluation: forward and losses.
pub fn evaluation(model: &Model, compiled: &Compiled, feeds: &Feeds) -> Result<StepGraph> {
    let builder = GraphBuilder::new("test_step");
    let meter = MeterBuilder::new(&builder, true);
    forward(meter, &builder, model, compiled, (feeds, false))?.finish(&builder)
}

/// Forward pass with losses.
struct Forward {
    total: Tensor,
    meter: MeterBuilder,
    targets: Vec<usize>,
    left_out: Vec<String>,
}

impl Forward {
    fn finish(self, builder: &GraphBuilder) -> Result<StepGraph> {
        let graph = match self.meter.of_batch() {
            Some(results) => {
                let results: Vec<(&str, &Tensor)> =
                    results.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
                builder.finish(&results)?
            }
            None => builder.finish(&[("loss", &self.total)])?,
        };
        let meter = self.meter.finish()?;
        Ok(StepGraph { graph, meter, targets: self.targets, left_out: self.left_out })
    }
}

fn forward(
    mut meter: MeterBuilder,
    builder: &GraphBuilder,
    model: &Model,
    compiled: &Compiled,
    (feeds, training): (&Feeds, bool),
) -> Result<Forward> {
    let ports = model.inputs()?;
    let inputs: Vec<Tensor> =
        ports.tensors().iter().map(|port| builder.input(port.label(), port.spec.clone())).collect();
    let targets: Vec<usize> =
        (0..compiled.losses.len()).filter(|output| compiled.losses[*output].is_some()).collect();
    let (expected, found) = (targets.len(), feeds.targets.len());
    if found != expected {
        return Err(Error::mismatch(format!("expected {expected} targets, found {found}")));
    }
    if !feeds.weights.is_empty() && feeds.weights.len() != expected {
        let found = feeds.weights.len();
        return Err(Error::mismatch(format!("expected weights for {expected} targets, found {found}")));
    }
    let feed = |kind: &str, specs: &[TensorSpec]| -> Vec<Tensor> {
        let names = targets.iter().filter_map(|output| compiled.outputs.get(*output));
        names.zip(specs).map(|(name, spec)| builder.input(format!("{kind}/{name}"), spec.clone())).collect()
    };
    let y_true = feed("target", &feeds.targets);
    let weights = feed("weight", &feeds.weights);
    let traced = model.call(builder, &inputs, training)?;
    if traced.outputs.len() != compiled.losses.len() {
        return Err(Error::internal("the model gave another number of outputs than it declares"));
    }

    let mut parts = Vec::new();
    let mut losses = Vec::new();
    for (position, (output, y_true)) in targets.iter().zip(&y_true).enumerate() {
        let (Some(Some(loss)), Some(y_pred), Some(name)) =
            (compiled.losses.get(*output), traced.outputs.get(*output), compiled.outputs.get(*output))
        else {
            continue;
        };
        let _scope = builder.scope("loss");
        let value =
            loss_of(loss, y_true, y_pred, weights.get(position)).at(|| format!("loss of output `{name}`"))?;
        if targets.len() > 1 {
            losses.push((format!("{name}_loss"), value.clone()));
        }
        parts.push(match loss.weight {
            Some(weight) => ops::times(&value, weight)?,
            None => value,
        });
    }
    for (path, regularizer) in model.regularizers() {
        let slots = model.place().variables();
        let slot = slots.iter().find(|(known, slot, _)| *known == path && slot.same_as.is_none());
        if let Some((_, slot, true)) = slot {
            let variable = builder.variable(&path, slot.spec.clone(), true)?;
            parts.push(regularizer.object()?.call(&variable).at(|| format!("regularizer of `{path}`"))?);
        }
    }
    parts.extend(traced.losses);
    let mut parts = parts.into_iter();
    let Some(mut total) = parts.next() else {
        return Err(Error::usage("there is no loss to make smaller").hint("compile the model with a loss"));
    };
    for part in parts {
        let part = ops::sum(&ops::cast(&part, total.dtype())?, &[], false)?;
        total = ops::add(&total, &part)?;
    }
    losses.insert(0, ("loss".to_owned(), total.clone()));
    let mut left_out = Vec::new();
    let _scope = builder.scope("metrics");
    let first = traced.outputs.first().map(|output| &output.tensor);
    let first = first.ok_or_else(|| Error::internal("the model has no outputs"))?;
    let samples = ops::cast(&ops::index(&ops::shape_of(first)?, 0, 0)?, DType::Float32)?;
    for (name, value) in &losses {
        meter.add_number(name, value, &samples)?;
    }
    for (list, prefix) in [(&compiled.metrics, ""), (&compiled.weighted_metrics, "weighted_")] {
        for (position, (output, y_true)) in targets.iter().zip(&y_true).enumerate() {
            let (Some(metrics), Some(y_pred), Some(of)) =
                (list.get(*output), traced.outputs.get(*output), compiled.outputs.get(*output))
            else {
                continue;
            };
            let sample = Sample {
                y_true: y_true.clone(),
                y_pred: ops::cast(&y_pred.tensor, DType::Float32)?,
                weights: weights.get(position).filter(|_| !prefix.is_empty()).cloned(),
                mask: y_pred.mask.clone(),
            };
            for metric in metrics {
                let output = (compiled.outputs.len() > 1).then_some(of);
                let name = metric_name(&metric.name, output, prefix, &meter);
                match &metric.measure {
                    CompiledMeasure::Accuracy => meter.add(&name, accuracy(&sample), &sample)?,
                    CompiledMeasure::Loss(loss) => meter.add(&name, &MeanLoss::new(loss.clone()), &sample)?,
                    CompiledMeasure::Metric(metric) => match metric.object() {
                        Ok(metric) => meter.add(&name, metric, &sample)?,
                        Err(_) => left_out.push(name),
                    },
                }
            }
        }
    }
    Ok(Forward { total, meter, targets, left_out })
}

/// The loss of one output.
fn loss_of(
    loss: &CompiledLoss,
    y_true: &Tensor,
    y_pred: &Masked,
    weights: Option<&Tensor>,
) -> Result<Tensor> {
    let chosen;
    let function = match &loss.function {
        Some(function) => function,
        None => {
            chosen = cross_entropy(y_true, &y_pred.tensor);
            &chosen
        }
    };
    let function = function.object()?;
    let (y_true, prediction) = align(y_true, &y_pred.tensor)?;
    let values = function.call(&y_true, &prediction)?;
    let mask = match (&y_pred.mask, function.mask(&y_true, &prediction, &values)?) {
        (Some(input), Some(own)) => Some(ops::logical_and(input, &own)?),
        (Some(mask), None) => Some(mask.clone()),
        (None, own) => own,
    };
    reduce(&values, weights, mask.as_ref(), loss.reduction)
}

/// The cross-entropy that fits the shapes of labels and predictions.
fn cross_entropy(y_true: &Tensor, y_pred: &Tensor) -> Loss {
    match kind(y_true, y_pred) {
        Labels::Binary => losses::BinaryCrossentropy::new().into(),
        Labels::Numbers => losses::SparseCategoricalCrossentropy::new().into(),
        Labels::OneHot => losses::CategoricalCrossentropy::new().into(),
    }
}

/// The name of a metric: with the output's before it when there are several, and changed when it is taken.
fn metric_name(name: &str, output: Option<&String>, prefix: &str, meter: &MeterBuilder) -> String {
    let with_output =
        |name: &str| output.map_or_else(|| name.to_owned(), |output| format!("{output}_{name}"));
    let is_taken = |name: &str| meter.has(name);
    let plain = with_output(name);
    if !is_taken(&plain) {
        return plain;
    }
    let base = with_output(&format!("{prefix}{name}"));
    let mut candidates = std::iter::once(base.clone()).chain((1..).map(|count| format!("{base}_{count}")));
    candidates.find(|name| !is_taken(name)).unwrap_or(base)
}

/// The accuracy that fits the shapes of labels and predictions.
fn accuracy(sample: &Sample) -> &'static dyn Measure {
    static BINARY: LazyLock<metrics::BinaryAccuracy> = LazyLock::new(metrics::BinaryAccuracy::new);
    static NUMBERS: LazyLock<metrics::SparseCategoricalAccuracy> =
        LazyLock::new(metrics::SparseCategoricalAccuracy::new);
    static ONE_HOT: LazyLock<metrics::CategoricalAccuracy> = LazyLock::new(metrics::CategoricalAccuracy::new);
    match kind(&sample.y_true, &sample.y_pred) {
        Labels::Binary => &*BINARY,
        Labels::Numbers => &*NUMBERS,
        Labels::OneHot => &*ONE_HOT,
    }
}

/// What labels are, by the shapes of labels and predictions.
enum Labels {
    Binary,
    Numbers,
    OneHot,
}

fn kind(y_true: &Tensor, y_pred: &Tensor) -> Labels {
    let last = |tensor: &Tensor| tensor.shape().axes().last().copied().flatten();
    if last(y_pred) == Some(1) {
        Labels::Binary
    } else if y_true.rank() < y_pred.rank() || last(y_true) == Some(1) {
        Labels::Numbers
    } else {
        Labels::OneHot
    }
}
