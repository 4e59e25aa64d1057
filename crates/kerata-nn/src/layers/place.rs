//! `Place`: the variables of a built layer and of the layers inside it, with their paths.

use std::sync::Arc;

use indexmap::IndexMap;
use kerata_core::Role;
use kerata_core::graph::TensorSpec;

use crate::constraints::Constraint;
use crate::initializers::Initializer;
use crate::regularizers::Regularizer;

/// A variable that a layer declared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slot {
    /// Its name inside the layer.
    pub name: String,
    /// Dtype and sizes.
    pub spec: TensorSpec,
    /// Where its values start.
    pub initializer: Initializer,
    /// Whether training changes it, unless a layer around it is frozen.
    pub trainable: bool,
    /// What it is for: [`Role::Seed`] and [`Role::State`] are not stored by Keras.
    pub role: Role,
    /// Whether it takes the compute dtype when it is read.
    pub autocast: bool,
    /// The penalty on it.
    pub regularizer: Option<Regularizer>,
    /// What it is brought back to after each step of training.
    pub constraint: Option<Constraint>,
    /// The path of the variable that it is the same as.
    pub same_as: Option<String>,
}

impl Slot {
    /// Not changed by training.
    pub fn frozen(&mut self) -> &mut Self {
        self.trainable = false;
        self
    }

    /// With a penalty.
    pub fn regularize(&mut self, regularizer: &Option<Regularizer>) -> &mut Self {
        self.regularizer.clone_from(regularizer);
        self
    }

    /// With a constraint.
    pub fn constrain(&mut self, constraint: &Option<Constraint>) -> &mut Self {
        self.constraint.clone_from(constraint);
        self
    }

    /// With a dtype of its own, kept when it is read.
    pub fn dtype(&mut self, dtype: kerata_core::DType) -> &mut Self {
        self.spec.dtype = dtype;
        self.autocast = false;
        self
    }

    /// For another purpose than a weight.
    pub fn role(&mut self, role: Role) -> &mut Self {
        self.role = role;
        self
    }
}

/// The variables of a built layer.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Path of the layer: `layers/dense`; empty for a model.
    pub path: String,
    /// What Keras calls the layer.
    pub name: String,
    /// Its own variables in the order of declaration.
    pub slots: Vec<Slot>,
    /// The layers inside it by attribute.
    pub children: IndexMap<String, Arc<Place>>,
    /// Whether the layer itself may be trained.
    pub trainable: bool,
    /// Whether variables are stored as they were declared, not the trainable ones first.
    pub keeps_order: bool,
    /// Specs of the first call's results.
    pub outputs: Vec<TensorSpec>,
}

impl Place {
    /// The slot of a name.
    pub fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    /// Path of the variable of a name: its position among the stored variables, trainable ones first.
    pub fn variable_path(&self, name: &str) -> Option<String> {
        let slot = self.slot(name)?;
        if slot.role != Role::Weight {
            return Some(join(&self.path, name));
        }
        let position = self.stored().position(|other| other.name == name)?;
        Some(join(&self.path, &format!("vars/{position}")))
    }

    /// The variables that are stored, in their order.
    pub fn stored(&self) -> impl Iterator<Item = &Slot> {
        let weights = || self.slots.iter().filter(|slot| slot.role == Role::Weight);
        let is_first = |slot: &&Slot| self.keeps_order || slot.trainable;
        weights().filter(is_first).chain(weights().filter(move |slot| !is_first(slot)))
    }

    /// All variables with their paths, those of the layer before those inside it.
    pub fn variables(&self) -> Vec<(String, &Slot, bool)> {
        let mut out = Vec::new();
        self.collect(true, &mut out);
        out
    }

    fn collect<'a>(&'a self, trainable: bool, out: &mut Vec<(String, &'a Slot, bool)>) {
        let trainable = trainable && self.trainable;
        let others = self.slots.iter().filter(|slot| slot.role != Role::Weight);
        for slot in self.stored().chain(others) {
            if let Some(path) = self.variable_path(&slot.name) {
                out.push((path, slot, trainable && slot.trainable));
            }
        }
        self.children.values().for_each(|child| child.collect(trainable, out));
    }
}

/// Two parts of a path, either of them possibly empty.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
