//! Convolutions, pooling, normalizations, attention and losses.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::linalg::vector_norm;
use crate::config::{Axes, DataFormat, Padding, Sizes};
use crate::layers::convolutional::{Spatial, convolve};

/// Keras's default fuzz factor.
const EPSILON: f64 = 1e-7;

pub(super) const TABLE: Table = &[
    ("AdaptiveAveragePool", |call| adaptive(call, ops::adaptive_average_pool)),
    ("AdaptiveMaxPool", |call| adaptive(call, ops::adaptive_max_pool)),
    ("AveragePool", |call| pool(call, ops::average_pool)),
    ("BatchNorm", |call| {
        let (x, mean, variance) = (call.first()?, call.tensor("mean", 1)?, call.tensor("variance", 2)?);
        let (offset, scale) = (call.optional("offset", 3)?, call.optional("scale", 4)?);
        let (axis, epsilon) = (call.or("axis", -1)?, call.or("epsilon", 1e-3)?);
        one(ops::batch_normalization(&x, &mean, &variance, axis, offset.as_ref(), scale.as_ref(), epsilon))
    }),
    ("BinaryCrossentropy", |call| {
        let (target, output) = (call.tensor("target", 0)?, call.tensor("output", 1)?);
        one(binary_crossentropy(&target, &output, call.or("from_logits", false)?))
    }),
    ("CategoricalCrossentropy", |call| {
        let (target, output) = (call.tensor("target", 0)?, call.tensor("output", 1)?);
        let axis = call.or("axis", -1)?;
        let logs = log_shares(&output, call.or("from_logits", false)?, axis, true)?;
        one(ops::negative(&ops::sum(&ops::multiply(&target, &logs)?, &[axis], false)?))
    }),
    ("Conv", |call| {
        let (x, kernel) = (call.first()?, call.tensor("kernel", 1)?);
        let spatial = spatial(call, &x)?;
        let (strides, dilation) =
            (rates(call, "strides", &spatial)?, rates(call, "dilation_rate", &spatial)?);
        let padding = call.or("padding", Padding::Valid)?;
        let result = convolve(&spatial.enter(&x)?, &kernel, &strides, padding, &dilation)?;
        one(spatial.leave(&result))
    }),
    ("ConvTranspose", |call| {
        let (x, kernel) = (call.first()?, call.tensor("kernel", 1)?);
        let spatial = spatial(call, &x)?;
        let (strides, dilation) =
            (rates(call, "strides", &spatial)?, rates(call, "dilation_rate", &spatial)?);
        let output_padding = match call.get::<Sizes>("output_padding")? {
            Some(sizes) => Some(sizes.of_rank(spatial.rank)?),
            None => None,
        };
        let padding = window_padding(call)?;
        let x = spatial.enter(&x)?;
        let result =
            ops::conv_transpose(&x, &kernel, &strides, padding, output_padding.as_deref(), &dilation)?;
        one(spatial.leave(&result))
    }),
    ("DepthwiseConv", |call| {
        let (x, kernel) = (call.first()?, call.tensor("kernel", 1)?);
        let spatial = spatial(call, &x)?;
        let (strides, dilation) =
            (rates(call, "strides", &spatial)?, rates(call, "dilation_rate", &spatial)?);
        let result =
            ops::depthwise_conv(&spatial.enter(&x)?, &kernel, &strides, window_padding(call)?, &dilation)?;
        one(spatial.leave(&result))
    }),
    ("DotProductAttention", |call| {
        let (query, key, value) =
            (call.tensor("query", 0)?, call.tensor("key", 1)?, call.tensor("value", 2)?);
        let (bias, mask) = (call.optional("bias", 3)?, call.optional("mask", 4)?);
        let scale = call.plain("scale", 5)?.and_then(|tree| tree.as_f64());
        if call.get::<f64>("attn_logits_soft_cap")?.is_some() {
            return Err(Error::unsupported("`attn_logits_soft_cap`"));
        }
        let is_causal = call.or("is_causal", false)?;
        one(ops::dot_product_attention(&query, &key, &value, bias.as_ref(), mask.as_ref(), scale, is_causal))
    }),
    ("LayerNorm", layer_norm),
    ("MaxPool", |call| pool(call, ops::max_pool)),
    ("Moments", |call| {
        let axes: Axes = call.require("axes")?;
        let (mean, variance) = ops::moments(&call.first()?, axes.list(), call.keepdims()?)?;
        Ok(vec![mean, variance])
    }),
    ("Normalize", |call| {
        let x = ops::to_float(&call.first()?)?;
        let epsilon = call.or("epsilon", EPSILON)?;
        let order = call.or("order", 2.0)?;
        let axes = call.axes()?;
        if order == 2.0 {
            return one(ops::l2_normalize(&x, &axes, epsilon));
        }
        let [axis] = axes[..] else { return Err(Error::unsupported("a norm over several axes")) };
        let norm = vector_norm(&x, order, axis, true)?;
        one(ops::divide(&x, &ops::maximum(&norm, &ops::scalar(&norm, epsilon)?)?))
    }),
    ("RMSNorm", |call| {
        let (x, scale) = (call.first()?, call.optional("scale", 1)?);
        let wide = wide(&x)?;
        let axes = if call.config.contains_key("axis") { call.axes()? } else { vec![-1] };
        let mean = ops::mean(&ops::square(&wide)?, &axes, true)?;
        let mut result =
            ops::multiply(&wide, &ops::rsqrt(&ops::plus(&mean, call.or("epsilon", EPSILON)?)?)?)?;
        if let Some(scale) = scale {
            result = ops::multiply(&result, &along(&ops::cast(&scale, wide.dtype())?, &wide, &axes)?)?;
        }
        one(ops::cast(&result, x.dtype()))
    }),
    ("SeparableConv", |call| {
        let (x, depthwise) = (call.first()?, call.tensor("depthwise_kernel", 1)?);
        let pointwise = call.tensor("pointwise_kernel", 2)?;
        let spatial = spatial(call, &x)?;
        let (strides, dilation) =
            (rates(call, "strides", &spatial)?, rates(call, "dilation_rate", &spatial)?);
        let padding = window_padding(call)?;
        let x = spatial.enter(&x)?;
        one(spatial.leave(&ops::separable_conv(&x, &depthwise, &pointwise, &strides, padding, &dilation)?))
    }),
    ("SparseCategoricalCrossentropy", |call| {
        let (target, output) = (call.tensor("target", 0)?, call.tensor("output", 1)?);
        let logs = log_shares(&output, call.or("from_logits", false)?, -1, false)?;
        let mut places = ops::cast(&target, DType::Int32)?;
        if places.rank() < logs.rank() {
            places = ops::expand_dims(&places, -1)?;
        }
        let own = ops::take_along_axis(&logs, &places, -1)?;
        one(ops::negative(&ops::squeeze(&own, &[-1])?))
    }),
];

