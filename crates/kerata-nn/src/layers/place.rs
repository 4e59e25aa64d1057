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
    /// What it is for.
    pub role: Role,
    /// Whether Keras stores it: not what only one run needs ([`Role::Seed`], [`Role::State`]).
    pub is_stored: bool,
    /// The key that Keras's layer stores it under, when that is not its index.
    pub key: Option<String>,
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
        self.is_stored = role == Role::Weight;
        self
    }

    /// Stored under a key of its own, as a Python layer with `save_own_variables` does.
    pub fn keyed(&mut self, key: &str) -> &mut Self {
        self.key = Some(key.to_owned());
        self.is_stored = true;
        self
    }

    /// A weight that Keras does not store.
    pub fn unsaved(&mut self) -> &mut Self {
        self.is_stored = false;
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
        if !slot.is_stored {
            return Some(join(&self.path, name));
        }
        if let Some(key) = &slot.key {
            return Some(join(&self.path, &format!("vars/{key}")));
        }
        let position =
            self.stored().filter(|other| other.key.is_none()).position(|other| other.name == name)?;
        Some(join(&self.path, &format!("vars/{position}")))
    }

    /// The variables that are stored, in their order.
    pub fn stored(&self) -> impl Iterator<Item = &Slot> {
        let weights = || self.slots.iter().filter(|slot| slot.is_stored);
        let is_first = |slot: &&Slot| self.keeps_order || slot.trainable;
        weights().filter(is_first).chain(weights().filter(move |slot| !is_first(slot)))
    }

    /// What Keras calls the variables, by their paths: names of layers from the outermost one on, and their own.
    pub fn names(&self) -> std::collections::HashMap<String, String> {
        let own = self.slots.iter().filter_map(|slot| {
            Some((self.variable_path(&slot.name)?, format!("{}/{}", self.name, slot.name)))
        });
        let inner = self.children.values().flat_map(|child| child.names());
        own.chain(inner.map(|(path, name)| (path, format!("{}/{name}", self.name)))).collect()
    }

    /// All variables with their paths, those of the layer before those inside it.
    pub fn variables(&self) -> Vec<(String, &Slot, bool)> {
        let mut out = Vec::new();
        self.collect(true, &mut out);
        out
    }

    /// The variable of a path.
    pub fn find(&self, path: &str) -> Option<&Slot> {
        let rest = match self.path.as_str() {
            "" => path,
            own => path.strip_prefix(own)?.strip_prefix('/')?,
        };
        // Names of children may hold several parts.
        let ends = rest.match_indices('/').map(|(end, _)| end);
        let inner = ends.filter_map(|end| self.children.get(rest.get(..end)?)?.find(path)).next();
        inner.or_else(|| {
            let is_it = |slot: &&Slot| self.variable_path(&slot.name).is_some_and(|own| own == path);
            self.slots.iter().find(is_it)
        })
    }

    /// Has variables that are not stored stand for those of another layer of the same name, which is the same layer in
    /// another model: Keras writes it once.
    pub(crate) fn share(&mut self, is_stored: &dyn Fn(&str) -> bool) {
        let mut donors = Vec::new();
        self.donors(is_stored, &mut donors);
        self.take_from(&donors, is_stored);
    }

    /// Places whose variables are stored.
    fn donors(&self, is_stored: &dyn Fn(&str) -> bool, out: &mut Vec<Self>) {
        if self.is_member() && self.stored().next().is_some() && self.missing(is_stored).next().is_none() {
            out.push(Self { children: IndexMap::new(), ..self.clone() });
        }
        self.children.values().for_each(|child| child.donors(is_stored, out));
    }

    fn take_from(&mut self, donors: &[Self], is_stored: &dyn Fn(&str) -> bool) {
        if self.is_member() && self.missing(is_stored).next().is_some() {
            let is_same = |donor: &&Self| {
                let specs = |place: &Self| {
                    place.stored().map(|s| (s.name.clone(), s.spec.clone())).collect::<Vec<_>>()
                };
                donor.name == self.name && specs(donor) == specs(self)
            };
            if let Some(donor) = donors.iter().find(is_same) {
                for slot in &mut self.slots {
                    slot.same_as = donor.variable_path(&slot.name);
                }
            }
        }
        self.children.values_mut().for_each(|child| Arc::make_mut(child).take_from(donors, is_stored));
    }

    /// Whether the layer is in the list of layers of a model, where names are chosen by the model.
    fn is_member(&self) -> bool {
        self.path.rsplit('/').nth(1) == Some("layers")
    }

    /// Variables that should be stored and are not.
    fn missing<'a>(&'a self, is_stored: &'a dyn Fn(&str) -> bool) -> impl Iterator<Item = &'a Slot> {
        self.stored().filter(move |slot| {
            slot.same_as.is_none() && !self.variable_path(&slot.name).is_some_and(|path| is_stored(&path))
        })
    }

    fn collect<'a>(&'a self, trainable: bool, out: &mut Vec<(String, &'a Slot, bool)>) {
        let trainable = trainable && self.trainable;
        let others = self.slots.iter().filter(|slot| !slot.is_stored);
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
