//! `Optimizer`: a rule with the common arguments, its variables as Keras stores them, and its step as ops.

use std::collections::HashMap;

use kerata_core::array::Array;
use kerata_core::graph::{GraphBuilder, Tensor, TensorSpec};
use kerata_core::{DType, Error, Object, Result, ResultExt, Shape, Tree, ops};

use super::clip::clip;
use super::parts::{self, Part};
use super::slots::Slot;
use super::{Common, LearningRate, Optimize, Rule, Slots, Start, Trained, Update};
use crate::Registry;
use crate::config::{Value, argument, serialized};
use crate::layers::snake_case;

/// An optimizer with its arguments.
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    common: Common,
    scale: Option<LossScale>,
    /// The optimizers of a `MultiOptimizer`, and how it was written.
    parts: Vec<Part>,
    spelled: Option<Tree>,
}

/// A variable of an optimizer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OptimizerVariable {
    /// Its path: `optimizer/vars/2`.
    pub path: String,
    /// Dtype and sizes.
    pub spec: TensorSpec,
    slot: Slot,
}

/// Scaling of the loss that follows what half-precision gradients bear (`LossScaleOptimizer`).
#[derive(Clone, Debug)]
struct LossScale {
    initial_scale: f64,
    dynamic_growth_steps: i64,
}

/// Variables of a `LossScaleOptimizer` before those of the optimizer inside it.
const SCALE_VARIABLES: usize = 4;

impl<T: Optimize> From<T> for Optimizer {
    fn from(rule: T) -> Self {
        Self::new(rule)
    }
}

impl From<&str> for Optimizer {
    /// A built-in by its name; any other name is kept and fails when it is used.
    fn from(name: &str) -> Self {
        Self::new(Rule::from(name))
    }
}

impl OptimizerVariable {
    /// The values that it starts with, for the values of the trained variable of an index.
    pub fn initial(&self, variable: impl FnOnce(usize) -> Result<Array>) -> Result<Array> {
        self.slot.values(variable)
    }
}

impl Optimizer {
    /// An optimizer of a rule with the defaults of the common arguments.
    pub fn new(rule: impl Into<Rule>) -> Self {
        let rule = rule.into();
        let common = rule.object().map_or_else(|_| Common::new(0.001), |rule| rule.common());
        Self { rule, common, scale: None, parts: Vec::new(), spelled: None }
    }

