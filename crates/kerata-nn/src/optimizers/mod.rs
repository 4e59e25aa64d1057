//! Optimizers: how a step of training changes variables, in ops.

use std::sync::Arc;

use kerata_core::Result;
use kerata_core::graph::Tensor;

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

mod clip;
mod common;
mod optimizer;
mod parts;
mod prelude;
mod slots;
mod update;

pub use common::{Common, LearningRate};
pub use optimizer::{Optimizer, OptimizerVariable};
pub use slots::{Slots, Start, Trained};
pub use update::Update;

family! { dyn Optimize;
    adadelta => Adadelta,
    adafactor => Adafactor,
    adagrad => Adagrad,
    adam => Adam,
    adamax => Adamax,
    adamw => AdamW,
    ftrl => Ftrl,
    lamb => Lamb,
    lion => Lion,
    muon => Muon,
    nadam => Nadam,
    rmsprop => RMSprop,
    schedule_free_adamw => ScheduleFreeAdamW,
    sgd => SGD,
}

/// The rule of an optimizer: what it keeps beside each variable and how it changes it.
pub trait Optimize: Config {
    /// The arguments that all optimizers share, as they are when a config does not have them.
    fn common(&self) -> Common;

    /// Declares what is kept, in the order in which Keras stores it.
    fn build(&self, slots: &mut Slots);

    /// Changes what is shared by all variables, before any of them.
    fn begin(&self, _at: &Update<'_>) -> Result<()> {
        Ok(())
    }

    /// The new value of a variable.
    fn update(&self, at: &Update<'_>) -> Result<Tensor>;

    /// The weight decay of a variable.
    fn weight_decay(&self, common: &Common, _trained: &Trained) -> Option<f64> {
        common.weight_decay
    }

    /// An optimizer of this rule with a learning rate: a number or a schedule.
    fn learning_rate(self, rate: impl Into<LearningRate>) -> Optimizer
    where
        Self: Sized,
    {
        Optimizer::new(self).learning_rate(rate)
    }
}

/// The family of optimizers.
#[derive(Debug)]
pub enum Optimizers {}

impl Family for Optimizers {
    type Object = dyn Optimize;
    const MODULE: &'static str = "keras.optimizers";
    const KIND: &'static str = "optimizer";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.optimizers.find(name)
    }
}

/// The rule of an optimizer by class.
pub type Rule = Reference<Optimizers>;

impl<T: Optimize> From<T> for Rule {
    fn from(optimizer: T) -> Self {
        Self::to(Arc::new(optimizer))
    }
}
