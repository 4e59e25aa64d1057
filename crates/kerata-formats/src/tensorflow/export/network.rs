//! Products, convolutions and pools.

use kerata_core::graph::TensorSpec;
use kerata_core::ops::{Conv, ConvTranspose, Dim, Padding, Pool, PoolKind, Range};
use kerata_core::{Array, DType, Error, Result};

use super::attributes::{dtype, ints, text};
use super::elementwise::convert;
use super::shapes::strided_slice;
use super::table::{Lowering, Write};
use super::writer::{FunctionWriter, Val};
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] =
    &[("conv", conv), ("conv_transpose", conv_transpose), ("matmul", matmul), ("pool", pool)];

fn matmul(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let kind = w.output()?.dtype;
    // Small whole numbers are multiplied as the wider ones that they give.
    let mut wide = Vec::new();
    for input in w.inputs {
        let name = convert(f, input.name.clone(), input.spec.dtype, kind)?;
        wide.push(Val { name, spec: input.spec.with_dtype(kind) });
    }
    let w = &Write { inputs: &wide, ..*w };
    let (a, b) = (w.input(0)?, w.input(1)?);
    if a.spec.rank() == 2 && b.spec.rank() == 2 {
        let attributes =
            vec![("T", dtype(kind)?), ("transpose_a", Value::B(false)), ("transpose_b", Value::B(false))];
        return Ok(vec![f.node("MatMul", &[w.name(0)?, w.name(1)?], attributes)]);
    }
    if a.spec.rank() < 2 || b.spec.rank() < 2 {
        return Err(Error::unsupported("a product with a vector"));
    }
    // One matrix for all: the leading axes are joined, which is one large product instead of many small ones.
    if b.spec.rank() == 2 {
        let rank = a.spec.rank();
        let inner = a
            .spec
            .size(rank - 1)
            .map_or(Dim::Of { input: 0, axis: rank - 1 }, |size| Dim::Known(size as u64));
        let rows = reshape(f, a.name.clone(), kind, &[Dim::Infer, inner], w.inputs)?;
        let attributes =
            vec![("T", dtype(kind)?), ("transpose_a", Value::B(false)), ("transpose_b", Value::B(false))];
        let made = f.node("MatMul", &[rows, w.name(1)?], attributes);
        let mut dims: Vec<Dim> = (0..rank - 1)
            .map(|axis| a.spec.size(axis).map_or(Dim::Of { input: 0, axis }, |size| Dim::Known(size as u64)))
            .collect();
        dims.push(b.spec.size(1).map_or(Dim::Of { input: 1, axis: 1 }, |size| Dim::Known(size as u64)));
        return Ok(vec![reshape(f, made, kind, &dims, w.inputs)?]);
    }
    let attributes = vec![("T", dtype(kind)?), ("adj_x", Value::B(false)), ("adj_y", Value::B(false))];
    Ok(vec![f.node("BatchMatMulV2", &[w.name(0)?, w.name(1)?], attributes)])
}

fn reshape(
    f: &mut FunctionWriter<'_>,
    x: String,
    kind: DType,
    dims: &[Dim],
    inputs: &[Val],
) -> Result<String> {
    let shape = f.sizes(dims, inputs)?;
    Ok(f.node("Reshape", &[x, shape], vec![("T", dtype(kind)?), ("Tshape", dtype(DType::Int32)?)]))
}

/// Numbers of the spatial axes with ones for batch and channels; a single spatial axis gets a second one of size 1.
pub(super) fn windows(numbers: &[usize]) -> Value {
    let mut all = vec![1i64];
    if numbers.len() == 1 {
        all.push(1);
    }
    all.extend(numbers.iter().map(|number| *number as i64));
    all.push(1);
    ints(all)
}

pub(super) fn data_format(rank: usize) -> Value {
    text(if rank == 5 { "NDHWC" } else { "NHWC" })
}