/// The spatial axes of an input.
fn spatial(call: &Call<'_>, x: &Tensor) -> Result<Spatial> {
    let rank = x.rank().checked_sub(2).ok_or_else(|| Error::mismatch("no spatial axes"))?;
    Ok(Spatial { rank, data_format: call.or("data_format", DataFormat::ChannelsLast)? })
}

/// A number for each spatial axis, 1 unless given.
fn rates(call: &Call<'_>, key: &str, spatial: &Spatial) -> Result<Vec<usize>> {
    call.or(key, Sizes::from(1))?.of_rank(spatial.rank)
}

fn window_padding(call: &Call<'_>) -> Result<ops::Padding> {
    match call.or("padding", Padding::Valid)? {
        Padding::Valid => Ok(ops::Padding::Valid),
        Padding::Same => Ok(ops::Padding::Same),
        Padding::Causal => Err(Error::unsupported("causal padding")),
    }
}

fn pool(
    call: &Call<'_>,
    function: fn(&Tensor, &[usize], &[usize], ops::Padding) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let spatial = spatial(call, &x)?;
    let sizes = call.require::<Sizes>("pool_size")?.of_rank(spatial.rank)?;
    let strides = match call.get::<Sizes>("strides")? {
        Some(strides) => strides.of_rank(spatial.rank)?,
        None => sizes.clone(),
    };
    one(spatial.leave(&function(&spatial.enter(&x)?, &sizes, &strides, window_padding(call)?)?))
}

