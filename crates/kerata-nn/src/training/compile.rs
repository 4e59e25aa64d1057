//! `Compile`: what a model is to be trained by, put together in Rust and written as Keras writes it.

use indexmap::IndexMap;
use kerata_core::{Error, Object, Result, Tree};

use super::Compiled;
use crate::config::{Value, serialized};
use crate::layers::snake_case;
use crate::losses::{Loss, LossFunction, Reduction};
use crate::metrics::{Measure, Metric};
use crate::optimizers::Optimizer;
use crate::{Model, Registry};

/// What a model is trained by: optimizer, losses and metrics.
///
/// ```
/// use kerata_nn::optimizers::{Adam, Optimize};
/// use kerata_nn::training::Compile;
///
/// let compile = Compile::new()
///     .optimizer(Adam::new().learning_rate(2e-3))
///     .loss("sparse_categorical_crossentropy")
///     .metrics(["accuracy"]);
/// assert_eq!(compile.config()["metrics"].to_json(), "[\"accuracy\"]");
/// ```
#[derive(Clone, Debug)]
pub struct Compile {
    optimizer: Optimizer,
    losses: Entries<LossOf>,
    metrics: Metrics,
    weighted_metrics: Metrics,
}

/// The loss of one output: a name, a loss, or one with its reduction and weight.
#[derive(Clone, Debug)]
pub struct LossOf {
    loss: Tree,
    reduction: Option<Reduction>,
    weight: Option<f64>,
}

/// A metric of one output: a name, a metric, or a loss whose mean is reported.
#[derive(Clone, Debug)]
pub struct MetricOf(Tree);

/// Entries for all outputs in order, or by name.
type Entries<T> = IndexMap<Option<String>, T>;

/// Metrics of the only output, or by name of the output.
type Metrics = Entries<Vec<MetricOf>>;

