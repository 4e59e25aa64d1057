//! Metrics: what is measured beside the loss, in ops.

use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::ops::Size;
use kerata_core::{DType, Result, ops};

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::losses::same_rank;
use crate::registry::Registry;

mod prelude;

family! { dyn Measure;
    accuracy => Accuracy,
    binary_accuracy => BinaryAccuracy,
    categorical_accuracy => CategoricalAccuracy,
    cosine_similarity => CosineSimilarity,
    root_mean_squared_error => RootMeanSquaredError,
    sparse_categorical_accuracy => SparseCategoricalAccuracy,
    sparse_top_k_categorical_accuracy => SparseTopKCategoricalAccuracy,
    top_k_categorical_accuracy => TopKCategoricalAccuracy,
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[("rmse", "root_mean_squared_error")];

/// Measures predictions, in ops.
pub trait Measure: Config {
    /// The measure of each sample, of which the mean is taken.
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor>;

    /// Whether the root of the mean is the result.
    fn is_root(&self) -> bool {
        false
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

/// The sum of the measures of a batch and the weight of that sum, as one vector: what a mean is made of.
pub(crate) fn sum_and_weight(values: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let mut values = ops::cast(values, DType::Float32)?;
    let weight = match mask {
        Some(mask) => {
            let (of_values, weights) = same_rank(&values, &ops::cast(mask, DType::Float32)?)?;
            let inner: Vec<i64> = (weights.rank() as i64..of_values.rank() as i64).collect();
            values = if inner.is_empty() { of_values } else { ops::mean(&of_values, &inner, false)? };
            values = ops::multiply(&values, &weights)?;
            ops::sum(&by_sample(&weights)?, &[], false)?
        }
        None if values.rank() == 0 => ops::ones_like(&values)?,
        None => {
            let count = ops::index(&ops::shape_of(&values)?, 0, 0)?;
            ops::cast(&count, DType::Float32)?
        }
    };
    let sum = ops::sum(&by_sample(&values)?, &[], false)?;
    ops::stack(&[sum, weight], 0)
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
