//! What a class fact is made of: own variables and children, read off the config of one object.

use std::borrow::Cow;
use std::collections::HashMap;

use kerata_core::{Object, Tree};

use super::{classes, container_key};

/// What is known about a class.
pub(super) struct Class {
    /// Name in configs.
    pub name: &'static str,
    /// Name of the Python class, which paths are made of, where it differs.
    pub python: &'static str,
    /// Its own variables in index order.
    pub variables: fn(&Facts<'_>) -> Vec<Own>,
    /// The objects that it holds, in the order of their creation.
    pub children: for<'a> fn(&Facts<'a>) -> Vec<Child<'a>>,
}

impl Class {
    /// A class without variables and children.
    pub const fn stateless(name: &'static str) -> Self {
        Self { name, python: name, variables: |_| Vec::new(), children: |facts| facts.activations() }
    }

    /// A class with these variables.
    pub const fn own(name: &'static str, variables: fn(&Facts<'_>) -> Vec<Own>) -> Self {
        Self { variables, ..Self::stateless(name) }
    }

    /// A class with these children.
    pub const fn holds(name: &'static str, children: for<'a> fn(&Facts<'a>) -> Vec<Child<'a>>) -> Self {
        Self { children, ..Self::stateless(name) }
    }
}

/// One variable of a class.
pub(super) struct Own {
    pub name: &'static str,
    pub trainable: bool,
    /// Whether it was made trainable: those come first in `weights`.
    pub leads: bool,
    pub stored: Stored,
}