impl Compile {
    /// Keras's defaults: `rmsprop`, no loss, no metrics.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self {
            optimizer: Optimizer::from("rmsprop"),
            losses: Entries::new(),
            metrics: Metrics::new(),
            weighted_metrics: Metrics::new(),
        }
    }

    /// Sets the optimizer: a name, a rule, or a rule with common arguments.
    #[must_use]
    pub fn optimizer(mut self, optimizer: impl Into<Optimizer>) -> Self {
        self.optimizer = optimizer.into();
        self
    }

    /// Sets the loss of the only output, or of every output.
    #[must_use]
    pub fn loss(mut self, loss: impl Into<LossOf>) -> Self {
        self.losses.insert(None, loss.into());
        self
    }

    /// Sets the loss of an output. An output without a loss is not trained.
    #[must_use]
    pub fn loss_for(mut self, output: impl Into<String>, loss: impl Into<LossOf>) -> Self {
        self.losses.insert(Some(output.into()), loss.into());
        self
    }

    /// Sets what the losses of outputs are multiplied by in the total; outputs must have a loss of their own by now.
    #[must_use]
    pub fn loss_weights<'a>(mut self, weights: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        for (output, weight) in weights {
            if let Some(loss) = self.losses.get_mut(&Some(output.to_owned())) {
                loss.weight = Some(weight);
            }
        }
        self
    }

    /// Adds metrics of the only output.
    #[must_use]
    pub fn metrics<M: Into<MetricOf>>(mut self, metrics: impl IntoIterator<Item = M>) -> Self {
        self.metrics.entry(None).or_default().extend(metrics.into_iter().map(Into::into));
        self
    }

    /// Adds a metric of the only output.
    #[must_use]
    pub fn metric(self, metric: impl Into<MetricOf>) -> Self {
        self.metrics([metric])
    }

    /// Adds a metric of an output.
    #[must_use]
    pub fn metric_for(mut self, output: impl Into<String>, metric: impl Into<MetricOf>) -> Self {
        self.metrics.entry(Some(output.into())).or_default().push(metric.into());
        self
    }

    /// Adds metrics of the only output that take the weights of samples.
    #[must_use]
    pub fn weighted_metrics<M: Into<MetricOf>>(mut self, metrics: impl IntoIterator<Item = M>) -> Self {
        self.weighted_metrics.entry(None).or_default().extend(metrics.into_iter().map(Into::into));
        self
    }

    /// The compile config as Keras writes it.
    pub fn config(&self) -> Object {
        let weight = |loss: &LossOf| loss.weight.map_or(Tree::Null, Tree::Float);
        let has_weights = self.losses.values().any(|loss| loss.weight.is_some());
        let metrics = |metrics: &Metrics| {
            by_output(metrics, &|list| Tree::List(list.iter().map(|metric| metric.0.clone()).collect()))
        };
        let entries = [
            ("optimizer", self.optimizer.write()),
            ("loss", by_output(&self.losses, &LossOf::write)),
            ("loss_weights", if has_weights { by_output(&self.losses, &weight) } else { Tree::Null }),
            ("metrics", metrics(&self.metrics)),
            ("weighted_metrics", metrics(&self.weighted_metrics)),
            ("run_eagerly", Tree::from(false)),
            ("steps_per_execution", Tree::from(1_i64)),
            ("jit_compile", Tree::from(false)),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

impl Model {
    /// Says what the model is trained by. Its optimizer starts anew.
    ///
    /// Fails when a name is not known, or an output is named that the model does not have.
    pub fn compile(&mut self, compile: &Compile) -> Result<()> {
        self.compile_with(compile, &self.registry().clone())
    }

    /// The same with classes of one's own, which the registry knows: `fit` and `evaluate` find them there too.
    pub fn compile_with(&mut self, compile: &Compile, registry: &Registry) -> Result<()> {
        let mut artifact = self.to_artifact();
        artifact.variables.retain(|_, variable| variable.role != kerata_core::Role::Optimizer);
        artifact.compile_config = Some(Tree::Object(compile.config()));
        let mut compiled = self.clone();
        compiled.replace(artifact)?;
        compiled.set_registry(registry);
        Compiled::of(&compiled, registry)?.check()?;
        *self = compiled;
        Ok(())
    }
}

/// One entry for all, or an object by output.
fn by_output<T>(entries: &Entries<T>, write: &dyn Fn(&T) -> Tree) -> Tree {
    if let Some(all) = entries.get(&None) {
        return write(all);
    }
    if entries.is_empty() {
        return Tree::Null;
    }
    let named = entries.iter().filter_map(|(output, entry)| Some((output.clone()?, write(entry))));
    Tree::Object(named.collect())
}

impl LossOf {
    /// Sets how the losses of samples become one number.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = Some(reduction);
        self
    }

    /// Sets what it is multiplied by in the total.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = Some(weight);
        self
    }

    fn write(&self) -> Tree {
        let mut tree = self.loss.clone();
        if let (Some(name), Some(_)) = (tree.as_str(), self.reduction)
            && let Ok(function) = Loss::from(name).object()
        {
            let config = Tree::Object(function.config());
            tree = serialized("keras.losses", function.class_name(), config, None);
        }
        let class = tree.class_name().map(snake_case);
        if let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) {
            let mut whole = Object::from_iter([
                ("name".to_owned(), Tree::from(class.as_deref())),
                ("reduction".to_owned(), self.reduction.unwrap_or_default().write()),
            ]);
            whole.extend(std::mem::take(config));
            *config = whole;
        }
        tree
    }
}

impl From<&str> for LossOf {
    fn from(name: &str) -> Self {
        Self { loss: Tree::from(name), reduction: None, weight: None }
    }
}

impl From<Loss> for LossOf {
    fn from(loss: Loss) -> Self {
        Self { loss: loss.write(), reduction: None, weight: None }
    }
}

impl<T: LossFunction> From<T> for LossOf {
    fn from(loss: T) -> Self {
        Loss::from(loss).into()
    }
}

impl From<&str> for MetricOf {
    fn from(name: &str) -> Self {
        Self(Tree::from(name))
    }
}

impl From<Metric> for MetricOf {
    fn from(metric: Metric) -> Self {
        Self(metric.write())
    }
}

impl<T: Measure> From<T> for MetricOf {
    fn from(metric: T) -> Self {
        Metric::from(metric).into()
    }
}

impl Compiled {
    /// Fails when something in the config is not known, or there is no loss.
    pub fn check(&self) -> Result<()> {
        self.optimizer.check()?;
        let all = self.metrics.iter().chain(&self.weighted_metrics).flatten();
        for metric in all {
            if let super::CompiledMeasure::Metric(of) = &metric.measure {
                of.object().map_err(|error| Error::usage(error.message().to_owned()))?;
            }
        }
        if self.losses.iter().all(Option::is_none) {
            return Err(Error::usage("there is no loss to make smaller").hint("`Compile::loss` sets it"));
        }
        Ok(())
    }
}
