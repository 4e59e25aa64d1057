//! `Common`: the arguments that all optimizers share.

use kerata_core::{Object, Result, ResultExt, Tree};

use crate::Registry;
use crate::config::{Value, argument};
use crate::schedules::{LearningRateSchedule, Schedule};

/// The learning rate of an optimizer.
#[derive(Clone, Debug)]
pub enum LearningRate {
    /// A number, stored as a variable.
    Number(f64),
    /// A schedule: nothing is stored.
    Schedule(LearningRateSchedule),
}

impl Value for LearningRate {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        match tree.as_f64() {
            Some(number) => Ok(Self::Number(number)),
            None if tree.class_name() == Some("__numpy__") => f64::read(tree, registry).map(Self::Number),
            None => LearningRateSchedule::read(tree, registry).map(Self::Schedule),
        }
    }

    fn write(&self) -> Tree {
        match self {
            // Keras writes the value of a float32 variable.
            Self::Number(number) => Tree::Float(f64::from(*number as f32)),
            Self::Schedule(schedule) => schedule.write(),
        }
    }
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        Self::Number(rate)
    }
}

impl<T: Schedule> From<T> for LearningRate {
    fn from(schedule: T) -> Self {
        Self::Schedule(schedule.into())
    }
}

/// The arguments that all optimizers share.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Common {
    /// The size of steps.
    pub learning_rate: LearningRate,
    /// Share of each variable that is taken off in each step, times the learning rate.
    pub weight_decay: Option<f64>,
    /// The longest gradient of a variable.
    pub clipnorm: Option<f64>,
    /// The longest gradient of all variables together.
    pub global_clipnorm: Option<f64>,
    /// The largest element of a gradient.
    pub clipvalue: Option<f64>,
    /// Whether an exponential moving average of the variables is kept.
    pub use_ema: bool,
    /// How slowly the average moves.
    pub ema_momentum: f64,
    /// After how many steps the variables become their averages.
    pub ema_overwrite_frequency: Option<i64>,
    /// What the loss is multiplied and gradients are divided by.
    pub loss_scale_factor: Option<f64>,
    /// Over how many steps gradients are gathered for one change.
    pub gradient_accumulation_steps: Option<i64>,
}

impl Common {
    /// The defaults but for the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate: LearningRate::Number(learning_rate),
            weight_decay: None,
            clipnorm: None,
            global_clipnorm: None,
            clipvalue: None,
            use_ema: false,
            ema_momentum: 0.99,
            ema_overwrite_frequency: None,
            loss_scale_factor: None,
            gradient_accumulation_steps: None,
        }
    }

    /// The arguments under Keras's names, in Keras's order.
    pub(super) fn config(&self) -> Object {
        let number = |value: Option<f64>| value.map_or(Tree::Null, Tree::Float);
        let count = |value: Option<i64>| value.map_or(Tree::Null, Tree::from);
        let entries = [
            ("learning_rate", self.learning_rate.write()),
            ("weight_decay", number(self.weight_decay)),
            ("clipnorm", number(self.clipnorm)),
            ("global_clipnorm", number(self.global_clipnorm)),
            ("clipvalue", number(self.clipvalue)),
            ("use_ema", Tree::from(self.use_ema)),
            ("ema_momentum", Tree::Float(self.ema_momentum)),
            ("ema_overwrite_frequency", count(self.ema_overwrite_frequency)),
            ("loss_scale_factor", number(self.loss_scale_factor)),
            ("gradient_accumulation_steps", count(self.gradient_accumulation_steps)),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads them from a config; what it does not have stays.
    pub(super) fn read(self, config: &Object, registry: &Registry) -> Result<Self> {
        let number = |key: &str, default: Option<f64>| argument(config, key, registry, || default);
        let count = |key: &str, default: Option<i64>| argument(config, key, registry, || default);
        let steps = count("gradient_accumulation_steps", self.gradient_accumulation_steps)?;
        Ok(Self {
            learning_rate: match config.get("learning_rate") {
                Some(tree) => LearningRate::read(tree, registry).at(|| "learning_rate")?,
                None => self.learning_rate,
            },
            weight_decay: number("weight_decay", self.weight_decay)?,
            clipnorm: number("clipnorm", self.clipnorm)?.filter(|norm| *norm > 0.0),
            global_clipnorm: number("global_clipnorm", self.global_clipnorm)?.filter(|norm| *norm > 0.0),
            clipvalue: number("clipvalue", self.clipvalue)?.filter(|value| *value > 0.0),
            use_ema: argument(config, "use_ema", registry, || self.use_ema)?,
            ema_momentum: argument(config, "ema_momentum", registry, || self.ema_momentum)?,
            ema_overwrite_frequency: count("ema_overwrite_frequency", self.ema_overwrite_frequency)?
                .filter(|frequency| *frequency > 0),
            loss_scale_factor: number("loss_scale_factor", self.loss_scale_factor)?,
            gradient_accumulation_steps: steps.filter(|steps| *steps > 1),
        })
    }
}
