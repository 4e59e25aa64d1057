//! Initializers: the start values of variables.

use std::sync::Arc;

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::{DType, Result, Tree, ops};

use crate::config::macros::family;
use crate::config::{Config, Constructor, Family, Reference};
use crate::registry::Registry;

mod variance;

family! { dyn Initialize;
    constant => Constant,
    glorot_normal => GlorotNormal,
    glorot_uniform => GlorotUniform,
    he_normal => HeNormal,
    he_uniform => HeUniform,
    identity => Identity,
    lecun_normal => LecunNormal,
    lecun_uniform => LecunUniform,
    ones => Ones,
    orthogonal => Orthogonal,
    random_normal => RandomNormal,
    random_uniform => RandomUniform,
    stft => STFT,
    truncated_normal => TruncatedNormal,
    variance_scaling => VarianceScaling,
    zeros => Zeros,
}

/// Other names of built-in classes.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("constantinitializer", "constant"),
    ("identityinitializer", "identity"),
    ("normal", "randomnormal"),
    ("one", "ones"),
    ("orthogonalinitializer", "orthogonal"),
    ("uniform", "randomuniform"),
    ("zero", "zeros"),
];

/// Makes the start values of a variable, in ops.
pub trait Initialize: Config {
    /// The start values of the variable that is asked for.
    fn call(&self, variable: &Start) -> Result<Tensor>;
}

/// The variable that an initializer makes values for.
pub struct Start {
    /// The graph in which the values are made.
    pub builder: GraphBuilder,
    /// Sizes of its axes.
    pub shape: Vec<usize>,
    /// Its element type.
    pub dtype: DType,
    /// Where its random numbers start, unless the initializer has a seed of its own.
    pub seed: i64,
}

impl Start {
    /// One number everywhere.
    pub fn full(&self, value: f64) -> Result<Tensor> {
        let value = ops::Scalar::from(value).to_array(self.dtype)?;
        ops::broadcast_to(&self.builder.constant(value), self.shape.iter().copied())
    }

    /// Random numbers from `low` to `high`.
    pub fn uniform(&self, low: f64, high: f64, seed: Option<i64>) -> Result<Tensor> {
        ops::random_uniform(&self.seed(seed), self.sizes(), low, high, self.dtype)
    }

    /// Normal random numbers.
    pub fn normal(&self, mean: f64, deviation: f64, seed: Option<i64>) -> Result<Tensor> {
        ops::random_normal(&self.seed(seed), self.sizes(), mean, deviation, self.dtype)
    }

    /// Normal random numbers at most two deviations from the mean.
    pub fn truncated_normal(&self, mean: f64, deviation: f64, seed: Option<i64>) -> Result<Tensor> {
        ops::random_truncated_normal(&self.seed(seed), self.sizes(), mean, deviation, self.dtype)
    }

    fn sizes(&self) -> Vec<ops::Size> {
        self.shape.iter().copied().map(ops::Size::from).collect()
    }

    fn seed(&self, own: Option<i64>) -> Tensor {
        let seed = own.unwrap_or(self.seed);
        let words = vec![seed as u32, (seed >> 32) as u32];
        self.builder.constant(kerata_core::array::Array::vector(words))
    }
}

/// The family of initializers.
#[derive(Debug)]
pub enum Initializers {}

impl Family for Initializers {
    type Object = dyn Initialize;
    const MODULE: &'static str = "keras.initializers";
    const KIND: &'static str = "initializer";

    fn find(registry: &Registry, name: &str) -> Option<Constructor<Self::Object>> {
        registry.initializers.find(name)
    }
}

/// The `..._initializer` argument of a layer.
pub type Initializer = Reference<Initializers>;

impl Initializer {
    /// Zeros.
    pub fn zeros() -> Self {
        Self::to(Arc::new(Zeros::new()))
    }

    /// Ones.
    pub fn ones() -> Self {
        Self::to(Arc::new(Ones::new()))
    }

    /// Uniform, with a variance that fits the inputs and outputs of the variable.
    pub fn glorot_uniform() -> Self {
        Self::to(Arc::new(GlorotUniform::new()))
    }

    /// An orthogonal matrix.
    pub fn orthogonal() -> Self {
        Self::to(Arc::new(Orthogonal::new()))
    }

    /// Uniform from -0.05 to 0.05.
    pub fn uniform() -> Self {
        Self::to(Arc::new(RandomUniform::new()))
    }

    /// One number.
    pub fn constant(value: f64) -> Self {
        Self::constant_tree(Tree::Float(value))
    }

    /// The elements of a nested list.
    pub fn constant_tree(value: Tree) -> Self {
        Self::to(Arc::new(Constant::new().value(value)))
    }
}

impl<T: Initialize> From<T> for Initializer {
    fn from(initializer: T) -> Self {
        Self::to(Arc::new(initializer))
    }
}