/// How a variable is saved.
pub(super) enum Stored {
    /// Under the next number.
    Index,
    /// Under a key of its own.
    Key(&'static str),
    /// Under the next number; the same variable is saved under this path below the object too.
    AlsoAs(&'static str),
    /// Not at all.
    Nowhere,
}

impl Own {
    /// A trainable variable.
    pub fn new(name: &'static str) -> Self {
        Self { name, trainable: true, leads: true, stored: Stored::Index }
    }

    /// A variable that training never changes.
    pub fn state(name: &'static str) -> Self {
        Self { trainable: false, leads: false, ..Self::new(name) }
    }
}

/// Trainable variables of these names, those of them whose flag holds.
pub(super) fn named(names: &[(&'static str, bool)]) -> Vec<Own> {
    names.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| Own::new(name)).collect()
}

/// An object that is saved, whether it stands in the config or is implied by its owner.
#[derive(Clone)]
pub(super) struct Part<'a> {
    /// Class name without a package prefix.
    pub class_name: String,
    pub name: Option<String>,
    pub config: Option<&'a Object>,
    /// The whole serialized object, when there is one.
    pub tree: Option<&'a Tree>,
    /// Facts that the owner fixes for an implied object.
    pub fixed: Vec<(&'static str, bool)>,
}

impl<'a> Part<'a> {
    /// A serialized object.
    pub fn of(tree: &'a Tree) -> Self {
        let config = super::config_of(tree);
        let class_name = tree.class_name().unwrap_or_default();
        let class_name = class_name.rsplit('>').next().unwrap_or_default().to_owned();
        let name = config.and_then(|config| config.get("name")).and_then(Tree::as_str);
        let name = name.map_or_else(|| super::snake_case(&class_name), str::to_owned);
        Self { class_name, name: Some(name), config, tree: Some(tree), fixed: Vec::new() }
    }

    /// An object that its owner makes.
    pub fn implied(class_name: &str, name: &str) -> Self {
        let (class_name, name) = (class_name.to_owned(), Some(name.to_owned()));
        Self { class_name, name, config: None, tree: None, fixed: Vec::new() }
    }

    /// The same with a fact that the owner fixes.
    pub fn with(mut self, key: &'static str, value: bool) -> Self {
        self.fixed.push((key, value));
        self
    }

    /// The same with the config of its owner (an LSTM cell in an LSTM).
    pub fn configured_as(mut self, facts: &Facts<'a>) -> Self {
        self.config = facts.config;
        self
    }

    /// Name of the Python class.
    pub fn python_name(&self) -> &str {
        classes::find(&self.class_name).map_or(&self.class_name, |class| class.python)
    }
}

/// What one attribute of an object holds.
pub(super) struct Child<'a> {
    attribute: Cow<'static, str>,
    holds: Holds<'a>,
    /// Models yield their layers before all else.
    first: bool,
}

enum Holds<'a> {
    One(Part<'a>),
    List(Vec<Part<'a>>),
}

impl<'a> Child<'a> {
    /// An attribute that holds one object.
    pub fn one(attribute: impl Into<Cow<'static, str>>, part: Part<'a>) -> Self {
        Self { attribute: attribute.into(), holds: Holds::One(part), first: false }
    }

    /// An attribute that holds a list or dictionary of objects.
    pub fn list(attribute: &'static str, parts: Vec<Part<'a>>) -> Self {
        Self { attribute: attribute.into(), holds: Holds::List(parts), first: false }
    }

    /// The layers of a model.
    pub fn layers(parts: Vec<Part<'a>>) -> Self {
        Self { first: true, ..Self::list("layers", parts) }
    }

    /// Sorts attributes as Keras visits them: layers of models, public ones by name, private ones.
    pub fn visit_key(&self) -> (bool, bool, String) {
        (!self.first, self.attribute.starts_with('_'), self.attribute.to_string())
    }

    /// The objects with their names below the owner.
    pub fn parts(&self) -> Vec<(String, &Part<'a>)> {
        match &self.holds {
            Holds::One(part) => vec![(self.attribute.to_string(), part)],
            Holds::List(parts) => {
                let mut used = HashMap::new();
                let name = |part: &Part<'a>, used: &mut HashMap<String, usize>| {
                    format!("{}/{}", self.attribute, container_key(part.python_name(), used))
                };
                parts.iter().map(|part| (name(part, &mut used), part)).collect()
            }
        }
    }
}

/// The facts of one object's config.
#[derive(Clone)]
pub(super) struct Facts<'a> {
    pub config: Option<&'a Object>,
    fixed: Vec<(&'static str, bool)>,
}

impl<'a> Facts<'a> {
    pub fn of(part: &Part<'a>) -> Self {
        Self { config: part.config, fixed: part.fixed.clone() }
    }

    /// An entry of the config.
    pub fn get(&self, key: &str) -> Option<&'a Tree> {
        self.config?.get(key)
    }

    /// A truth value.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        if let Some((_, value)) = self.fixed.iter().find(|(fixed, _)| *fixed == key) {
            return *value;
        }
        self.get(key).and_then(Tree::as_bool).unwrap_or(default)
    }

    /// Text.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// Whether an entry is there and not `null`.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_null())
    }

    /// A serialized object.
    pub fn part(&self, key: &str) -> Option<Part<'a>> {
        let tree = self.get(key)?;
        tree.class_name().map(|_| Part::of(tree))
    }

    /// The serialized objects of a list.
    pub fn parts(&self, key: &str) -> Vec<Part<'a>> {
        let items = self.get(key).and_then(Tree::as_list).unwrap_or_default();
        items.iter().filter(|item| item.class_name().is_some()).map(Part::of).collect()
    }

    /// Quantization mode with its parameters, from the dtype policy: `int8`, `int4/128`.
    pub fn quantization(&self) -> Option<&'a str> {
        let dtype = self.get("dtype")?;
        if let Some(name) = dtype.as_str() {
            return name.split_once("_from_").map(|(mode, _)| mode);
        }
        let config = dtype.get("config")?;
        let by_name = || config.get("name")?.as_str()?.split_once("_from_").map(|(mode, _)| mode);
        config.get("mode").and_then(Tree::as_str).or_else(by_name)
    }

    /// Layers that serve as activations.
    pub fn activations(&self) -> Vec<Child<'a>> {
        let is_layer = |part: &Part<'a>| {
            let module = part.tree.and_then(|tree| tree.get("module")).and_then(Tree::as_str);
            part.class_name != "function" && module.is_none_or(|module| module != "builtins")
        };
        let keys = ["activation", "recurrent_activation"];
        let found = keys.into_iter().filter_map(|key| Some((key, self.part(key).filter(is_layer)?)));
        found.map(|(key, part)| Child::one(key, part)).collect()
    }
}