    /// Changes the common arguments: `.with(|common| common.clipnorm = Some(1.0))`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Common)) -> Self {
        change(&mut self.common);
        self
    }

    /// Sets the learning rate: a number or a schedule.
    #[must_use]
    pub fn learning_rate(self, rate: impl Into<LearningRate>) -> Self {
        self.with(|common| common.learning_rate = rate.into())
    }

    /// Sets the longest gradient of a variable.
    #[must_use]
    pub fn clipnorm(self, norm: f64) -> Self {
        self.with(|common| common.clipnorm = Some(norm))
    }

    /// Sets the share of each variable that is taken off in each step, times the learning rate.
    #[must_use]
    pub fn weight_decay(self, decay: f64) -> Self {
        self.with(|common| common.weight_decay = Some(decay))
    }

    /// Keeps an exponential moving average of the variables, which they become at the end of training.
    #[must_use]
    pub fn use_ema(self, momentum: f64) -> Self {
        self.with(|common| (common.use_ema, common.ema_momentum) = (true, momentum))
    }

    /// The optimizer as Keras writes it.
    pub fn write(&self) -> Tree {
        if let Some(spelled) = &self.spelled {
            return spelled.clone();
        }
        let mut tree = self.rule.write();
        if let Tree::Text(_) = tree
            && let Ok(rule) = self.rule.object()
        {
            tree = serialized("keras.optimizers", rule.class_name(), Tree::Object(rule.config()), None);
        }
        if let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) {
            let name = self
                .rule
                .object()
                .map_or_else(|_| "optimizer".to_owned(), |rule| snake_case(rule.class_name()));
            let mut whole = Object::from_iter([("name".to_owned(), Tree::from(name))]);
            whole.extend(self.common.config());
            for (key, value) in std::mem::take(config) {
                whole.entry(key).or_insert(value);
            }
            *config = whole;
        }
        let Some(scale) = &self.scale else { return tree };
        let config = Tree::from([
            ("name", Tree::from("loss_scale_optimizer")),
            ("inner_optimizer", tree),
            ("initial_scale", Tree::Float(scale.initial_scale)),
            ("dynamic_growth_steps", Tree::from(scale.dynamic_growth_steps)),
        ]);
        serialized("keras.optimizers", "LossScaleOptimizer", config, None)
    }

    /// Reads the optimizer of a compile config: a name or an object.
    pub fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let empty = Object::new();
        let config = tree.get("config").and_then(Tree::as_object).unwrap_or(&empty);
        if tree.class_name() == Some("LossScaleOptimizer") {
            let inner =
                config.get("inner_optimizer").ok_or_else(|| Error::corrupt("no `inner_optimizer`"))?;
            let scale = LossScale {
                initial_scale: argument(config, "initial_scale", registry, || 32768.0)?,
                dynamic_growth_steps: argument(config, "dynamic_growth_steps", registry, || 2000)?,
            };
            return Ok(Self { scale: Some(scale), ..Self::read(inner, registry)? });
        }
        if tree.class_name() == Some("MultiOptimizer") {
            let (parts, factor) = parts::read(config, registry)?;
            let common = Common { loss_scale_factor: factor, ..Common::new(0.0) };
            let rule = Rule::from("sgd");
            return Ok(Self { rule, common, scale: None, parts, spelled: Some(tree.clone()) });
        }
        let rule = Rule::read(tree, registry)?;
        let common = rule.object()?.common().read(config, registry).at(|| "optimizer")?;
        Ok(Self { rule, common, scale: None, parts: Vec::new(), spelled: None })
    }

    /// The same optimizer inside a `LossScaleOptimizer`, as Keras wraps it for half-precision models.
    #[must_use]
    pub fn scaled(mut self) -> Self {
        let scale = || LossScale { initial_scale: 32768.0, dynamic_growth_steps: 2000 };
        self.scale = Some(self.scale.unwrap_or_else(scale));
        self
    }

    pub(super) fn class_name(&self) -> &str {
        self.rule.object().map_or("", |rule| rule.class_name())
    }

    /// Fails when its class is not known.
    pub(crate) fn check(&self) -> Result<()> {
        self.rule.object().map(|_| ())
    }

    /// The common arguments.
    pub fn common(&self) -> &Common {
        &self.common
    }

    /// All variables in Keras's order, for the variables that are trained.
    pub fn variables(&self, trained: &[Trained]) -> Result<Vec<OptimizerVariable>> {
        let mut slots = Vec::new();
        if let Some(scale) = &self.scale {
            slots.extend([
                number("iteration", 0.0, DType::Int64),
                number("learning_rate", 0.0, DType::Float32),
                number("step_counter", 0.0, DType::Int64),
                number("dynamic_scale", scale.initial_scale, DType::Float32),
            ]);
        }
        slots.extend(self.slots(trained)?);
        let variable = |(index, slot): (usize, Slot)| OptimizerVariable {
            path: path(index),
            spec: slot_spec(&slot),
            slot,
        };
        Ok(slots.into_iter().enumerate().map(variable).collect())
    }

    /// Variables that Keras stores once more: path of the copy and of the original.
    pub fn copies(&self, trained: &[Trained]) -> Result<Vec<(String, String)>> {
        if !self.parts.is_empty() {
            return parts::copies(&self.parts, trained);
        }
        if self.scale.is_none() {
            return Ok(Vec::new());
        }
        let copy = |index| (format!("optimizer/inner_optimizer/vars/{index}"), path(SCALE_VARIABLES + index));
        Ok((0..self.slots(trained)?.len()).map(copy).collect())
    }

    /// For each trained variable the path of its moving average, when there is one: the value at the end of `fit`.
    pub fn averages(&self, trained: &[Trained]) -> Result<Vec<(String, String)>> {
        let variables = self.variables(trained)?.into_iter();
        Ok(variables
            .filter(|variable| variable.slot.name == "average")
            .filter_map(|variable| Some((trained.get(variable.slot.variable?)?.path.clone(), variable.path)))
            .collect())
    }

    /// Path of the variable of the learning rate, when it is one.
    pub fn learning_rate_path(&self) -> Option<String> {
        if !self.parts.is_empty() {
            return None;
        }
        let first = if self.scale.is_some() { SCALE_VARIABLES } else { 0 };
        matches!(self.common.learning_rate, LearningRate::Number(_)).then(|| path(first + 1))
    }

    /// The loss as gradients are taken of it.
    pub fn scale_loss(&self, loss: &Tensor) -> Result<Tensor> {
        let loss = match self.common.loss_scale_factor {
            Some(factor) if self.scale.is_none() => ops::times(loss, factor)?,
            _ => loss.clone(),
        };
        if self.scale.is_none() {
            return Ok(loss);
        }
        let spec = TensorSpec::new(DType::Float32, Shape::scalar());
        let scale = loss.builder().variable(&path(3), spec, false)?;
        ops::multiply(&loss, &ops::cast(&scale, loss.dtype())?)
    }

    /// One step: the new values of the variables by index, without those that no gradient reaches. What the optimizer keeps
    /// is updated in the graph.
    pub fn apply(
        &self,
        builder: &GraphBuilder,
        trained: &[Trained],
        variables: &[Tensor],
        gradients: &[Option<Tensor>],
        constrain: &dyn Fn(usize, &Tensor) -> Result<Tensor>,
    ) -> Result<Vec<(usize, Tensor)>> {
        let step = StepOf { builder, trained, variables, constrain };
        if !self.parts.is_empty() {
            return parts::apply(&self.parts, &step, gradients);
        }
        let Some(scale) = &self.scale else {
            return self.apply_at(&step, 0, gradients, None);
        };
        let number =
            |index, dtype| builder.variable(&path(index), TensorSpec::new(dtype, Shape::scalar()), false);
        let (counter, factor) = (number(2, DType::Int64)?, number(3, DType::Float32)?);
        let mut is_finite: Option<Tensor> = None;
        let mut unscaled = Vec::with_capacity(gradients.len());
        for gradient in gradients {
            let Some(gradient) = gradient else {
                unscaled.push(None);
                continue;
            };
            let finite = ops::all(&ops::isfinite(gradient)?, &[], false)?;
            is_finite = Some(match is_finite {
                Some(others) => ops::logical_and(&others, &finite)?,
                None => finite,
            });
            unscaled.push(Some(ops::divide(gradient, &ops::cast(&factor, gradient.dtype())?)?));
        }
        let Some(is_finite) = is_finite else { return Ok(Vec::new()) };
        let grows = ops::equal(&counter, &ops::scalar(&counter, scale.dynamic_growth_steps - 1)?)?;
        let zero = ops::zeros_like(&counter)?;
        let counted = ops::select(&grows, &zero, &ops::plus(&counter, 1)?)?;
        builder.update(&path(2), &ops::select(&is_finite, &counted, &zero)?)?;
        let grown = ops::select(&grows, &ops::times(&factor, 2.0)?, &factor)?;
        builder.update(&path(3), &ops::select(&is_finite, &grown, &ops::times(&factor, 0.5)?)?)?;
        self.apply_at(&step, SCALE_VARIABLES, &unscaled, Some(&is_finite))
    }

    pub(super) fn apply_at(
        &self,
        step: &StepOf<'_>,
        first: usize,
        gradients: &[Option<Tensor>],
        gate: Option<&Tensor>,
    ) -> Result<Vec<(usize, Tensor)>> {
        let rule = self.rule.object()?;
        let slots = self.slots(step.trained)?;
        let mut old = HashMap::new();
        for (index, slot) in slots.iter().enumerate() {
            let value = step.builder.variable(&path(first + index), slot_spec(slot), false)?;
            old.insert((slot.name, slot.variable), value);
        }
        let values = std::cell::RefCell::new(old.clone());
        let shared = |name: &'static str| {
            old.get(&(name, None)).cloned().ok_or_else(|| Error::internal(format!("no `{name}`")))
        };

        let iteration = shared("iteration")?;
        let count = match self.common.gradient_accumulation_steps {
            Some(every) => ops::floor_divide(&iteration, &ops::scalar(&iteration, every)?)?,
            None => iteration.clone(),
        };
        let number = ops::plus(&count, 1)?;
        let rate = match &self.common.learning_rate {
            LearningRate::Number(_) => shared("learning_rate")?,
            LearningRate::Schedule(schedule) => {
                schedule.object()?.call(&ops::cast(&iteration, DType::Float32)?)?
            }
        };

        let mut reached = Vec::new();
        let mut flows = Vec::new();
        for (index, (gradient, variable)) in gradients.iter().zip(step.variables).enumerate() {
            if let Some(gradient) = gradient {
                let gradient = ops::cast(gradient, variable.dtype())?;
                reached.push(index);
                flows.push(match self.common.loss_scale_factor {
                    Some(factor) => ops::times(&gradient, 1.0 / factor)?,
                    None => gradient,
                });
            }
        }
        let changes = match self.common.gradient_accumulation_steps {
            Some(every) => {
                let next = ops::plus(&iteration, 1)?;
                let rest = ops::remainder(&next, &ops::scalar(&next, every)?)?;
                let changes = ops::equal(&rest, &ops::zeros_like(&rest)?)?;
                for (index, gradient) in reached.iter().zip(&mut flows) {
                    let key = ("gradient_accumulator", Some(*index));
                    let gathered = ops::add(gradient, &slot_of(&old, key)?)?;
                    let rest = ops::select(&changes, &ops::zeros_like(&gathered)?, &gathered)?;
                    values.borrow_mut().insert(key, rest);
                    *gradient = ops::times(&gathered, 1.0 / every as f64)?;
                }
                Some(changes)
            }
            None => None,
        };

        let mut new: Vec<Tensor> = step.variables.to_vec();
        for (position, (index, gradient)) in reached.iter().zip(clip(&flows, &self.common)?).enumerate() {
            let (Some(variable), Some(trained)) = (step.variables.get(*index), step.trained.get(*index))
            else {
                return Err(Error::internal("fewer variables than gradients"));
            };
            let learning_rate = ops::cast(&rate, variable.dtype())?;
            let decayed = match rule.weight_decay(&self.common, trained) {
                Some(decay) => {
                    let share = ops::multiply(&ops::times(variable, decay)?, &learning_rate)?;
                    ops::subtract(variable, &share)?
                }
                None => variable.clone(),
            };
            let at = Update {
                gradient,
                variable: decayed,
                learning_rate,
                step: ops::cast(&number, variable.dtype())?,
                values: &values,
                trained,
                index: *index,
            };
            if position == 0 {
                rule.begin(&at)?;
            }
            new[*index] = rule.update(&at).at(|| format!("update of `{}`", trained.path))?;
        }
        if let Some(changes) = &changes {
            for (value, old) in new.iter_mut().zip(step.variables) {
                *value = ops::select(changes, value, old)?;
            }
            for (key, value) in values.borrow_mut().iter_mut() {
                if key.0 != "gradient_accumulator" {
                    *value = ops::select(changes, value, &slot_of(&old, *key)?)?;
                }
            }
        }
        if self.common.use_ema {
            self.average(&count, &old, &values, &mut new)?;
        }
        values.borrow_mut().insert(("iteration", None), ops::plus(&iteration, 1)?);

        for (index, slot) in slots.iter().enumerate() {
            let key = (slot.name, slot.variable);
            let (before, after) = (slot_of(&old, key)?, slot_of(&values.borrow(), key)?);
            if !before.is(&after) {
                step.builder.update(&path(first + index), &gated(gate, &after, &before)?)?;
            }
        }
        let mut out = Vec::with_capacity(new.len());
        for (index, (value, before)) in new.into_iter().zip(step.variables).enumerate() {
            let value = if reached.contains(&index) { (step.constrain)(index, &value)? } else { value };
            if !value.is(before) {
                out.push((index, gated(gate, &value, before)?));
            }
        }
        Ok(out)
    }

    /// Moves the averages, and sets the variables to them when it is time.
    fn average(
        &self,
        count: &Tensor,
        old: &HashMap<(&'static str, Option<usize>), Tensor>,
        values: &super::update::Values,
        new: &mut [Tensor],
    ) -> Result<()> {
        let is_later = ops::not_equal(count, &ops::zeros_like(count)?)?;
        let next = ops::plus(count, 1)?;
        for (index, variable) in new.iter_mut().enumerate() {
            let key = ("average", Some(index));
            let momentum = ops::times(&ops::cast(&is_later, variable.dtype())?, self.common.ema_momentum)?;
            let kept = ops::multiply(&momentum, &slot_of(old, key)?)?;
            let average = ops::add(&kept, &ops::multiply(&ops::one_minus(&momentum)?, variable)?)?;
            values.borrow_mut().insert(key, average.clone());
            if let Some(every) = self.common.ema_overwrite_frequency {
                let rest = ops::remainder(&next, &ops::scalar(&next, every)?)?;
                let is_time = ops::equal(&rest, &ops::zeros_like(&rest)?)?;
                *variable = ops::select(&is_time, &average, variable)?;
            }
        }
        Ok(())
    }

    /// What the optimizer keeps, without what a scaled loss needs.
    pub(super) fn slots(&self, trained: &[Trained]) -> Result<Vec<Slot>> {
        if !self.parts.is_empty() {
            return parts::slots(&self.parts, trained);
        }
        let mut slots = Slots::new(trained);
        slots.list.push(number("iteration", 0.0, DType::Int64));
        if let LearningRate::Number(rate) = self.common.learning_rate {
            slots.list.push(number("learning_rate", rate, DType::Float32));
        }
        if self.common.use_ema {
            slots.each(&["average"]);
        }
        if self.common.gradient_accumulation_steps.is_some() {
            slots.each(&["gradient_accumulator"]);
        }
        self.rule.object()?.build(&mut slots);
        Ok(slots.list)
    }
}

