//! `Constant`: one number, or an array of numbers.

use kerata_core::array::Array;
use kerata_core::graph::Tensor;
use kerata_core::{Result, Tree, ops};

use super::{Initialize, Start};
use crate::config;
use crate::config::Value;

config! {
    /// One number everywhere, or the elements of an array that fits the variable.
    pub struct Constant {
        /// The number or the nested list of numbers.
        value: Tree = Tree::Float(0.0),
    }
}

impl Initialize for Constant {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        if let Some(value) = self.value.as_f64() {
            return variable.full(value);
        }
        let list = self.value.path(&["config", "value"]).unwrap_or(&self.value);
        let mut numbers = Vec::new();
        flatten(list, &mut numbers)?;
        let sizes = if numbers.len() == 1 { vec![] } else { nested_sizes(list) };
        let array = Array::from_vec(sizes, numbers)?.cast(variable.dtype)?;
        ops::broadcast_to(&variable.builder.constant(array), variable.shape.iter().copied())
    }
}

fn flatten(tree: &Tree, into: &mut Vec<f64>) -> Result<()> {
    match tree.as_list() {
        Some(items) => items.iter().try_for_each(|item| flatten(item, into)),
        None => {
            into.push(f64::read(tree, crate::Registry::built_in())?);
            Ok(())
        }
    }
}

fn nested_sizes(tree: &Tree) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut level = tree.as_list();
    while let Some(items) = level {
        sizes.push(items.len());
        level = items.first().and_then(Tree::as_list);
    }
    sizes
}
