//! What gradients need: sums to a shape, and gradients of convolutions and pools.

use kerata_core::ops::{ConvKernelGradient, Dim, Padding, PoolGradient, PoolKind, ScatterAlongAxis};
use kerata_core::{DType, Error, Result};

use super::attributes::{dtype, text};
use super::elementwise::convert;
use super::network::{data_format, windows};
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("conv_kernel_gradient", conv_kernel_gradient),
    ("pool_gradient", pool_gradient),
    ("scatter_along_axis", scatter_along_axis),
    ("split_like", split_like),
    ("sum_like", sum_like),
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
    let kind = x.spec.dtype;
    let padding = plain_padding(&op.padding, x.spec.rank())?;
    if op.groups != 1 {
        return Err(Error::unsupported("the gradient of a convolution in groups"));
    }
    let sizes = f.shape_of(kernel)?;
    let attributes = vec![
        ("T", dtype(kind)?),
        ("strides", windows(&op.strides)),
        ("padding", text(padding)),
        ("data_format", data_format(4)),
        ("dilations", windows(&op.dilation)),
        ("use_cudnn_on_gpu", Value::B(true)),
    ];
    Ok(vec![f.node("Conv2DBackpropFilter", &[x.name.clone(), sizes, w.name(1)?], attributes)])
}

fn pool_gradient(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<PoolGradient>()?;
    let x = w.input(0)?;
    let kind = x.spec.dtype;
    let padding = plain_padding(&op.padding, x.spec.rank())?;
    let attributes = || -> Result<Vec<_>> {
        Ok(vec![
            ("T", dtype(kind)?),
            ("ksize", windows(&op.sizes)),
            ("strides", windows(&op.strides)),
            ("padding", text(padding)),
            ("data_format", data_format(4)),
        ])
    };
    if op.kind == PoolKind::Max {
        let pooled = f.node("MaxPool", std::slice::from_ref(&x.name), attributes()?);
        return Ok(vec![f.node("MaxPoolGrad", &[x.name.clone(), pooled, w.name(1)?], attributes()?)]);
    }
    let shape = f.shape_of(x)?;
    Ok(vec![f.node("AvgPoolGrad", &[shape, w.name(1)?], attributes()?)])
}

fn plain_padding(padding: &Padding, rank: usize) -> Result<&'static str> {
    match (padding, rank) {
        (Padding::Valid, 4) => Ok("VALID"),
        (Padding::Same, 4) => Ok("SAME"),
        _ => {
            Err(Error::unsupported("the gradient of a window over one or three axes, or with explicit pads"))
        }
    }
}
