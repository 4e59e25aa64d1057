//! Layers' ops: convolutions, pools, normalization, activations.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Padding, PoolKind, scalar};
use kerata_core::{Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("AvgPool", |c| pool(c, PoolKind::Average)),
    ("AvgPool3D", |c| pool(c, PoolKind::Average)),
    ("BiasAdd", bias_add),
    ("BiasAddV1", |c| c.binary(ops::add)),
    ("Conv2D", |c| conv(c, false)),
    ("Conv2DBackpropInput", conv_transpose),
    ("Conv3D", |c| conv(c, false)),
    ("Conv3DBackpropInputV2", conv_transpose),
    ("DepthwiseConv2dNative", |c| conv(c, true)),
    ("Elu", |c| c.unary(|x| ops::elu(x, 1.0))),
    ("FusedBatchNorm", batch_norm),
    ("FusedBatchNormV2", batch_norm),
    ("FusedBatchNormV3", batch_norm),
    ("L2Loss", |c| c.one(ops::times(&ops::sum(&ops::square(c.tensor(0)?)?, &[], false)?, 0.5)?)),
    ("LRN", local_response),
    ("LeakyRelu", |c| c.unary(|x| ops::leaky_relu(x, f64::from(c.float("alpha", 0.2))))),
    ("LogSoftmax", |c| c.unary(|x| ops::log_softmax(x, &[-1]))),
    ("MaxPool", |c| pool(c, PoolKind::Max)),
    ("MaxPool3D", |c| pool(c, PoolKind::Max)),
    ("MaxPoolV2", |c| pool(c, PoolKind::Max)),
    ("Relu", |c| c.unary(ops::relu)),
    ("Relu6", |c| c.unary(ops::relu6)),
    ("Selu", |c| c.unary(ops::selu)),
    ("Softmax", |c| c.unary(|x| ops::softmax(x, &[-1]))),
    ("Softplus", |c| c.unary(ops::softplus)),
    ("Softsign", |c| c.unary(ops::softsign)),
];

/// With the channels last.
fn channels_last(c: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    if c.channels_last() { Ok(x.clone()) } else { ops::moveaxis(x, &[1], &[-1]) }
}

/// With the channels where the node has them.
fn back(c: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    if c.channels_last() { Ok(x.clone()) } else { ops::moveaxis(x, &[-1], &[1]) }
}

/// The entries of a list of one number an axis that belong to the spatial axes.
fn spatial(c: &Call<'_>, name: &str, rank: usize) -> Result<Vec<usize>> {
    let list = c.ints(name);
    if list.is_empty() {
        return Ok(vec![1; rank.saturating_sub(2)]);
    }
    let first = if c.channels_last() { 1 } else { 2 };
    let part = list.get(first..first + rank.saturating_sub(2));
    let part =
        part.ok_or_else(|| Error::corrupt(format!("attribute `{name}` has {} numbers", list.len())))?;
    part.iter()
        .map(|n| usize::try_from(*n).map_err(|_| Error::corrupt(format!("attribute `{name}` is negative"))))
        .collect()
}

fn padding(c: &Call<'_>, rank: usize) -> Result<Padding> {
    match c.text("padding", "VALID") {
        "VALID" => Ok(Padding::Valid),
        "SAME" => Ok(Padding::Same),
        "EXPLICIT" => {
            let list = c.ints("explicit_paddings");
            let first = if c.channels_last() { 2 } else { 4 };
            let part = list.get(first..first + 2 * rank.saturating_sub(2));
            let part: Option<Vec<usize>> =
                part.and_then(|part| part.iter().map(|pad| usize::try_from(*pad).ok()).collect());
            let part = part.ok_or_else(|| Error::corrupt("explicit pads that are negative or missing"))?;
            Ok(Padding::Explicit(part.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()))
        }
        other => Err(Error::corrupt(format!("padding `{other}`"))),
    }
}

fn conv(c: &Call<'_>, is_depthwise: bool) -> Outputs {
    let x = channels_last(c, c.tensor(0)?)?;
    let kernel = c.tensor(1)?;
    let rank = x.rank();
    let (strides, dilation) = (spatial(c, "strides", rank)?, spatial(c, "dilations", rank)?);
    let function = if is_depthwise { ops::depthwise_conv } else { ops::conv };
    c.one(back(c, &function(&x, kernel, &strides, padding(c, rank)?, &dilation)?)?)
}

