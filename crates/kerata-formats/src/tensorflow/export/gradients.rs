//! What gradients need: sums to a shape, and gradients of convolutions and pools.

use kerata_core::ops::{ConvKernelGradient, Dim, Padding, PoolGradient, PoolKind, ScatterAlongAxis, Unslice};
use kerata_core::{DType, Error, Result};

use super::attributes::{dtype, ints, text};
use super::elementwise::convert;
use super::network::{data_format, in_groups, inside, lowest, narrow, padded, widen, windows};
use super::shapes::slice_slots;
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("conv_kernel_gradient", conv_kernel_gradient),
    ("pool_gradient", pool_gradient),
    ("scatter_along_axis", scatter_along_axis),
    ("split_like", split_like),
    ("sum_like", sum_like),
    ("unslice", unslice),
];

fn sum_like(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let (x, like) = (w.input(0)?, w.input(1)?);
    let kind = x.spec.dtype;
    let (from, to) = (f.shape_of(x)?, f.shape_of(like)?);
    let node = f.add("BroadcastGradientArgs", &[from, to.clone()], vec![("T", dtype(DType::Int32)?)]);
    let attributes =
        vec![("T", dtype(kind)?), ("Tidx", dtype(DType::Int32)?), ("keep_dims", Value::B(false))];
    // The axes along which `like` was stretched to the shape of `x`.
    let sum = f.node("Sum", &[x.name.clone(), format!("{node}:r1:0")], attributes);
    Ok(vec![f.node("Reshape", &[sum, to], vec![("T", dtype(kind)?), ("Tshape", dtype(DType::Int32)?)])])
}

/// The places as rows of ones and zeros, times what is added, summed over the places.
fn scatter_along_axis(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<ScatterAlongAxis>()?;
    let (x, places) = (w.input(0)?, w.input(1)?);
    let kind = x.spec.dtype;
    let depth = match op.size {
        Dim::Known(size) => f.scalar(size as i64)?,
        Dim::Of { input, axis } => f.size_of(w.input(input)?, axis)?,
        Dim::Infer => return Err(Error::internal("a size that is left over")),
    };
    let (one, zero) = (f.number(1.0, kind)?, f.number(0.0, kind)?);
    let at = convert(f, places.name.clone(), places.spec.dtype, DType::Int64)?;
    let attributes = vec![("T", dtype(kind)?), ("TI", dtype(DType::Int64)?), ("axis", Value::I(-1))];
    let rows = f.node("OneHot", &[at, depth, one, zero], attributes);
    let last = f.scalar(-1)?;
    let attributes = vec![("T", dtype(kind)?), ("Tdim", dtype(DType::Int32)?)];
    let added = f.node("ExpandDims", &[x.name.clone(), last], attributes);
    let rows = f.node("Mul", &[rows, added], vec![("T", dtype(kind)?)]);
    let axis = f.vector(&[op.axis as i64])?;
    let attributes =
        vec![("T", dtype(kind)?), ("Tidx", dtype(DType::Int32)?), ("keep_dims", Value::B(false))];
    let sum = f.node("Sum", &[rows, axis], attributes);
    let rank = x.spec.rank() as i64;
    let mut order: Vec<i64> = (0..rank - 1).collect();
    order.insert(op.axis, rank - 1);
    let order = f.vector(&order)?;
    Ok(vec![f.node("Transpose", &[sum, order], vec![("T", dtype(kind)?), ("Tperm", dtype(DType::Int32)?)])])
}

fn split_like(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let axis = w.number("axis")?;
    let place = usize::try_from(axis).map_err(|_| Error::internal("an axis"))?;
    let count = w.outputs.len() as i64;
    let mut sizes = Vec::new();
    for like in w.inputs.get(1..).unwrap_or(&[]) {
        sizes.push(f.size_of(like, place)?);
    }
    let packed = vec![("N", Value::I(count)), ("T", dtype(DType::Int32)?), ("axis", Value::I(0))];
    let sizes = f.node("Pack", &sizes, packed);
    let axis = f.scalar(axis)?;
    let attributes = vec![
        ("T", dtype(w.output()?.dtype)?),
        ("Tlen", dtype(DType::Int32)?),
        ("num_split", Value::I(count)),
    ];
    let node = f.add("SplitV", &[w.name(0)?, sizes, axis], attributes);
    Ok((0..count).map(|at| format!("{node}:output:{at}")).collect())
}

