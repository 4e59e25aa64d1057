//! `MeanLoss`: the mean of a loss as a metric.

use kerata_core::graph::Tensor;
use kerata_core::{Object, Result, Tree};

use crate::Registry;
use crate::config::{Config, Value};
use crate::losses::{Loss, align};
use crate::metrics::Measure;

/// The mean of a loss as a metric.
#[derive(Debug)]
pub struct MeanLoss(Loss);

impl MeanLoss {
    /// The mean of this loss.
    pub fn new(loss: Loss) -> Self {
        Self(loss)
    }

    /// Reads it by the name or config of a loss, or of a metric that is the mean of one.
    pub fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let loss = Loss::read(tree, registry)?;
        loss.object()?;
        Ok(Self(loss))
    }
}

impl Config for MeanLoss {
    fn class_name(&self) -> &str {
        "MeanMetricWrapper"
    }

    fn config(&self) -> Object {
        Object::from_iter([("fn".to_owned(), self.0.write())])
    }
}

impl Measure for MeanLoss {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let (y_true, y_pred) = align(y_true, y_pred)?;
        self.0.object()?.call(&y_true, &y_pred)
    }
}
