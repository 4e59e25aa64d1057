//! `Value`: how the type of an argument is read from a config tree and written into it.

use kerata_core::{DType, Error, Object, Result, ResultExt, Shape, Tree};

use crate::Registry;

/// A type that can stand in a config.
pub trait Value: Sized {
    /// Reads the tree; fails on a tree of another kind.
    fn read(tree: &Tree, registry: &Registry) -> Result<Self>;

    /// Writes the tree as Keras does.
    fn write(&self) -> Tree;
}

/// The error of a tree that is not what an argument needs.
pub(crate) fn unexpected(expected: &str, found: &Tree) -> Error {
    let mut text = found.to_json();
    if text.chars().count() > 60 {
        text = text.chars().take(60).chain("…".chars()).collect();
    }
    Error::corrupt(format!("expected {expected}, found {text}"))
}

impl Value for bool {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        // Python callers often pass 0 and 1.
        match tree.as_i64() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            _ => tree.as_bool().ok_or_else(|| unexpected("true or false", tree)),
        }
    }

    fn write(&self) -> Tree {
        Tree::Bool(*self)
    }
}

impl Value for usize {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        whole(tree)
            .and_then(|value| usize::try_from(value).ok())
            .ok_or_else(|| unexpected("a whole number that is not negative", tree))
    }

    fn write(&self) -> Tree {
        Tree::from(*self)
    }
}

impl Value for i64 {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        whole(tree).ok_or_else(|| unexpected("a whole number", tree))
    }

    fn write(&self) -> Tree {
        Tree::from(*self)
    }
}

impl Value for f64 {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        // NumPy scalars are written as arrays without axes.
        let scalar = tree.path(&["config", "value"]).filter(|_| tree.class_name() == Some("__numpy__"));
        scalar.unwrap_or(tree).as_f64().ok_or_else(|| unexpected("a number", tree))
    }

    fn write(&self) -> Tree {
        Tree::Float(*self)
    }
}

impl Value for String {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        tree.as_str().map(str::to_owned).ok_or_else(|| unexpected("text", tree))
    }

    fn write(&self) -> Tree {
        Tree::Text(self.clone())
    }
}

impl Value for DType {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        String::read(tree, registry)?.parse()
    }

    fn write(&self) -> Tree {
        Tree::from(self.name())
    }
}

impl Value for Shape {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let axes = tree.as_list().ok_or_else(|| unexpected("a shape", tree))?;
        axes.iter()
            .map(|axis| match axis {
                Tree::Null => Ok(None),
                _ => usize::read(axis, registry).map(|size| Some(size as u64)),
            })
            .collect()
    }

    fn write(&self) -> Tree {
        Tree::List(self.axes().iter().map(|axis| axis.map_or(Tree::Null, Tree::from)).collect())
    }
}

impl Value for Tree {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        Ok(tree.clone())
    }

    fn write(&self) -> Tree {
        self.clone()
    }
}

impl Value for Object {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        tree.as_object().cloned().ok_or_else(|| unexpected("an object", tree))
    }

    fn write(&self) -> Tree {
        Tree::Object(self.clone())
    }
}

impl<T: Value> Value for Option<T> {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        if tree.is_null() {
            return Ok(None);
        }
        T::read(tree, registry).map(Some)
    }

    fn write(&self) -> Tree {
        self.as_ref().map_or(Tree::Null, Value::write)
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        if let (Some("__numpy__"), Some(value)) = (tree.class_name(), tree.path(&["config", "value"])) {
            return Self::read(value, registry);
        }
        let items = tree.as_list().ok_or_else(|| unexpected("a list", tree))?;
        items
            .iter()
            .enumerate()
            .map(|(position, item)| T::read(item, registry).at(|| format!("item {position}")))
            .collect()
    }

    fn write(&self) -> Tree {
        Tree::List(self.iter().map(Value::write).collect())
    }
}

/// A whole number, also one that is written with a point (`3.0`).
fn whole(tree: &Tree) -> Option<i64> {
    match tree {
        Tree::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Some(*value as i64),
        _ => tree.as_i64(),
    }
}
