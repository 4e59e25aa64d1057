//! `Reference`: an argument that is another config object, by name or with its own config.

use std::fmt;
use std::sync::Arc;

use kerata_core::{Error, Result, ResultExt, Tree};

use super::value::unexpected;
use super::{Config, Value};
use crate::Registry;

/// A family of config objects: initializers, regularizers, constraints.
pub trait Family: 'static {
    /// What an object of the family can do.
    type Object: ?Sized + Config;

    /// Keras's module of the family.
    const MODULE: &'static str;

    /// What one is called in messages.
    const KIND: &'static str;

    /// The constructor of a class in the registry, by class name or `package>Name`.
    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>>;
}

/// Makes an object from its config.
pub type Constructor<T> = fn(&kerata_core::Object, &Registry) -> Result<Arc<T>>;

/// A config object of a family. One whose class is not registered can be kept and written, and fails when it is used.
pub struct Reference<S: Family> {
    object: Option<Arc<S::Object>>,
    registered_name: Option<String>,
    spelled: Option<Arc<Tree>>,
}

impl<S: Family> Reference<S> {
    /// Refers to an object.
    pub fn to(object: Arc<S::Object>) -> Self {
        Self { object: Some(object), registered_name: None, spelled: None }
    }

    /// The same object under the name it is registered by (`package>Name`).
    #[must_use]
    pub fn registered(mut self, name: impl Into<String>) -> Self {
        self.registered_name = Some(name.into());
        self
    }

    /// The object; fails when its class is not registered.
    pub fn object(&self) -> Result<&S::Object> {
        self.object.as_deref().ok_or_else(|| {
            let name = self.spelled.as_deref().and_then(name_of).unwrap_or("?");
            Error::unsupported(format!("the {} `{name}` is not registered", S::KIND))
                .hint(format!("register it in the `Registry` that the model is loaded with, as `{name}`"))
        })
    }
}

impl<S: Family> Clone for Reference<S> {
    fn clone(&self) -> Self {
        Self {
            object: self.object.clone(),
            registered_name: self.registered_name.clone(),
            spelled: self.spelled.clone(),
        }
    }
}

impl<S: Family> fmt::Debug for Reference<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.object, &self.spelled) {
            (Some(object), _) => object.fmt(f),
            (None, spelled) => write!(f, "{} {spelled:?}", S::KIND),
        }
    }
}

impl<S: Family> From<&str> for Reference<S> {
    /// A built-in by its name; any other name is kept and fails when it is used.
    fn from(name: &str) -> Self {
        let spelled = Tree::from(name);
        match Self::read(&spelled, Registry::built_in()) {
            Ok(Self { object: Some(object), .. }) => Self::to(object),
            _ => Self { object: None, registered_name: None, spelled: Some(Arc::new(spelled)) },
        }
    }
}

impl<S: Family> Value for Reference<S> {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let name = name_of(tree).ok_or_else(|| unexpected(&format!("the name of a {}", S::KIND), tree))?;
        let registered = tree.get("registered_name").and_then(Tree::as_str);
        let empty = kerata_core::Object::new();
        let config = tree.get("config").and_then(Tree::as_object).unwrap_or(&empty);
        let constructor =
            registered.and_then(|name| S::find(registry, name)).or_else(|| S::find(registry, name));
        let object = match constructor {
            Some(constructor) => Some(constructor(config, registry).at(|| name)?),
            None => None,
        };
        Ok(Self {
            object,
            registered_name: registered.map(str::to_owned),
            spelled: Some(Arc::new(tree.clone())),
        })
    }

    fn write(&self) -> Tree {
        if let Some(spelled) = &self.spelled {
            return Tree::clone(spelled);
        }
        match &self.object {
            Some(object) => {
                let class = object.class_name();
                let module = if self.registered_name.is_none() { S::MODULE } else { "" };
                serialized(module, class, Tree::Object(object.config()), self.registered_name.as_deref())
            }
            None => Tree::Null,
        }
    }
}

/// A serialized object as Keras 3 writes it; an empty module is written as `null`.
pub fn serialized(module: &str, class_name: &str, config: Tree, registered_name: Option<&str>) -> Tree {
    Tree::from([
        ("module", if module.is_empty() { Tree::Null } else { Tree::from(module) }),
        ("class_name", Tree::from(class_name)),
        ("config", config),
        ("registered_name", Tree::from(registered_name)),
    ])
}

/// The class or function that a tree refers to.
fn name_of(tree: &Tree) -> Option<&str> {
    match tree {
        Tree::Text(name) => Some(name),
        _ if tree.class_name() == Some("function") => tree.get("config").and_then(Tree::as_str),
        _ => tree.class_name(),
    }
}