/// A further spatial axis of size 1 before the only one.
pub(super) fn widen(f: &mut FunctionWriter<'_>, x: String, kind: DType, is_kernel: bool) -> Result<String> {
    let axis = f.scalar(if is_kernel { 0 } else { 1 })?;
    Ok(f.node("ExpandDims", &[x, axis], vec![("T", dtype(kind)?), ("Tdim", dtype(DType::Int32)?)]))
}

pub(super) fn narrow(f: &mut FunctionWriter<'_>, x: String, kind: DType) -> Result<String> {
    Ok(f.node("Squeeze", &[x], vec![("T", dtype(kind)?), ("squeeze_dims", ints([1]))]))
}

/// The input with explicit pads around it, and TensorFlow's name of the padding that is left.
pub(super) fn padded(
    f: &mut FunctionWriter<'_>,
    x: String,
    kind: DType,
    padding: &Padding,
    value: f64,
) -> Result<(String, &'static str)> {
    match padding {
        Padding::Valid => Ok((x, "VALID")),
        Padding::Same => Ok((x, "SAME")),
        Padding::Explicit(pads) => {
            let mut widths = vec![0i64, 0];
            widths.extend(pads.iter().flat_map(|(before, behind)| [*before as i64, *behind as i64]));
            widths.extend([0, 0]);
            let rows = widths.len() / 2;
            let widths = f.constant(&Array::vector(widths).cast(DType::Int32)?.reshape([rows, 2])?)?.name;
            let value = f.number(value, kind)?;
            let attributes = vec![("T", dtype(kind)?), ("Tpaddings", dtype(DType::Int32)?)];
            Ok((f.node("PadV2", &[x, widths, value], attributes), "VALID"))
        }
    }
}

fn conv(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Conv>()?;
    let (x, kernel) = (w.input(0)?, w.input(1)?);
    let kind = x.spec.dtype;
    let rank = x.spec.rank();
    let is_line = rank == 3;
    let (mut input, padding) = padded(f, x.name.clone(), kind, &op.padding, 0.0)?;
    let mut weights = kernel.name.clone();
    let channels = x.spec.known_axis(-1)?;
    // TensorFlow's kernels of depthwise convolutions want equal strides.
    let is_even = op.strides.windows(2).all(|pair| pair[0] == pair[1]);
    let is_depthwise = op.groups == channels && op.groups > 1 && rank <= 4 && is_even;
    let mut dilation = op.dilation.clone();
    if is_depthwise {
        // (…, 1, channels · multiplier) as (…, channels, multiplier).
        let mut dims = known(&kernel.spec, rank - 2)?;
        let filters = kernel.spec.known_axis(-1)?;
        dims.extend([Dim::Known(channels as u64), Dim::Known((filters / channels) as u64)]);
        weights = reshape(f, weights, kind, &dims, &[])?;
        // The kernels of TensorFlow know no dilation here: the gaps are put into the weights.
        if dilation.iter().any(|step| *step > 1) {
            weights = dilated(f, weights, &dims, &dilation, kind)?;
            dilation = vec![1; dilation.len()];
        }
    }
    if is_line {
        input = widen(f, input, kind, false)?;
        weights = widen(f, weights, kind, true)?;
    }
    let name = match (rank, is_depthwise) {
        (5, _) => "Conv3D",
        (_, true) => "DepthwiseConv2dNative",
        (_, false) => "Conv2D",
    };
    let mut strides = op.strides.clone();
    if is_line && is_depthwise {
        // Both strides must be equal; along the axis of size 1 any stride is the same.
        strides = vec![strides.first().copied().unwrap_or(1); 2];
    }
    let attributes = vec![
        ("T", dtype(kind)?),
        (
            "strides",
            if is_line && is_depthwise {
                ints([1, strides[0] as i64, strides[0] as i64, 1])
            } else {
                windows(&strides)
            },
        ),
        ("padding", text(padding)),
        ("data_format", data_format(rank)),
        ("dilations", windows(&dilation)),
    ];
    let made = if rank == 5 {
        in_groups(f, kind, [input, weights], op.groups, |f, inputs| {
            f.node(name, &inputs, attributes.clone())
        })?
    } else {
        f.node(name, &[input, weights], attributes)
    };
    Ok(vec![if is_line { narrow(f, made, kind)? } else { made }])
}

