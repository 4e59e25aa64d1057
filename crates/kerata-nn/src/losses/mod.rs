//! Losses: how far predictions are from labels, in ops.

use std::sync::Arc;

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

mod entropy;
mod prelude;
mod reduction;

pub use reduction::{Reduction, reduce};

family! { dyn LossFunction;
    binary_crossentropy => BinaryCrossentropy,
    binary_focal_crossentropy => BinaryFocalCrossentropy,
    categorical_crossentropy => CategoricalCrossentropy,
    categorical_focal_crossentropy => CategoricalFocalCrossentropy,
    categorical_generalized_cross_entropy => CategoricalGeneralizedCrossEntropy,
    categorical_hinge => CategoricalHinge,
    circle => Circle,
    cosine_similarity => CosineSimilarity,
    ctc => CTC,
    dice => Dice,
    hinge => Hinge,
    huber => Huber,
    kl_divergence => KLDivergence,
    log_cosh => LogCosh,
    mean_absolute_error => MeanAbsoluteError,
    mean_absolute_percentage_error => MeanAbsolutePercentageError,
    mean_squared_error => MeanSquaredError,
    mean_squared_logarithmic_error => MeanSquaredLogarithmicError,
    poisson => Poisson,
    sparse_categorical_crossentropy => SparseCategoricalCrossentropy,
    squared_hinge => SquaredHinge,
    tversky => Tversky,
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("bce", "binary_crossentropy"),
    ("cosine_proximity", "cosine_similarity"),
    ("huber_loss", "huber"),
    ("kld", "kl_divergence"),
    ("kullback_leibler_divergence", "kl_divergence"),
    ("logcosh", "log_cosh"),
    ("mae", "mean_absolute_error"),
    ("mape", "mean_absolute_percentage_error"),
    ("mse", "mean_squared_error"),
    ("msle", "mean_squared_logarithmic_error"),
];

/// Gives the loss of each sample, in ops.
pub trait LossFunction: Config {
    /// The loss of each sample. Labels and predictions have the same number of axes where that could be brought about, and
    /// are floats.
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor>;

    /// Which of the values count; all when there is none.
    fn mask(&self, _y_true: &Tensor, _y_pred: &Tensor, _values: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }
}

/// The family of losses.
#[derive(Debug)]
pub enum Losses {}

impl Family for Losses {
    type Object = dyn LossFunction;
    const MODULE: &'static str = "keras.losses";
    const KIND: &'static str = "loss";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.losses.find(name)
    }
}

/// A loss by class or function.
pub type Loss = Reference<Losses>;

impl<T: LossFunction> From<T> for Loss {
    fn from(loss: T) -> Self {
        Self::to(Arc::new(loss))
    }
}

/// Keras's small number that keeps logarithms and quotients finite.
pub const EPSILON: f64 = 1e-7;

/// Labels and predictions as a loss takes them: floats with as many axes, where one of them lacks a last axis of size 1.
pub(crate) fn align(y_true: &Tensor, y_pred: &Tensor) -> Result<(Tensor, Tensor)> {
    let float = |y: &Tensor| match y.dtype() {
        DType::String => Err(Error::mismatch("text is no label or prediction")),
        DType::Float32 => Ok(y.clone()),
        _ => ops::cast(y, DType::Float32),
    };
    same_rank(&float(y_true)?, &float(y_pred)?)
}

/// Two tensors with as many axes, when one of them has one more, of size 1 and last.
pub fn same_rank(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let ends_in_one = |tensor: &Tensor| tensor.shape().axes().last() == Some(&Some(1));
    if a.rank() == b.rank() + 1 && ends_in_one(a) {
        return Ok(match b.rank() {
            1 => (a.clone(), ops::expand_dims(b, -1)?),
            _ => (ops::squeeze(a, &[-1])?, b.clone()),
        });
    }
    if b.rank() == a.rank() + 1 && ends_in_one(b) {
        return Ok(match a.rank() {
            1 => (ops::expand_dims(a, -1)?, b.clone()),
            _ => (a.clone(), ops::squeeze(b, &[-1])?),
        });
    }
    Ok((a.clone(), b.clone()))
}
