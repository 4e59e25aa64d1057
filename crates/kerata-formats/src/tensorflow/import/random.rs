//! Numbers that follow from a seed.

use kerata_core::ops::{self, Distribution};
use kerata_core::{DType, Error};

use super::call::{Call, Outputs};
use super::table::Lowering;

pub const OPS: &[(&str, Lowering)] = &[
    // Key and counter are made of the seed, which is handed on in place of both.
    ("StatelessRandomGetAlg", |c| c.one(c.builder.constant(kerata_core::Array::scalar(1i32)))),
    ("StatelessRandomGetKeyCounter", |c| Ok(vec![c.input(0)?.clone(), c.input(0)?.clone()])),
    ("StatelessRandomNormal", |c| numbers(c, Distribution::Normal)),
    ("StatelessRandomNormalV2", |c| numbers(c, Distribution::Normal)),
    ("StatelessRandomUniform", |c| numbers(c, Distribution::Uniform)),
    ("StatelessRandomUniformInt", |c| integers(c, 2)),
    ("StatelessRandomUniformIntV2", |c| integers(c, 4)),
    ("StatelessRandomUniformV2", |c| numbers(c, Distribution::Uniform)),
    ("StatelessTruncatedNormal", |c| numbers(c, Distribution::TruncatedNormal)),
    ("StatelessTruncatedNormalV2", |c| numbers(c, Distribution::TruncatedNormal)),
];

/// `shape, seed`, or `shape, key, counter, alg`.
fn numbers(c: &Call<'_>, distribution: Distribution) -> Outputs {
    let dtype = c.dtype("dtype", DType::Float32)?;
    c.one(ops::random(c.tensor(1)?, distribution, c.full_sizes(0)?, dtype)?)
}

/// `shape, seed, minval, maxval`, or `shape, key, counter, alg, minval, maxval`; `bounds` is where `minval` stands.
fn integers(c: &Call<'_>, bounds: usize) -> Outputs {
    let (low, high) = (c.number(bounds)?, c.number(bounds + 1)?);
    let dtype = c.tensor(bounds)?.dtype();
    if low >= high {
        return Err(Error::corrupt(format!("random numbers from {low} to below {high}")));
    }
    c.one(ops::random_integers(c.tensor(1)?, c.full_sizes(0)?, low, high, dtype)?)
}
