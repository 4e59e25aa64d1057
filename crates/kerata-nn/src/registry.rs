//! `Registry`: which class or function a name in a config stands for.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use kerata_core::Tree;

use crate::activations::{self, Function};
use crate::config::{Constructor, FromConfig};
use crate::constraints::{self, Constrain};
use crate::initializers::{self, Initialize};
use crate::layers::{self, Layer};
use crate::losses::{self, LossFunction};
use crate::metrics::{self, Measure};
use crate::operations;
use crate::optimizers::{self, Optimize};
use crate::regularizers::{self, Regularize};
use crate::schedules::{self, Schedule};

/// The classes and functions that a model may name: the built-in ones and one's own. A value, passed to where models
/// are made; nothing registers itself.
#[derive(Clone)]
pub struct Registry {
    pub(crate) layers: Classes<dyn Layer>,
    pub(crate) initializers: Classes<dyn Initialize>,
    pub(crate) regularizers: Classes<dyn Regularize>,
    pub(crate) constraints: Classes<dyn Constrain>,
    pub(crate) losses: Classes<dyn LossFunction>,
    pub(crate) metrics: Classes<dyn Measure>,
    pub(crate) optimizers: Classes<dyn Optimize>,
    pub(crate) schedules: Classes<dyn Schedule>,
    functions: HashMap<String, Function>,
    replaced: HashMap<String, String>,
}

impl Registry {
    /// A registry of what is built in.
    pub fn new() -> Self {
        Self {
            layers: Classes::new(layers::BUILT_IN, layers::ALIASES),
            initializers: Classes::new(&[initializers::BUILT_IN], initializers::ALIASES),
            regularizers: Classes::new(&[regularizers::BUILT_IN], regularizers::ALIASES),
            constraints: Classes::new(&[constraints::BUILT_IN], &[]),
            losses: Classes::new(&[losses::BUILT_IN], losses::ALIASES),
            metrics: Classes::new(&[metrics::BUILT_IN], metrics::ALIASES),
            optimizers: Classes::new(&[optimizers::BUILT_IN], &[]),
            schedules: Classes::new(&[schedules::BUILT_IN], &[]),
            functions: HashMap::new(),
            replaced: HashMap::new(),
        }
    }

    /// The registry of what is built in, and nothing else.
    pub fn built_in() -> &'static Self {
        static BUILT_IN: OnceLock<Registry> = OnceLock::new();
        BUILT_IN.get_or_init(Self::new)
    }

    /// Adds a layer class of a package: `package>Name`.
    pub fn layer<T: Layer + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.layers
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds an initializer class of a package.
    pub fn initializer<T: Initialize + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.initializers
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a regularizer class of a package.
    pub fn regularizer<T: Regularize + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.regularizers
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a constraint class of a package.
    pub fn constraint<T: Constrain + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.constraints
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a loss class or function of a package.
    pub fn loss<T: LossFunction + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.losses
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a metric class of a package.
    pub fn metric<T: Measure + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.metrics
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds an optimizer class of a package.
    pub fn optimizer<T: Optimize + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.optimizers
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a learning rate schedule of a package.
    pub fn schedule<T: Schedule + FromConfig>(&mut self, package: &str) -> &mut Self {
        self.schedules
            .add(package, T::CLASS, |config, registry| Ok(Arc::new(T::from_config(config, registry)?)));
        self
    }

    /// Adds a function of a package: `package>name`.
    pub fn activation(&mut self, package: &str, name: &str, function: Function) -> &mut Self {
        self.functions.insert(format!("{package}>{name}"), function);
        self.functions.insert(name.to_owned(), function);
        self
    }

    /// Takes one name for another wherever a config has it: `<lambda>` for `relu`.
    pub fn map(&mut self, old: &str, new: &str) -> &mut Self {
        self.replaced.insert(old.to_owned(), new.to_owned());
        self
    }

    /// The function of a name.
    pub fn function(&self, name: &str) -> Option<Function> {
        let name = self.replaced.get(name).map_or(name, String::as_str);
        self.functions.get(name).copied().or_else(|| activations::built_in(name))
    }

    /// Names of the built-in layer classes, sorted.
    pub fn layer_classes() -> Vec<&'static str> {
        let mut names: Vec<&str> =
            layers::BUILT_IN.iter().copied().flatten().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names
    }

    /// Names of all built-in classes and functions by kind, each kind sorted.
    pub fn classes() -> Vec<(&'static str, Vec<&'static str>)> {
        fn names<T>(list: &'static [(&'static str, T)]) -> Vec<&'static str> {
            let mut names: Vec<&str> = list.iter().map(|(name, _)| *name).collect();
            names.sort_unstable();
            names
        }
        vec![
            ("layer", Self::layer_classes()),
            ("activation", names(activations::BUILT_IN)),
            ("initializer", names(initializers::BUILT_IN)),
            ("regularizer", names(regularizers::BUILT_IN)),
            ("constraint", names(constraints::BUILT_IN)),
            ("loss", names(losses::BUILT_IN)),
            ("metric", names(metrics::BUILT_IN)),
            ("optimizer", names(optimizers::BUILT_IN)),
            ("schedule", names(schedules::BUILT_IN)),
            ("function of keras.ops", operations::classes()),
        ]
    }

    /// What is to be taken for a name, when something else is.
    pub fn replacement(&self, name: &str) -> Option<&str> {
        self.replaced.get(name).map(String::as_str)
    }

    /// Whether the class of a serialized layer is known.
    pub(crate) fn has_layer(&self, tree: &Tree) -> bool {
        self.layer_constructor(tree).is_some()
    }

    /// The constructor of a serialized layer, by its registered name, then by its class.
    ///
    /// A class of somebody else is never taken for the one of Keras that has the same name.
    pub(crate) fn layer_constructor(&self, tree: &Tree) -> Option<Constructor<dyn Layer>> {
        let registered = tree.get("registered_name").and_then(Tree::as_str);
        let is_foreign = is_foreign(tree);
        [registered, tree.class_name()].into_iter().flatten().find_map(|name| match self.replaced.get(name) {
            Some(new) => self.layers.find(new),
            None if is_foreign => self.layers.find_own(name),
            None => self.layers.find(name),
        })
    }
}

