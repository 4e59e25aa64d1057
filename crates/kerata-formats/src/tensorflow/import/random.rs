//! Numbers that follow from a seed.

use kerata_core::ops::{self, Distribution};
use kerata_core::{DType, Error};

use super::call::{Call, Outputs};
use super::table::Lowering;

pub const OPS: &[(&str, Lowering)] = &[
    // Key and counter are made of the seed, which is handed on in place of both.
    ("StatelessRandomGetAlg", |c| c.one(c.builder.constant(kerata_core::Array::scalar(1i32)))),
    ("StatelessRandomGetKeyCounter", |c| Ok(vec![c.input(0)?.clone(), c.input(0)?.clone()])),
    ("StatelessRandomNormalV2", |c| numbers(c, Distribution::Normal)),
    ("StatelessRandomUniformIntV2", integers),
    ("StatelessRandomUniformV2", |c| numbers(c, Distribution::Uniform)),
    ("StatelessTruncatedNormalV2", |c| numbers(c, Distribution::TruncatedNormal)),
];

/// `shape, key, counter, alg`.
fn numbers(c: &Call<'_>, distribution: Distribution) -> Outputs {
    let dtype = c.dtype("dtype", DType::Float32)?;
    c.one(ops::random(c.tensor(1)?, distribution, c.full_sizes(0)?, dtype)?)
}

/// `shape, key, counter, alg, minval, maxval`.
fn integers(c: &Call<'_>) -> Outputs {
    let (low, high) = (c.number(4)?, c.number(5)?);
    let dtype = c.tensor(4)?.dtype();
    if low >= high {
        return Err(Error::corrupt(format!("random numbers from {low} to below {high}")));
    }
    c.one(ops::random_integers(c.tensor(1)?, c.full_sizes(0)?, low, high, dtype)?)
}
