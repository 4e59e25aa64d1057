//! `Variable` and `Variables`: the tensors of an artifact, by path, in file order.

use std::sync::Arc;

use indexmap::IndexMap;
use indexmap::map::Entry;

use crate::{DType, Data, Error, Result, Shape};

/// What a variable is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Role {
    /// A weight of the model: counted as a parameter.
    #[default]
    Weight,
    /// State of the optimizer.
    Optimizer,
    /// State of a metric.
    Metric,
    /// State of a random seed generator.
    Seed,
    /// Anything else that a file keeps (a `save_own_variables` of a custom object under its own keys, a counter).
    State,
}

/// One tensor of an artifact.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Element type.
    pub dtype: DType,
    /// Sizes of its axes, all known.
    pub shape: Vec<u64>,
    /// Little-endian C-ordered bytes, one element after the other.
    pub data: Data,
    /// What it is for.
    pub role: Role,
    /// Keras's own name inside its owner (`kernel`), when known.
    pub name: Option<String>,
    /// Whether training changes it, when known.
    pub trainable: Option<bool>,
    /// Its address in the file it came from, when that differs from its path in the artifact
    /// (`dense/dense/kernel:0` in a legacy HDF5 file).
    pub origin: Option<String>,
}

impl Variable {
    /// A weight; fails when the bytes do not fill the shape.
    pub fn new(dtype: DType, shape: impl Into<Vec<u64>>, data: Data) -> Result<Self> {
        let shape = shape.into();
        let elements = Shape::known(shape.iter().copied()).elements();
        let expected = match (elements, dtype.size()) {
            (Some(elements), Some(size)) => elements.checked_mul(size as u64),
            (Some(_), None) => Some(data.len()),
            (None, _) => None,
        };
        let expected = expected.ok_or_else(|| {
            Error::limit(format!("shape {} has more than 2^64 bytes", Shape::known(shape.iter().copied())))
        })?;
        if expected != data.len() {
            let shape = Shape::known(shape.iter().copied());
            return Err(Error::corrupt(format!(
                "{dtype} {shape} needs {expected} bytes, {} are stored",
                data.len()
            )));
        }
        Ok(Self { dtype, shape, data, role: Role::Weight, name: None, trainable: None, origin: None })
    }

    /// The same variable with another role.
    #[must_use]
    pub fn with_role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Number of elements.
    pub fn elements(&self) -> u64 {
        // `new` has checked that the product fits.
        self.shape.iter().product()
    }
}

/// Variables by path, in file order. Paths are those of Keras 3 without a leading slash:
/// `layers/dense/vars/0`, `optimizer/vars/3`.
///
/// Cheap to clone: clones share what they hold until one of them is changed.
#[derive(Clone, Debug, Default)]
pub struct Variables(Arc<IndexMap<String, Variable>>);

impl Variables {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a variable; a path that is taken is [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt).
    pub fn insert(&mut self, path: impl Into<String>, variable: Variable) -> Result<()> {
        let path = path.into();
        match Arc::make_mut(&mut self.0).entry(path) {
            Entry::Occupied(taken) => {
                Err(Error::corrupt(format!("variable `{}` is stored twice", taken.key())))
            }
            Entry::Vacant(free) => {
                free.insert(variable);
                Ok(())
            }
        }
    }

    /// Keeps only the variables for which the test holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Variable) -> bool) {
        Arc::make_mut(&mut self.0).retain(|path, variable| keep(path, variable));
    }

    /// Removes and returns a variable, keeping the order of the others.
    pub fn remove(&mut self, path: &str) -> Option<Variable> {
        Arc::make_mut(&mut self.0).shift_remove(path)
    }

    /// The variable under a path.
    pub fn get(&self, path: &str) -> Option<&Variable> {
        self.0.get(path)
    }

    /// The variable under a path, to change it.
    pub fn get_mut(&mut self, path: &str) -> Option<&mut Variable> {
        Arc::make_mut(&mut self.0).get_mut(path)
    }

    /// Paths and variables in file order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Variable)> {
        self.0.iter().map(|(path, variable)| (path.as_str(), variable))
    }

    /// Paths and variables in file order, to change the variables.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Variable)> {
        Arc::make_mut(&mut self.0).iter_mut().map(|(path, variable)| (path.as_str(), variable))
    }

    /// Number of variables.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Variables {
    type Item = (String, Variable);
    type IntoIter = indexmap::map::IntoIter<String, Variable>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn bytes_must_fill_the_shape() {
        assert!(Variable::new(DType::Float32, [2, 3], Data::owned([0; 24])).is_ok());
        let error = Variable::new(DType::Float32, [2, 3], Data::owned([0; 23])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let error = Variable::new(DType::Float32, [1 << 40, 1 << 40], Data::owned([])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[test]
    fn a_clone_does_not_see_what_is_changed_later() {
        let scalar = Variable::new(DType::Bool, [], Data::owned([1])).unwrap();
        let mut variables = Variables::new();
        variables.insert("vars/0", scalar.clone()).unwrap();
        let before = variables.clone();
        variables.get_mut("vars/0").unwrap().role = Role::State;
        variables.insert("vars/1", scalar).unwrap();
        assert_eq!((before.len(), before.get("vars/0").unwrap().role), (1, Role::Weight));
        assert_eq!((variables.len(), variables.get("vars/0").unwrap().role), (2, Role::State));
    }

    #[test]
    fn a_path_holds_one_variable() {
        let scalar = Variable::new(DType::Bool, [], Data::owned([1])).unwrap();
        let mut variables = Variables::new();
        variables.insert("vars/0", scalar.clone()).unwrap();
        assert_eq!(variables.insert("vars/0", scalar).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