/// Whether a serialized object is of a class that is not Keras's own: registered under a package, or of a module elsewhere.
/// Old files name neither.
pub fn is_foreign(tree: &Tree) -> bool {
    let text = |key: &str| tree.get(key).and_then(Tree::as_str).unwrap_or_default();
    let (module, registered) = (text("module"), text("registered_name"));
    let package = module.split('.').next().unwrap_or(module);
    let is_keras = matches!(package, "" | "keras" | "keras_core" | "tf_keras" | "tensorflow" | "builtins");
    !is_keras || (registered.contains('>') && !registered.starts_with("keras>"))
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("replaced", &self.replaced).finish_non_exhaustive()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

/// The constructors of a family by name.
pub(crate) struct Classes<T: ?Sized> {
    constructors: HashMap<String, Constructor<T>>,
    /// Those that were added, by class and by package and class.
    own: HashMap<String, Constructor<T>>,
}

impl<T: ?Sized> Classes<T> {
    fn new(built_in: &[&[(&str, Constructor<T>)]], aliases: &[(&str, &str)]) -> Self {
        let mut constructors: HashMap<String, Constructor<T>> = built_in
            .iter()
            .copied()
            .flatten()
            .map(|(name, constructor)| (plain(name), *constructor))
            .collect();
        for (alias, name) in aliases {
            if let Some(constructor) = constructors.get(&plain(name)).copied() {
                constructors.insert(plain(alias), constructor);
            }
        }
        Self { constructors, own: HashMap::new() }
    }

    fn add(&mut self, package: &str, class: &str, constructor: Constructor<T>) {
        let (registered, class) = (plain(&format!("{package}>{class}")), plain(class));
        self.constructors.insert(registered.clone(), constructor);
        self.constructors.entry(class.clone()).or_insert(constructor);
        self.own.extend([(registered, constructor), (class, constructor)]);
    }

    /// The constructor of a class that was added under this name.
    pub(crate) fn find_own(&self, name: &str) -> Option<Constructor<T>> {
        self.own.get(&plain(name)).copied()
    }

    /// The constructor of a class name, in whatever case Keras takes it.
    pub(crate) fn find(&self, name: &str) -> Option<Constructor<T>> {
        self.constructors.get(&plain(name)).copied()
    }
}

impl<T: ?Sized> Clone for Classes<T> {
    fn clone(&self) -> Self {
        Self { constructors: self.constructors.clone(), own: self.own.clone() }
    }
}

/// A class name without case and underscores: `glorot_uniform` and `GlorotUniform` are one.
fn plain(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_somebody_else_is_not_the_one_of_keras_with_its_name() {
        let layer = |module: Tree, registered: Tree| {
            let entries =
                [("module", module), ("class_name", Tree::from("Dense")), ("registered_name", registered)];
            Tree::Object(entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
        };
        let mut registry = Registry::new();
        assert!(registry.has_layer(&layer(Tree::from("keras.layers"), Tree::Null)));
        assert!(registry.has_layer(&layer(Tree::Null, Tree::Null)), "old files name no module");
        let registered = layer(Tree::Null, Tree::from("mine>Dense"));
        assert!(!registry.has_layer(&registered));
        assert!(!registry.has_layer(&layer(Tree::from("mine.layers"), Tree::from("Dense"))));
        registry.map("mine>Dense", "Dense");
        assert!(registry.has_layer(&registered), "unless it is mapped to it");
    }
}
