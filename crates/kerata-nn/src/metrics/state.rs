//! What a metric keeps between batches, and what it is given of a batch.

use std::cell::RefCell;
use std::collections::HashMap;

use kerata_core::graph::{Tensor, TensorSpec};
use kerata_core::{DType, Error, Result, Shape, ops};

use crate::losses::same_rank;

/// The variables of a metric, which start at zero, in Keras's order and under Keras's names.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    pub(crate) list: Vec<(&'static str, TensorSpec)>,
}

impl Declared {
    /// A float32 variable.
    pub fn float(&mut self, name: &'static str, sizes: &[usize]) {
        self.of(name, sizes, DType::Float32);
    }

    /// The variables: name and spec.
    pub fn variables(&self) -> Vec<(&'static str, TensorSpec)> {
        self.list.clone()
    }

    /// A variable of a number type.
    pub fn of(&mut self, name: &'static str, sizes: &[usize], dtype: DType) {
        let shape = Shape::known(sizes.iter().map(|size| *size as u64));
        self.list.push((name, TensorSpec::new(dtype, shape)));
    }
}

/// The values of the variables of a metric.
#[derive(Debug)]
pub struct State {
    values: RefCell<HashMap<&'static str, Tensor>>,
}

impl State {
    /// Values by name.
    pub fn new(values: impl IntoIterator<Item = (&'static str, Tensor)>) -> Self {
        Self { values: RefCell::new(values.into_iter().collect()) }
    }

    /// Gives a variable a new value.
    pub fn set(&self, name: &'static str, value: Tensor) {
        self.values.borrow_mut().insert(name, value);
    }

    /// Adds to a variable.
    pub fn add(&self, name: &'static str, value: &Tensor) -> Result<()> {
        let old = self.get(name)?;
        self.set(name, ops::add(&old, &ops::cast(value, old.dtype())?)?);
        Ok(())
    }

    /// The present value of a variable.
    pub fn get(&self, name: &'static str) -> Result<Tensor> {
        let value = self.values.borrow().get(name).cloned();
        value.ok_or_else(|| Error::internal(format!("the metric keeps no `{name}`")))
    }
}

/// What a metric is given of a batch.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Labels.
    pub y_true: Tensor,
    /// Predictions, float32.
    pub y_pred: Tensor,
    /// Weights of samples.
    pub weights: Option<Tensor>,
    /// Which predictions count.
    pub mask: Option<Tensor>,
}

impl Sample {
    /// Labels and predictions as float32 with as many axes.
    pub fn floats(&self) -> Result<(Tensor, Tensor)> {
        let y_true = ops::cast(&self.y_true, DType::Float32)?;
        same_rank(&y_true, &ops::cast(&self.y_pred, DType::Float32)?)
    }

    /// The weights, zero for what the mask leaves out.
    pub fn masked_weights(&self) -> Result<Option<Tensor>> {
        let Some(mask) = &self.mask else { return Ok(self.weights.clone()) };
        let counts = ops::cast(mask, DType::Float32)?;
        let Some(weights) = &self.weights else { return Ok(Some(counts)) };
        let (counts, weights) = same_rank(&counts, weights)?;
        ops::multiply(&weights, &counts).map(Some)
    }
}
