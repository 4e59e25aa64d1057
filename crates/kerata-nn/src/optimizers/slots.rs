//! `Slots`: what an optimizer keeps, in Keras's order.

use kerata_core::array::Array;
use kerata_core::{DType, Result};

/// A variable that is trained.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Its path.
    pub path: String,
    /// Its path in Keras, of the names of layers: `output/kernel`.
    pub name: String,
    /// Sizes of its axes.
    pub sizes: Vec<usize>,
    /// Element type.
    pub dtype: DType,
}

/// Where a slot starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Every element at a number.
    Number(f64),
    /// At the value of its variable.
    Variable,
}

/// Something that is kept.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub name: &'static str,
    /// Which of the trained variables it belongs to; none when it is shared.
    pub variable: Option<usize>,
    pub sizes: Vec<usize>,
    pub dtype: DType,
    pub start: Start,
}

impl Slot {
    /// The values that it starts with, for the values of its variable.
    pub fn values(&self, variable: impl FnOnce(usize) -> Result<Array>) -> Result<Array> {
        match (self.start, self.variable) {
            (Start::Variable, Some(index)) => variable(index),
            (Start::Number(number), _) => Array::full(self.sizes.clone(), number, self.dtype),
            (Start::Variable, None) => Array::zeros(self.sizes.clone(), self.dtype),
        }
    }
}

/// What an optimizer keeps beside the variables that it trains.
#[derive(Clone, Debug)]
pub struct Slots {
    trained: Vec<Trained>,
    pub(super) list: Vec<Slot>,
}

impl Slots {
    pub(super) fn new(trained: &[Trained]) -> Self {
        Self { trained: trained.to_vec(), list: Vec::new() }
    }

    /// Zeros like each variable: all kinds for the first variable, then all for the next.
    pub fn each(&mut self, names: &[&'static str]) {
        let kinds: Vec<_> = names.iter().map(|name| (*name, 0.0)).collect();
        self.each_of(&kinds);
    }

    /// One kind like each variable, starting at a number.
    pub fn each_from(&mut self, name: &'static str, start: f64) {
        self.each_of(&[(name, start)]);
    }

    /// Several kinds like each variable, each starting at a number.
    pub fn each_of(&mut self, kinds: &[(&'static str, f64)]) {
        for variable in 0..self.trained.len() {
            for (name, start) in kinds {
                let sizes = self.trained[variable].sizes.clone();
                self.one(name, variable, sizes, *start);
            }
        }
    }

    /// Kinds that start as copies of the variables, and kinds that start at zero.
    pub fn each_like_variables(&mut self, copies: &[&'static str], zeros: &[&'static str]) {
        let first = self.list.len();
        self.each(&[copies, zeros].concat());
        for slot in &mut self.list[first..] {
            if copies.contains(&slot.name) {
                slot.start = Start::Variable;
            }
        }
    }

    /// One slot of a variable with sizes of its own.
    pub fn one(&mut self, name: &'static str, variable: usize, sizes: Vec<usize>, start: f64) {
        let dtype = self.trained[variable].dtype;
        let start = Start::Number(start);
        self.list.push(Slot { name, variable: Some(variable), sizes, dtype, start });
    }

    /// An empty place of a variable: Keras stores an int32 zero there.
    pub fn placeholder(&mut self, name: &'static str, variable: usize) {
        self.one(name, variable, Vec::new(), 0.0);
        if let Some(slot) = self.list.last_mut() {
            slot.dtype = DType::Int32;
        }
    }

    /// A number that all variables share.
    pub fn shared(&mut self, name: &'static str, start: f64) {
        let dtype = self.trained.first().map_or(DType::Float32, |trained| trained.dtype);
        let start = Start::Number(start);
        self.list.push(Slot { name, variable: None, sizes: Vec::new(), dtype, start });
    }

    /// The variables that are trained.
    pub fn trained(&self) -> &[Trained] {
        &self.trained
    }
}
