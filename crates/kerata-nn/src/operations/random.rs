//! Functions of `keras.random` as records name them: the numbers that Keras draws with TensorFlow for the same seed.
//!
//! The first argument is the seed; those of `categorical` and on JAX and PyTorch are other draws of the same distribution.

use kerata_core::graph::Tensor;
use kerata_core::ops::Distribution;
use kerata_core::{DType, Error, Result, ops};

use super::call::Call;
use crate::layers::regularization::{drop_out, noise_sizes};

/// Calls a function of `keras.random`.
pub(super) fn draw(name: &str, call: &Call<'_>) -> Result<Tensor> {
    let seed = call.tensor("seed", 0)?;
    let float = || -> Result<DType> { Ok(call.get::<DType>("dtype")?.unwrap_or(DType::Float32)) };
    let unit = |distribution| ops::random(&seed, distribution, sizes(call, &seed)?, float()?);
    match name {
        "categorical" => {
            let drawn =
                ops::random_categorical(&seed, &call.tensor("logits", 1)?, call.require("num_samples")?)?;
            ops::cast(&drawn, call.or("dtype", DType::Int32)?)
        }
        "dropout" => {
            let (x, rate) = (call.tensor("inputs", 1)?, call.require::<f64>("rate")?);
            let noise: Option<Vec<Option<i64>>> = call.get("noise_shape")?;
            drop_out(&x, rate, &noise_sizes(&x, noise.as_deref()), &seed)
        }
        "normal" | "truncated_normal" => {
            let distribution =
                if name == "normal" { Distribution::Normal } else { Distribution::TruncatedNormal };
            let drawn = ops::times(&unit(distribution)?, call.or("stddev", 1.0)?)?;
            ops::plus(&drawn, call.or("mean", 0.0)?)
        }
        "randint" => {
            let dtype = call.or("dtype", DType::Int32)?;
            let drawn = if matches!(dtype, DType::Int32 | DType::Int64) { dtype } else { DType::Int64 };
            let (low, high) = (call.require("minval")?, call.require("maxval")?);
            ops::cast(&ops::random_integers(&seed, sizes(call, &seed)?, low, high, drawn)?, dtype)
        }
        "shuffle" => {
            let (x, axis) = (call.tensor("x", 1)?, call.or("axis", 0i64)?);
            let place = x.spec().shape.axis(axis)?;
            ops::take(&x, &ops::random_permutation(&seed, x.size(place))?, Some(axis))
        }
        "uniform" => {
            let drawn = unit(Distribution::Uniform)?;
            let (low, high) = (call.or("minval", 0.0)?, call.or::<f64>("maxval", 1.0)?);
            let span = ops::subtract(&ops::scalar(&drawn, high)?, &ops::scalar(&drawn, low)?)?;
            ops::add(&ops::multiply(&drawn, &span)?, &ops::scalar(&drawn, low)?)
        }
        other => Err(Error::unsupported(format!("`keras.random.{other}` is not there"))),
    }
}

/// `shape`, of which some sizes may be found out when the graph is run: those of a tensor of that shape, then.
fn sizes(call: &Call<'_>, seed: &Tensor) -> Result<Vec<ops::Size>> {
    let Some(shape) = call.computed_sizes("shape")? else {
        let shape: Vec<i64> = call.require("shape")?;
        return Ok(shape.into_iter().map(ops::Size::from).collect());
    };
    Ok(ops::broadcast_shape(&ops::scalar(seed, 0)?, &shape)?.sizes())
}
