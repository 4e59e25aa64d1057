//! Metrics: what is measured beside the loss, in ops.

use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::ops::Size;
use kerata_core::{DType, Error, Result, ops};

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::losses::same_rank;
use crate::registry::Registry;

mod at_least;
mod counts;
mod f_score;
mod overlap;
mod prelude;
mod state;

pub use auc::{Curve, Summation};
pub use counts::{LabelWeights, Thresholds};
pub use state::{Declared, Sample, State};

family! { dyn Measure;
    accuracy => Accuracy,
    auc => AUC,
    binary_accuracy => BinaryAccuracy,
    binary_iou => BinaryIoU,
    categorical_accuracy => CategoricalAccuracy,
    concordance_correlation => ConcordanceCorrelation,
    cosine_similarity => CosineSimilarity,
    f1_score => F1Score,
    false_negatives => FalseNegatives,
    false_positives => FalsePositives,
    fbeta_score => FBetaScore,
    iou => IoU,
    log_cosh_error => LogCoshError,
    mean_iou => MeanIoU,
    one_hot_iou => OneHotIoU,
    one_hot_mean_iou => OneHotMeanIoU,
    pearson_correlation => PearsonCorrelation,
    precision => Precision,
    precision_at_recall => PrecisionAtRecall,
    r2_score => R2Score,
    recall => Recall,
    recall_at_precision => RecallAtPrecision,
    root_mean_squared_error => RootMeanSquaredError,
    sensitivity_at_specificity => SensitivityAtSpecificity,
    sparse_categorical_accuracy => SparseCategoricalAccuracy,
    sparse_top_k_categorical_accuracy => SparseTopKCategoricalAccuracy,
    specificity_at_sensitivity => SpecificityAtSensitivity,
    top_k_categorical_accuracy => TopKCategoricalAccuracy,
    true_negatives => TrueNegatives,
    true_positives => TruePositives,
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[("rmse", "root_mean_squared_error")];

/// Measures predictions, in ops. Most metrics are means of [`values`](Self::values); the others keep what they need.
pub trait Measure: Config {
    /// The measure of each sample, of which the mean is taken.
    fn values(&self, _y_true: &Tensor, _y_pred: &Tensor) -> Result<Tensor> {
        Err(Error::internal(format!("{} measures no single samples", self.class_name())))
    }

    /// Declares what is kept between batches, for batches such as this one.
    fn build(&self, declared: &mut Declared, _sample: &Sample) -> Result<()> {
        declared.float("total", &[]);
        declared.float("count", &[]);
        Ok(())
    }

    /// Takes in a batch.
    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let values = self.values(&sample.y_true, &sample.y_pred)?;
        add_mean(state, &values, sample.masked_weights()?.as_ref())
    }

    /// The result of all batches.
    fn result(&self, state: &State) -> Result<Tensor> {
        mean(state)
    }

    /// The name that it is reported under when it is given none; empty for that of its class.
    fn default_name(&self) -> &'static str {
        ""
    }
}

/// The family of metrics.
#[derive(Debug)]
pub enum Metrics {}

impl Family for Metrics {
    type Object = dyn Measure;
    const MODULE: &'static str = "keras.metrics";
    const KIND: &'static str = "metric";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.metrics.find(name)
    }
}

/// A metric by class or function.
pub type Metric = Reference<Metrics>;

impl<T: Measure> From<T> for Metric {
    fn from(metric: T) -> Self {
        Self::to(Arc::new(metric))
    }
}

/// Adds the measures of a batch, with their weights, to a mean.
pub fn add_mean(state: &State, values: &Tensor, weights: Option<&Tensor>) -> Result<()> {
    let mut values = ops::cast(values, DType::Float32)?;
    let weight = match weights {
        Some(weights) => {
            let (of_values, weights) = same_rank(&values, &ops::cast(weights, DType::Float32)?)?;
            let inner: Vec<i64> = (weights.rank() as i64..of_values.rank() as i64).collect();
            let of_values = if inner.is_empty() { of_values } else { ops::mean(&of_values, &inner, false)? };
            let weights = ops::multiply(&weights, &ops::ones_like(&of_values)?)?;
            values = ops::multiply(&of_values, &weights)?;
            ops::sum(&by_sample(&weights)?, &[], false)?
        }
        None if values.rank() == 0 => ops::ones_like(&values)?,
        None => ops::cast(&ops::index(&ops::shape_of(&values)?, 0, 0)?, DType::Float32)?,
    };
    state.add("total", &ops::sum(&by_sample(&values)?, &[], false)?)?;
    state.add("count", &weight)
}

/// The mean of what was added; 0 of nothing.
pub fn mean(state: &State) -> Result<Tensor> {
    ops::divide_no_nan(&state.get("total")?, &state.get("count")?)
}

/// Means over all axes but the first.
fn by_sample(values: &Tensor) -> Result<Tensor> {
    let inner: Vec<i64> = (1..values.rank() as i64).collect();
    if inner.is_empty() { Ok(values.clone()) } else { ops::mean(values, &inner, false) }
}

/// Labels that are numbers of classes, without a last axis of size 1.
pub fn class_numbers(y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
    let is_column = y_true.rank() == y_pred.rank() && y_true.shape().axes().last() == Some(&Some(1));
    if is_column { ops::squeeze(y_true, &[-1]) } else { Ok(y_true.clone()) }
}

/// Whether each label is among the likeliest classes, as numbers.
pub fn in_top_k(labels: &Tensor, y_pred: &Tensor, k: usize) -> Result<Tensor> {
    let classes = y_pred.size(y_pred.rank().saturating_sub(1));
    let rows = ops::reshape(y_pred, [Size::Infer, classes])?;
    let flat = ops::reshape(&ops::cast(labels, DType::Int32)?, [-1])?;
    let found = ops::cast(&ops::in_top_k(&flat, &rows, k)?, DType::Float32)?;
    if labels.rank() == 1 { Ok(found) } else { ops::reshape(&found, labels.sizes()) }
}