/// `input_sizes, filter, out_backprop`: the convolution whose output the last one was.
fn conv_transpose(c: &Call<'_>) -> Outputs {
    let x = channels_last(c, c.tensor(2)?)?;
    let kernel = c.tensor(1)?;
    let rank = x.rank();
    let (strides, dilation) = (spatial(c, "strides", rank)?, spatial(c, "dilations", rank)?);
    let padding = padding(c, rank)?;
    let mut made = ops::conv_transpose(&x, kernel, &strides, padding.clone(), None, &dilation)?;
    let first = if c.channels_last() { 1 } else { 2 };
    let asked: Vec<Option<i64>> =
        c.elements(0)?.unwrap_or_default().iter().map(super::value::Element::known).collect();
    let asked: Option<Vec<i64>> =
        asked.get(first..first + rank - 2).and_then(|part| part.iter().copied().collect());
    let sizes: Option<Vec<i64>> =
        (1..rank - 1).map(|axis| made.spec().size(axis).map(|size| size as i64)).collect();
    if let (Some(asked), Some(sizes)) = (asked, sizes)
        && asked != sizes
    {
        // Keras's `output_padding`: what is asked for beyond the least that the windows reach.
        let extra = (0..rank - 2).map(|axis| {
            let span = (kernel.spec().known_axis(axis as i64)? as i64 - 1)
                * dilation.get(axis).copied().unwrap_or(1) as i64
                + 1;
            let steps = (x.spec().known_axis(axis as i64 + 1)? as i64 - 1)
                * strides.get(axis).copied().unwrap_or(1) as i64;
            let least = if padding == Padding::Same { steps + span - 2 * (span / 2) } else { steps + span };
            let asked = asked.get(axis).copied().unwrap_or(least);
            usize::try_from(asked - least)
                .map_err(|_| Error::unsupported("a transposed convolution of this size"))
        });
        let extra = extra.collect::<Result<Vec<_>>>()?;
        made = ops::conv_transpose(&x, kernel, &strides, padding, Some(&extra), &dilation)?;
    }
    c.one(back(c, &made)?)
}

fn pool(c: &Call<'_>, kind: PoolKind) -> Outputs {
    let x = channels_last(c, c.tensor(0)?)?;
    let (sizes, strides) = (spatial(c, "ksize", x.rank())?, spatial(c, "strides", x.rank())?);
    let function = if kind == PoolKind::Max { ops::max_pool } else { ops::average_pool };
    c.one(back(c, &function(&x, &sizes, &strides, padding(c, x.rank())?)?)?)
}

fn bias_add(c: &Call<'_>) -> Outputs {
    let (x, bias) = (c.tensor(0)?, c.tensor(1)?);
    if c.channels_last() {
        return c.one(ops::add(x, bias)?);
    }
    c.one(back(c, &ops::add(&channels_last(c, x)?, bias)?)?)
}

fn batch_norm(c: &Call<'_>) -> Outputs {
    let x = channels_last(c, c.tensor(0)?)?;
    let (scale, offset) = (c.tensor(1)?, c.tensor(2)?);
    let epsilon = f64::from(c.float("epsilon", 1e-4));
    let axes: Vec<i64> = (0..x.rank() as i64 - 1).collect();
    let (mean, variance) = if c.flag("is_training", true) {
        let (mean, variance) = ops::moments(&x, &axes, false)?;
        (mean, variance)
    } else {
        (c.tensor(3)?.clone(), c.tensor(4)?.clone())
    };
    let wide = ops::cast(&x, mean.dtype())?;
    let y = ops::batch_normalization(&wide, &mean, &variance, -1, Some(offset), Some(scale), epsilon)?;
    let y = back(c, &ops::cast(&y, x.dtype())?)?;
    let statistics = [y, mean.clone(), variance.clone(), mean, variance.clone(), variance];
    Ok(statistics.into_iter().map(Value::of).collect())
}

/// Divides by the squares of the neighboring channels.
fn local_response(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let radius =
        usize::try_from(c.int("depth_radius", 5)).map_err(|_| Error::corrupt("a negative radius"))?;
    let channels = x.spec().known_axis(-1)?;
    let squares = ops::square(x)?;
    let mut widths = vec![(0, 0); x.rank()];
    if let Some(last) = widths.last_mut() {
        *last = (radius, radius);
    }
    let padded = ops::pad(&squares, &widths, ops::PadMode::Constant, 0.0)?;
    let mut sum = None;
    for start in 0..=2 * radius as i64 {
        let part = ops::slice_axis(&padded, -1, ops::Range::new(start, start + channels as i64))?;
        sum = Some(match sum {
            None => part,
            Some(sum) => ops::add(&sum, &part)?,
        });
    }
    let sum = sum.ok_or_else(|| Error::internal("at least one channel"))?;
    let base =
        ops::plus(&ops::times(&sum, f64::from(c.float("alpha", 1.0)))?, f64::from(c.float("bias", 1.0)))?;
    let power = ops::power(&base, &scalar(&base, f64::from(c.float("beta", 0.5)))?)?;
    c.one(ops::divide(x, &power)?)
}
