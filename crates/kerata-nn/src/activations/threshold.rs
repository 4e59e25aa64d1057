//! `threshold`: a value in place of what is small.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result};

/// Fails: Keras has no default for the two numbers of `threshold`, and a name alone does not give them.
pub fn threshold(_: &Tensor) -> Result<Tensor> {
    Err(Error::unsupported("the activation `threshold` needs its threshold and default value")
        .hint("register a function that holds the two numbers"))
}