/// A convolution of three axes over each part of the channels, which TensorFlow cannot do at once: both inputs are parted
/// along their last axis, and so are the results.
pub(super) fn in_groups(
    f: &mut FunctionWriter<'_>,
    kind: DType,
    inputs: [String; 2],
    groups: usize,
    part: impl Fn(&mut FunctionWriter<'_>, [String; 2]) -> String,
) -> Result<String> {
    if groups == 1 {
        return Ok(part(f, inputs));
    }
    let last = f.scalar(4)?;
    let parted = vec![("T", dtype(kind)?), ("num_split", Value::I(groups as i64))];
    let [a, b] = inputs.map(|input| f.add("Split", &[last.clone(), input], parted.clone()));
    let mut parts: Vec<String> = (0..groups)
        .map(|group| part(f, [format!("{a}:output:{group}"), format!("{b}:output:{group}")]))
        .collect();
    parts.push(last);
    let attributes =
        vec![("N", Value::I(groups as i64)), ("T", dtype(kind)?), ("Tidx", dtype(DType::Int32)?)];
    Ok(f.node("ConcatV2", &parts, attributes))
}

/// The input of a padded one: what [`padded`] has put around is cut off.
pub(super) fn inside(
    f: &mut FunctionWriter<'_>,
    x: String,
    kind: DType,
    padding: &Padding,
) -> Result<String> {
    let Padding::Explicit(pads) = padding else { return Ok(x) };
    let cut = pads.iter().map(|(before, behind)| Range {
        start: Some(*before as i64),
        stop: (*behind > 0).then(|| -(*behind as i64)),
        step: 1,
    });
    let mut ranges = vec![Range::ALL];
    ranges.extend(cut);
    ranges.push(Range::ALL);
    strided_slice(f, x, kind, &ranges)
}

/// What is around a maximum: less than anything.
pub(super) fn lowest(kind: DType) -> f64 {
    if kind == DType::Float16 { -65504.0 } else { f64::from(f32::MIN) }
}

/// Known sizes of the first axes.
fn known(spec: &TensorSpec, count: usize) -> Result<Vec<Dim>> {
    (0..count).map(|axis| Ok(Dim::Known(spec.known_axis(axis as i64)? as u64))).collect()
}

/// Weights with zeros between them along the spatial axes.
fn dilated(
    f: &mut FunctionWriter<'_>,
    weights: String,
    dims: &[Dim],
    dilation: &[usize],
    kind: DType,
) -> Result<String> {
    let size = |dim: &Dim| match dim {
        Dim::Known(size) => *size,
        _ => 1,
    };
    let spatial = dilation.len();
    // (h, w, …) as (h, 1, w, 1, …), padded to (h, d, w, d, …), joined to (h · d, w · d, …), cut to h · d - d + 1.
    let mut apart = Vec::new();
    let mut widths: Vec<i64> = Vec::new();
    let mut joined = Vec::new();
    let mut ranges = Vec::new();
    for (axis, dim) in dims.iter().enumerate() {
        apart.push(*dim);
        widths.extend([0, 0]);
        let Some(step) = dilation.get(axis).filter(|_| axis < spatial) else {
            joined.push(*dim);
            ranges.push(Range::ALL);
            continue;
        };
        apart.push(Dim::Known(1));
        widths.extend([0, *step as i64 - 1]);
        joined.push(Dim::Known(size(dim) * *step as u64));
        ranges.push(Range::to(((size(dim) - 1) * *step as u64 + 1) as i64));
    }
    let cut = reshape(f, weights, kind, &apart, &[])?;
    let rows = widths.len() / 2;
    let widths = f.constant(&Array::vector(widths).cast(DType::Int32)?.reshape([rows, 2])?)?.name;
    let padded =
        f.node("Pad", &[cut, widths], vec![("T", dtype(kind)?), ("Tpaddings", dtype(DType::Int32)?)]);
    let whole = reshape(f, padded, kind, &joined, &[])?;
    strided_slice(f, whole, kind, &ranges)
}

fn conv_transpose(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<ConvTranspose>()?;
    let (x, kernel) = (w.input(0)?, w.input(1)?);
    let (kind, rank) = (x.spec.dtype, x.spec.rank());
    // Explicit pads are cut off the result of one without.
    let (padding, cut) = match &op.padding {
        Padding::Valid => ("VALID", None),
        Padding::Same => ("SAME", None),
        Padding::Explicit(pads) => ("VALID", Some(pads)),
    };
    let is_line = rank == 3;
    let mut sizes = Vec::new();
    for axis in 0..rank {
        let axis_pads = axis.checked_sub(1).and_then(|at| cut?.get(at));
        let more = axis_pads.map_or(0, |(before, behind)| (before + behind) as i64);
        sizes.push(match (w.output()?.size(axis), w.inputs.get(2)) {
            (Some(size), _) => f.scalar(size as i64 + more)?,
            (None, Some(like)) if more == 0 => f.size_of(like, axis)?,
            (None, Some(like)) => {
                let (size, more) = (f.size_of(like, axis)?, f.scalar(more)?);
                f.node("AddV2", &[size, more], vec![("T", dtype(DType::Int32)?)])
            }
            (None, None) if axis == 0 => f.size_of(x, 0)?,
            (None, None) => return Err(Error::unsupported("a transposed convolution of unknown size")),
        });
    }
    let (mut input, mut weights) = (x.name.clone(), kernel.name.clone());
    if is_line {
        sizes.insert(1, f.scalar(1)?);
        input = widen(f, input, kind, false)?;
        weights = widen(f, weights, kind, true)?;
    }
    if rank == 5 && op.groups > 1 {
        let channels = w.output()?.known_axis(-1)? / op.groups;
        let last = f.scalar(channels as i64)?;
        sizes.pop();
        sizes.push(last);
    }
    let packed =
        vec![("N", Value::I(sizes.len() as i64)), ("T", dtype(DType::Int32)?), ("axis", Value::I(0))];
    let sizes = f.node("Pack", &sizes, packed);
    let attributes = vec![
        ("T", dtype(kind)?),
        ("strides", windows(&op.strides)),
        ("padding", text(padding)),
        ("data_format", data_format(rank)),
        ("dilations", windows(&op.dilation)),
    ];
    let made = if rank == 5 {
        in_groups(f, kind, [input, weights], op.groups, |f, [input, weights]| {
            f.node("Conv3DBackpropInputV2", &[sizes.clone(), weights, input], attributes.clone())
        })?
    } else {
        f.node("Conv2DBackpropInput", &[sizes, weights, input], attributes)
    };
    let made = if is_line { narrow(f, made, kind)? } else { made };
    Ok(vec![inside(f, made, kind, &op.padding)?])
}

fn pool(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Pool>()?;
    let x = w.input(0)?;
    let kind = x.spec.dtype;
    let rank = x.spec.rank();
    let is_max = op.kind == PoolKind::Max;
    if !is_max && matches!(op.padding, Padding::Explicit(_)) {
        return Err(Error::unsupported("an average pool with explicit pads"));
    }
    let (mut input, padding) = padded(f, x.name.clone(), kind, &op.padding, lowest(kind))?;
    let is_line = rank == 3;
    if is_line {
        input = widen(f, input, kind, false)?;
    }
    let attributes = vec![
        ("T", dtype(kind)?),
        ("ksize", windows(&op.sizes)),
        ("strides", windows(&op.strides)),
        ("padding", text(padding)),
        ("data_format", data_format(rank)),
    ];
    let name = match (is_max, rank) {
        (true, 5) => "MaxPool3D",
        (true, _) => "MaxPool",
        (false, 5) => "AvgPool3D",
        (false, _) => "AvgPool",
    };
    let made = f.node(name, &[input], attributes);
    Ok(vec![if is_line { narrow(f, made, kind)? } else { made }])
}
