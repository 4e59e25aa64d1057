//! `Call`: reading what a function of `keras.ops` is called with: tensors, arrays and numbers, and its config.

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::{Error, Object, Result, ResultExt, Tree, ops};

use crate::Registry;
use crate::config::{Axes, Value, array};
use crate::layers::{Argument, Arguments};

/// One call of a function.
pub(crate) struct Call<'a> {
    pub config: &'a Object,
    pub builder: &'a GraphBuilder,
    pub arguments: &'a Arguments,
}

impl Call<'_> {
    /// The tensor of an argument by position or name; arrays and numbers become constants.
    pub fn tensor(&self, name: &str, position: usize) -> Result<Tensor> {
        self.optional(name, position)?
            .ok_or_else(|| Error::mismatch(format!("the call has no argument `{name}`")))
    }

    /// The first argument, whatever it is called.
    pub fn first(&self) -> Result<Tensor> {
        let argument = self.arguments.iter().find(|argument| !argument.is_none());
        self.to_tensor(argument.ok_or_else(|| Error::mismatch("the call has no arguments"))?)
    }

    /// The tensor of an argument that may be missing.
    pub fn optional(&self, name: &str, position: usize) -> Result<Option<Tensor>> {
        let argument = self.arguments.get(name, position);
        argument.map(|argument| self.to_tensor(argument)).transpose().at(|| format!("argument `{name}`"))
    }

    /// The first two arguments; a number takes the dtype of the other one, as in Python.
    pub fn pair(&self) -> Result<(Tensor, Tensor)> {
        let mut arguments = self.arguments.iter().filter(|argument| !argument.is_none());
        let (Some(a), Some(b)) = (arguments.next(), arguments.next()) else {
            return Err(Error::mismatch("expected two arguments"));
        };
        match (number(a), number(b)) {
            (None, Some(b)) => {
                let a = self.to_tensor(a)?;
                Ok((a.clone(), ops::scalar(&a, b)?))
            }
            (Some(a), None) => {
                let b = self.to_tensor(b)?;
                Ok((ops::scalar(&b, a)?, b))
            }
            _ => Ok((self.to_tensor(a)?, self.to_tensor(b)?)),
        }
    }

    /// The tensors of the first argument, a list.
    pub fn tensors(&self) -> Result<Vec<Tensor>> {
        let argument = self.arguments.iter().next();
        self.items(argument.ok_or_else(|| Error::mismatch("the call has no arguments"))?)
    }

    /// The tensors of a list.
    pub fn items(&self, argument: &Argument) -> Result<Vec<Tensor>> {
        match argument.items() {
            Some(items) => items.iter().map(|item| self.to_tensor(item)).collect(),
            None => Ok(vec![self.to_tensor(argument)?]),
        }
    }

    /// An argument as a tensor; a list of tensors is stacked.
    pub fn to_tensor(&self, argument: &Argument) -> Result<Tensor> {
        match argument {
            Argument::Tensor(value) => Ok(value.tensor.clone()),
            Argument::Plain(tree) => Ok(self.builder.constant(array(tree)?)),
            Argument::List(_) => ops::stack(&self.items(argument)?, 0),
            Argument::Object(_) => Err(Error::unsupported("an object as an argument of a function")),
        }
    }

    /// A value of the config, or of an argument by name; none when it is `null` or not there.
    pub fn get<T: Value>(&self, key: &str) -> Result<Option<T>> {
        let named = match self.arguments.named.get(key) {
            Some(Argument::Plain(tree)) => Some(tree),
            _ => None,
        };
        match self.config.get(key).or(named) {
            None | Some(Tree::Null) => Ok(None),
            Some(tree) => T::read(tree, Registry::built_in()).map(Some).at(|| format!("`{key}`")),
        }
    }

    /// A value that must be there.
    pub fn require<T: Value>(&self, key: &str) -> Result<T> {
        self.get(key)?.ok_or_else(|| Error::corrupt(format!("the config has no `{key}`")))
    }

    /// A value with a default.
    pub fn or<T: Value>(&self, key: &str, default: T) -> Result<T> {
        Ok(self.get(key)?.unwrap_or(default))
    }

    /// `axis`, one or several; empty for all.
    pub fn axes(&self) -> Result<Vec<i64>> {
        Ok(self.get::<Axes>("axis")?.map(|axes| axes.list().to_vec()).unwrap_or_default())
    }

    /// `axis`, which is one; none for the flat tensor.
    pub fn axis(&self) -> Result<Option<i64>> {
        match self.axes()?[..] {
            [] => Ok(None),
            [axis] => Ok(Some(axis)),
            _ => Err(Error::unsupported("several axes")),
        }
    }

    /// `keepdims`.
    pub fn keepdims(&self) -> Result<bool> {
        self.or("keepdims", false)
    }

    /// Sizes of which some are found out when the graph is run, as a vector; none where all are numbers.
    pub fn computed_sizes(&self, key: &str) -> Result<Option<Tensor>> {
        let Some(Argument::List(items)) = self.arguments.named.get(key) else { return Ok(None) };
        let sizes = items.iter().map(|item| match item {
            Argument::Plain(_) => self.to_tensor(item),
            _ => ops::cast(&self.to_tensor(item)?, kerata_core::DType::Int32),
        });
        ops::stack(&sizes.collect::<Result<Vec<_>>>()?, 0).map(Some)
    }

    /// A plain value of an argument.
    pub fn plain(&self, name: &str, position: usize) -> Result<Option<Tree>> {
        Ok(self.arguments.get(name, position).and_then(Argument::plain))
    }

    /// A function of the first argument.
    pub fn unary(&self, function: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Vec<Tensor>> {
        one(function(&self.first()?))
    }

    /// A function of the first two arguments.
    pub fn binary(&self, function: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>) -> Result<Vec<Tensor>> {
        let (a, b) = self.pair()?;
        one(function(&a, &b))
    }

    /// A reduction of the first argument over `axis`.
    pub fn reduce(
        &self,
        function: impl FnOnce(&Tensor, &[i64], bool) -> Result<Tensor>,
    ) -> Result<Vec<Tensor>> {
        one(function(&self.first()?, &self.axes()?, self.keepdims()?))
    }
}

/// The only result of a function.
pub(super) fn one(result: Result<Tensor>) -> Result<Vec<Tensor>> {
    Ok(vec![result?])
}

/// A Python number.
fn number(argument: &Argument) -> Option<ops::Scalar> {
    match argument {
        Argument::Plain(tree @ Tree::Int(_)) => tree.as_i64().map(ops::Scalar::Int),
        Argument::Plain(Tree::Float(value)) => Some(ops::Scalar::Float(*value)),
        _ => None,
    }
}
