//! `Compiled`: the compile config of a model, read.

use kerata_core::{Error, Object, Result, ResultExt, Tree};

use crate::config::{Value, argument};
use crate::losses::{Loss, Reduction};
use crate::metrics::Metric;
use crate::optimizers::Optimizer;
use crate::{Model, Registry};

/// What a model is trained by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Compiled {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The loss of each output; none for an output that is not trained.
    pub losses: Vec<Option<CompiledLoss>>,
    /// The metrics of each output.
    pub metrics: Vec<Vec<CompiledMetric>>,
    /// The metrics of each output that take sample weights.
    pub weighted_metrics: Vec<Vec<CompiledMetric>>,
    /// Names of the outputs.
    pub outputs: Vec<String>,
}

/// The loss of an output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompiledLoss {
    /// The loss; none when the shapes decide which cross-entropy it is.
    pub function: Option<Loss>,
    /// How the losses of samples become one number.
    pub reduction: Reduction,
    /// What it is multiplied by in the total.
    pub weight: Option<f64>,
}

/// A metric of an output.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CompiledMetric {
    /// The name that its values are reported under.
    pub name: String,
    /// What is measured.
    pub measure: CompiledMeasure,
}

/// What a metric measures.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum CompiledMeasure {
    /// The accuracy that fits the shapes.
    Accuracy,
    /// A metric.
    Metric(Metric),
    /// The mean of a loss.
    Loss(Loss),
}

impl Compiled {
    /// Reads the compile config of a model.
    pub fn of(model: &Model, registry: &Registry) -> Result<Self> {
        let artifact = model.to_artifact();
        let config = artifact.compile_config.as_ref().and_then(Tree::as_object).ok_or_else(|| {
            Error::usage("the model is not compiled").hint("compile it in Keras before it is saved")
        })?;
        let mut compiled = Self::read(config, model, registry).at(|| "compile config")?;
        if compiled.is_scaled(model, artifact.optimizer().count())? {
            compiled.optimizer = compiled.optimizer.scaled();
        }
        Ok(compiled)
    }

    /// Whether so many stored variables are those of a `LossScaleOptimizer` that the config does not name: Keras wraps the
    /// optimizers of half-precision models.
    fn is_scaled(&self, model: &Model, stored: usize) -> Result<bool> {
        let trained = super::trained(model)?;
        let count = |optimizer: &Optimizer| {
            Ok::<_, Error>(optimizer.variables(&trained)?.len() + optimizer.copies(&trained)?.len())
        };
        Ok(stored != count(&self.optimizer)? && stored == count(&self.optimizer.clone().scaled())?)
    }

    fn read(config: &Object, model: &Model, registry: &Registry) -> Result<Self> {
        let outputs = model.output_names();
        let of = |key: &str| config.get(key).unwrap_or(&Tree::Null);
        let optimizer = Optimizer::read(of("optimizer"), registry).at(|| "optimizer")?;
        let losses = by_output(of("loss"), &outputs, Kind::Loss).at(|| "loss")?;
        let weights = by_output(of("loss_weights"), &outputs, Kind::Loss).at(|| "loss_weights")?;
        let loss = |(tree, weight): (&Tree, &Tree)| {
            let weight = Option::<f64>::read(weight, registry).at(|| "loss_weights")?;
            CompiledLoss::read(tree, weight, registry).at(|| "loss")
        };
        let metrics = |key: &'static str| {
            let trees = by_output(of(key), &outputs, Kind::Metrics).at(|| key)?;
            trees.iter().map(|tree| metrics_of(tree, registry).at(|| key)).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            optimizer,
            losses: losses.iter().zip(&weights).map(loss).collect::<Result<_>>()?,
            metrics: metrics("metrics")?,
            weighted_metrics: metrics("weighted_metrics")?,
            outputs,
        })
    }
}