fn adaptive(call: &Call<'_>, function: fn(&Tensor, &[usize]) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let spatial = spatial(call, &x)?;
    let sizes = call.require::<Sizes>("output_size")?.of_rank(spatial.rank)?;
    one(spatial.leave(&function(&spatial.enter(&x)?, &sizes)?))
}

/// Half-precision floats as float32, in which they are normalized.
fn wide(x: &Tensor) -> Result<Tensor> {
    match x.dtype() {
        DType::Float16 | DType::Bfloat16 => ops::cast(x, DType::Float32),
        _ => ops::to_float(x),
    }
}

/// Parameters of the sizes of some axes, spread so that they meet these axes.
fn along(parameter: &Tensor, x: &Tensor, axes: &[i64]) -> Result<Tensor> {
    let mut places = axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<Vec<_>>>()?;
    places.sort_unstable();
    if parameter.rank() == x.rank() || places == [x.rank() - 1] {
        return Ok(parameter.clone());
    }
    ops::reshape(
        parameter,
        (0..x.rank()).map(|at| if places.contains(&at) { x.size(at) } else { ops::Size::Known(1) }),
    )
}

fn layer_norm(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (x, gamma, beta) = (call.first()?, call.optional("gamma", 1)?, call.optional("beta", 2)?);
    let wide = wide(&x)?;
    let axes = if call.config.contains_key("axis") { call.axes()? } else { vec![-1] };
    let mean = ops::mean(&wide, &axes, true)?;
    let variance = ops::var(&wide, &axes, true)?;
    let factor = ops::rsqrt(&ops::plus(&variance, call.or("epsilon", EPSILON)?)?)?;
    let centered = if call.or("rms_scaling", false)? { wide.clone() } else { ops::subtract(&wide, &mean)? };
    let mut result = ops::multiply(&centered, &factor)?;
    if let Some(gamma) = gamma {
        result = ops::multiply(&result, &along(&ops::cast(&gamma, wide.dtype())?, &wide, &axes)?)?;
    }
    if let Some(beta) = beta {
        result = ops::add(&result, &along(&ops::cast(&beta, wide.dtype())?, &wide, &axes)?)?;
    }
    one(ops::cast(&result, x.dtype()))
}

fn binary_crossentropy(target: &Tensor, output: &Tensor, from_logits: bool) -> Result<Tensor> {
    if from_logits {
        // max(x, 0) - x · target + log(1 + exp(-|x|))
        let positive = ops::maximum(output, &ops::zeros_like(output)?)?;
        let log = ops::softplus(&ops::negative(&ops::absolute(output)?)?)?;
        return ops::add(&ops::subtract(&positive, &ops::multiply(output, target)?)?, &log);
    }
    let output = ops::clip(output, EPSILON, 1.0 - EPSILON)?;
    let yes = ops::multiply(target, &ops::log(&output)?)?;
    let no = ops::multiply(&ops::one_minus(target)?, &ops::log(&ops::one_minus(&output)?)?)?;
    ops::negative(&ops::add(&yes, &no)?)
}

/// The logarithms of the shares of classes.
fn log_shares(output: &Tensor, from_logits: bool, axis: i64, is_scaled: bool) -> Result<Tensor> {
    if from_logits {
        return ops::log_softmax(output, &[axis]);
    }
    if is_scaled {
        let shares = ops::divide(output, &ops::sum(output, &[axis], true)?)?;
        return ops::log(&ops::clip(&shares, EPSILON, 1.0 - EPSILON)?);
    }
    // The logarithms are taken as logits once more, as Keras does on TensorFlow.
    ops::log_softmax(&ops::log(&ops::clip(output, EPSILON, 1.0 - EPSILON)?)?, &[axis])
}
