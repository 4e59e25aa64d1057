//! `Update`: what an optimizer's rule is given to change one variable.

use std::cell::RefCell;
use std::collections::HashMap;

use kerata_core::graph::{NodeKind, Tensor};
use kerata_core::{Error, Result, ops};

use super::Trained;

/// Present values of slots, by name and variable.
pub(super) type Values = RefCell<HashMap<(&'static str, Option<usize>), Tensor>>;

/// One variable in one step of training.
#[derive(Clone)]
pub struct Update<'a> {
    /// The gradient of the loss.
    pub gradient: Tensor,
    /// The variable, after weight decay.
    pub variable: Tensor,
    /// The learning rate, in the dtype of the variable.
    pub learning_rate: Tensor,
    /// The number of the step from 1 on, in the dtype of the variable.
    pub step: Tensor,
    pub(super) values: &'a Values,
    pub(super) trained: &'a Trained,
    pub(super) index: usize,
}

impl Update<'_> {
    /// Gives a slot a new value, and that value back.
    pub fn set(&self, name: &'static str, value: Tensor) -> Tensor {
        let mut values = self.values.borrow_mut();
        let own = values.contains_key(&(name, Some(self.index)));
        values.insert((name, own.then_some(self.index)), value.clone());
        value
    }

    /// The present value of a slot.
    pub fn slot(&self, name: &'static str) -> Result<Tensor> {
        let values = self.values.borrow();
        let slot = values.get(&(name, Some(self.index))).or_else(|| values.get(&(name, None)));
        slot.cloned().ok_or_else(|| {
            Error::internal(format!("the optimizer keeps no `{name}` of `{}`", self.trained.path))
        })
    }

    /// A number in the dtype of the variable.
    pub fn number(&self, value: f64) -> Result<Tensor> {
        ops::scalar(&self.variable, value)
    }

    /// A number to the power of the step.
    pub fn power(&self, base: f64) -> Result<Tensor> {
        ops::power(&self.number(base)?, &self.step)
    }

    /// Moves a mean: `share` of the old one, the rest of the value.
    pub fn mean(&self, name: &'static str, share: f64, value: &Tensor) -> Result<Tensor> {
        let value = ops::add(&ops::times(&self.slot(name)?, share)?, &ops::times(value, 1.0 - share)?)?;
        Ok(self.set(name, value))
    }

    /// The same, computed as Adam does: the old mean plus a share of the difference.
    pub fn approach(&self, name: &'static str, value: &Tensor, share: f64) -> Result<Tensor> {
        let old = self.slot(name)?;
        let value = ops::add(&old, &ops::times(&ops::subtract(value, &old)?, 1.0 - share)?)?;
        Ok(self.set(name, value))
    }

    /// The squared gradient. Where the gradient is a sum of rows, as that of an embedding is, it is the sum of the squared
    /// rows: so Keras on TensorFlow computes it.
    pub fn squares(&self) -> Result<Tensor> {
        by_parts(&self.gradient, &|part| ops::square(part))
    }

    /// The absolute gradient, of sums of rows the sum of absolute rows.
    pub fn absolutes(&self) -> Result<Tensor> {
        by_parts(&self.gradient, &|part| ops::absolute(part))
    }

    /// The new means of gradients and squared gradients, `momentum` and `velocity`.
    pub fn moments(&self, beta_1: f64, beta_2: f64) -> Result<(Tensor, Tensor)> {
        let momentum = self.approach("momentum", &self.gradient, beta_1)?;
        let velocity = self.approach("velocity", &self.squares()?, beta_2)?;
        Ok((momentum, velocity))
    }

    /// The variable after a step of Adam.
    pub fn adam_step(
        &self,
        momentum: &Tensor,
        velocity: &Tensor,
        betas: [f64; 2],
        epsilon: f64,
    ) -> Result<Tensor> {
        let [first, second] = betas;
        let root = ops::sqrt(&ops::one_minus(&self.power(second)?)?)?;
        let rate = ops::multiply(&self.learning_rate, &root)?;
        let rate = ops::divide(&rate, &ops::one_minus(&self.power(first)?)?)?;
        let divisor = ops::plus(&ops::sqrt(velocity)?, epsilon)?;
        ops::subtract(&self.variable, &ops::divide(&ops::multiply(momentum, &rate)?, &divisor)?)
    }

    /// The variable as it was declared.
    pub fn trained(&self) -> &Trained {
        self.trained
    }
}

/// Applies a function to a gradient, or to the rows that it is a sum of.
fn by_parts(gradient: &Tensor, apply: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    match rows(gradient, apply)? {
        Some(sum) => Ok(sum),
        None => apply(gradient),
    }
}

fn rows(gradient: &Tensor, apply: &dyn Fn(&Tensor) -> Result<Tensor>) -> Result<Option<Tensor>> {
    let (node, inputs) = gradient.builder().producer(gradient)?;
    let NodeKind::Op(op) = &node.kind else { return Ok(None) };
    match (op.name(), inputs.as_slice()) {
        ("index_add", [values, rest @ ..]) => {
            if op.as_any().downcast_ref::<ops::IndexAdd>().is_none_or(|op| op.axis != 0) {
                return Ok(None);
            }
            let inputs = [std::slice::from_ref(&apply(values)?), rest].concat();
            let sum = gradient.builder().add_arc(op.clone(), &inputs)?;
            Ok(sum.into_iter().next())
        }
        ("add", [a, b]) => match (rows(a, apply)?, rows(b, apply)?) {
            (Some(a), Some(b)) => ops::add(&a, &b).map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}