/// What one step is made of.
pub(super) struct StepOf<'a> {
    pub builder: &'a GraphBuilder,
    pub trained: &'a [Trained],
    pub variables: &'a [Tensor],
    pub constrain: &'a dyn Fn(usize, &Tensor) -> Result<Tensor>,
}

pub(super) fn path(index: usize) -> String {
    format!("optimizer/vars/{index}")
}

pub(super) fn number(name: &'static str, start: f64, dtype: DType) -> Slot {
    Slot { name, variable: None, sizes: Vec::new(), dtype, start: Start::Number(start) }
}

pub(super) fn slot_spec(slot: &Slot) -> TensorSpec {
    TensorSpec::new(slot.dtype, Shape::known(slot.sizes.iter().map(|size| *size as u64)))
}

fn slot_of(
    values: &HashMap<(&'static str, Option<usize>), Tensor>,
    key: (&'static str, Option<usize>),
) -> Result<Tensor> {
    values.get(&key).cloned().ok_or_else(|| Error::internal(format!("the optimizer keeps no `{}`", key.0)))
}

/// The new value where a condition holds, or without a condition.
fn gated(gate: Option<&Tensor>, new: &Tensor, old: &Tensor) -> Result<Tensor> {
    gate.map_or_else(|| Ok(new.clone()), |gate| ops::select(gate, new, old))
}