impl CompiledLoss {
    fn read(tree: &Tree, weight: Option<f64>, registry: &Registry) -> Result<Option<Self>> {
        if tree.is_null() {
            return Ok(None);
        }
        let chosen_by_shape = tree
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case("crossentropy") || name.eq_ignore_ascii_case("ce"));
        let empty = Object::new();
        let config = tree.get("config").and_then(Tree::as_object).unwrap_or(&empty);
        let function = if chosen_by_shape {
            None
        } else {
            let loss = Loss::read(tree, registry)?;
            loss.object()?;
            Some(loss)
        };
        let reduction = argument(config, "reduction", registry, Reduction::default)?;
        Ok(Some(Self { function, reduction, weight }))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loss,
    Metrics,
}

/// What a config says for each output: one entry for all, a list in order, or an object by name.
fn by_output(tree: &Tree, outputs: &[String], kind: Kind) -> Result<Vec<Tree>> {
    let count = outputs.len();
    match tree {
        Tree::Null => Ok(vec![Tree::Null; count]),
        // A single output takes all metrics of a list, or of an object.
        _ if kind == Kind::Metrics && count == 1 => Ok(vec![Tree::List(flat(tree))]),
        Tree::List(items) if items.len() == count => Ok(items.clone()),
        Tree::List(items) => Err(Error::mismatch(format!(
            "expected {count} entries, one for each output, found {}",
            items.len()
        ))),
        Tree::Object(entries) if !entries.contains_key("class_name") => {
            if let Some(unknown) = entries.keys().find(|key| !outputs.contains(key)) {
                return Err(Error::mismatch(format!("no output `{unknown}`"))
                    .hint(format!("outputs are {}", outputs.join(", "))));
            }
            Ok(outputs.iter().map(|name| entries.get(name).cloned().unwrap_or_default()).collect())
        }
        one if kind == Kind::Loss => Ok(vec![one.clone(); count]),
        other => Err(Error::mismatch(format!("expected a list or an object, found {}", other.to_json()))),
    }
}

/// All entries of nested lists and objects.
fn flat(tree: &Tree) -> Vec<Tree> {
    match tree {
        Tree::Null => Vec::new(),
        Tree::List(items) => items.iter().flat_map(flat).collect(),
        Tree::Object(entries) if !entries.contains_key("class_name") => {
            entries.values().flat_map(flat).collect()
        }
        one => vec![one.clone()],
    }
}

fn metrics_of(tree: &Tree, registry: &Registry) -> Result<Vec<CompiledMetric>> {
    flat(tree).iter().map(|tree| CompiledMetric::read(tree, registry)).collect()
}

impl CompiledMetric {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let text = tree.as_str();
        let is_accuracy = text
            .is_some_and(|name| name.eq_ignore_ascii_case("accuracy") || name.eq_ignore_ascii_case("acc"));
        if let (Some(name), true) = (text, is_accuracy) {
            return Ok(Self { name: name.to_owned(), measure: CompiledMeasure::Accuracy });
        }
        let of =
            if tree.class_name() == Some("MeanMetricWrapper") { tree.path(&["config", "fn"]) } else { None };
        let metric = Metric::read(of.unwrap_or(tree), registry)?;
        let loss = Loss::read(of.unwrap_or(tree), registry)?;
        let own = metric.object().map_or("", crate::metrics::Measure::default_name);
        let own = Some(own).filter(|name| !name.is_empty());
        let measure = match metric.object().is_err() && loss.object().is_ok() {
            true => CompiledMeasure::Loss(loss),
            false => CompiledMeasure::Metric(metric),
        };
        let configured = tree.path(&["config", "name"]).and_then(Tree::as_str);
        let function = tree.get("config").and_then(Tree::as_str);
        let name = text.or(configured).or(function).or(own).map(str::to_owned);
        let name = name.or_else(|| tree.class_name().map(crate::layers::snake_case)).unwrap_or_default();
        Ok(Self { name, measure })
    }
}