fn conv_kernel_gradient(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<ConvKernelGradient>()?;
    let (x, kernel) = (w.input(0)?, w.input(2)?);
    let (kind, rank) = (x.spec.dtype, x.spec.rank());
    let is_line = rank == 3;
    let (mut input, padding) = padded(f, x.name.clone(), kind, &op.padding, 0.0)?;
    let mut grad = w.name(1)?;
    if is_line {
        input = widen(f, input, kind, false)?;
        grad = widen(f, grad, kind, false)?;
    }
    let mut sizes: Vec<i64> = kernel.spec.sizes()?.into_iter().map(|size| size as i64).collect();
    if is_line {
        sizes.insert(0, 1);
    }
    let attributes = vec![
        ("T", dtype(kind)?),
        ("strides", windows(&op.strides)),
        ("padding", text(padding)),
        ("data_format", data_format(rank)),
        ("dilations", windows(&op.dilation)),
    ];
    if rank == 5 {
        if let Some(last) = sizes.last_mut() {
            *last /= op.groups as i64;
        }
        let sizes = f.vector(&sizes)?;
        // A part of the filters is that of a part of the channels.
        let made = in_groups(f, kind, [input, grad], op.groups, |f, [x, grad]| {
            f.node("Conv3DBackpropFilterV2", &[x, sizes.clone(), grad], attributes.clone())
        })?;
        return Ok(vec![made]);
    }
    let sizes = f.vector(&sizes)?;
    let made = f.node("Conv2DBackpropFilter", &[input, sizes, grad], attributes);
    if !is_line {
        return Ok(vec![made]);
    }
    Ok(vec![f.node("Squeeze", &[made], vec![("T", dtype(kind)?), ("squeeze_dims", ints([0]))])])
}

fn pool_gradient(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<PoolGradient>()?;
    let x = w.input(0)?;
    let (kind, rank) = (x.spec.dtype, x.spec.rank());
    let (is_line, is_max) = (rank == 3, op.kind == PoolKind::Max);
    if !is_max && matches!(op.padding, Padding::Explicit(_)) {
        return Err(Error::unsupported("an average pool with explicit pads"));
    }
    let (mut input, padding) = padded(f, x.name.clone(), kind, &op.padding, lowest(kind))?;
    let mut grad = w.name(1)?;
    if is_line {
        input = widen(f, input, kind, false)?;
        grad = widen(f, grad, kind, false)?;
    }
    let mut attributes = vec![
        ("T", dtype(kind)?),
        ("ksize", windows(&op.sizes)),
        ("strides", windows(&op.strides)),
        ("padding", text(padding)),
        ("data_format", data_format(rank)),
    ];
    let made = if is_max {
        let (forward, back) =
            if rank == 5 { ("MaxPool3D", "MaxPool3DGrad") } else { ("MaxPool", "MaxPoolGrad") };
        let pooled = f.node(forward, std::slice::from_ref(&input), attributes.clone());
        if rank == 5 {
            attributes.push(("TInput", dtype(kind)?));
        }
        f.node(back, &[input, pooled, grad], attributes)
    } else {
        let back = if rank == 5 { "AvgPool3DGrad" } else { "AvgPoolGrad" };
        let shape = f.node("Shape", &[input], vec![("T", dtype(kind)?), ("out_type", dtype(DType::Int32)?)]);
        f.node(back, &[shape, grad], attributes)
    };
    let made = if is_line { narrow(f, made, kind)? } else { made };
    Ok(vec![inside(f, made, kind, &op.padding)?])
}

/// Zeros with a tensor where a slice lies: TensorFlow's own way back of a slice.
fn unslice(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let shape = f.shape_of(w.input(1)?)?;
    let (slots, attributes) = slice_slots(f, &w.op::<Unslice>()?.ranges)?;
    let [begin, end, step] = slots;
    let mut all = vec![("T", dtype(w.output()?.dtype)?)];
    all.extend(attributes);
    Ok(vec![f.node("StridedSliceGrad", &[shape, begin, end, step, w.name(0)?], all)])
}
