//! Shapes: reshape, broadcast, slice, pad, and tensors made of sizes.

use kerata_core::ops::{BroadcastTo, Full, Iota, Pad, Range, Reshape, Slice, Split};
use kerata_core::{Array, DType, Result};

use super::attributes::{Attribute, dtype};
use super::elementwise::convert;
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("broadcast_shape", |f, w| with_shape(f, w, "BroadcastTo", "Tidx")),
    ("broadcast_to", broadcast_to),
    ("concat", concat),
    ("full", full),
    ("iota", iota),
    ("pad", pad),
    ("range", range),
    ("reshape", reshape),
    ("reshape_to", |f, w| with_shape(f, w, "Reshape", "Tshape")),
    ("shape_of", shape_of),
    ("slice", slice),
    ("split", split),
    ("stop_gradient", |f, w| {
        Ok(vec![f.node("StopGradient", &[w.name(0)?], vec![("T", dtype(w.output()?.dtype)?)])])
    }),
    ("transpose", transpose),
];

fn reshape(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let shape = f.sizes(&w.op::<Reshape>()?.dims, w.inputs)?;
    let attributes = vec![("T", dtype(w.output()?.dtype)?), ("Tshape", dtype(DType::Int32)?)];
    Ok(vec![f.node("Reshape", &[w.name(0)?, shape], attributes)])
}

fn broadcast_to(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let shape = f.sizes(&w.op::<BroadcastTo>()?.dims, w.inputs)?;
    let attributes = vec![("T", dtype(w.output()?.dtype)?), ("Tidx", dtype(DType::Int32)?)];
    Ok(vec![f.node("BroadcastTo", &[w.name(0)?, shape], attributes)])
}

fn with_shape(
    f: &mut FunctionWriter<'_>,
    w: &Write<'_>,
    op: &str,
    kind: &'static str,
) -> Result<Vec<String>> {
    let attributes = vec![("T", dtype(w.output()?.dtype)?), (kind, dtype(w.input(1)?.spec.dtype)?)];
    Ok(vec![f.node(op, &[w.name(0)?, w.name(1)?], attributes)])
}

fn concat(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let mut inputs: Vec<String> = w.inputs.iter().map(|input| input.name.clone()).collect();
    if inputs.len() == 1 {
        return Ok(inputs);
    }
    let attributes = vec![
        ("N", Value::I(inputs.len() as i64)),
        ("T", dtype(w.output()?.dtype)?),
        ("Tidx", dtype(DType::Int32)?),
    ];
    inputs.push(f.scalar(w.number("axis")?)?);
    Ok(vec![f.node("ConcatV2", &inputs, attributes)])
}

fn full(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Full>()?;
    let shape = f.sizes(&op.dims, w.inputs)?;
    let value = f.number(op.value, op.dtype)?;
    let attributes = vec![("T", dtype(op.dtype)?), ("index_type", dtype(DType::Int32)?)];
    Ok(vec![f.node("Fill", &[shape, value], attributes)])
}

fn iota(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Iota>()?;
    let sizes = f.sizes(&[op.size], w.inputs)?;
    // One element of a vector as a scalar.
    let empty = f.constant(&Array::vector(Vec::<i32>::new()))?.name;
    let attributes = vec![("T", dtype(DType::Int32)?), ("Tshape", dtype(DType::Int32)?)];
    let size = f.node("Reshape", &[sizes, empty], attributes);
    let (zero, one) = (f.scalar(0)?, f.scalar(1)?);
    let made = f.node("Range", &[zero, size, one], vec![("Tidx", dtype(DType::Int32)?)]);
    Ok(vec![convert(f, made, DType::Int32, op.dtype)?])
}

fn range(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let attributes = vec![("Tidx", dtype(w.output()?.dtype)?)];
    Ok(vec![f.node("Range", &[w.name(0)?, w.name(1)?, w.name(2)?], attributes)])
}

fn pad(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Pad>()?;
    let kind = w.output()?.dtype;
    let widths: Vec<i64> =
        op.widths.iter().flat_map(|(before, behind)| [*before as i64, *behind as i64]).collect();
    let widths = Array::vector(widths).cast(DType::Int32)?.reshape([op.widths.len(), 2])?;
    let widths = f.constant(&widths)?.name;
    let value = f.number(op.value, kind)?;
    let attributes = vec![("T", dtype(kind)?), ("Tpaddings", dtype(DType::Int32)?)];
    Ok(vec![f.node("PadV2", &[w.name(0)?, widths, value], attributes)])
}

fn shape_of(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let to = w.output()?.dtype;
    if to == DType::Int32 {
        return Ok(vec![f.shape_of(w.input(0)?)?]);
    }
    let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("out_type", dtype(DType::Int64)?)];
    let made = f.node("Shape", &[w.name(0)?], attributes);
    Ok(vec![convert(f, made, DType::Int64, to)?])
}

fn slice(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let ranges = &w.op::<Slice>()?.ranges;
    strided_slice(f, w.name(0)?, w.output()?.dtype, ranges).map(|name| vec![name])
}

/// `x[start:stop:step, ...]`.
pub fn strided_slice(f: &mut FunctionWriter<'_>, x: String, kind: DType, ranges: &[Range]) -> Result<String> {
    let ([begin, end, step], attributes) = slice_slots(f, ranges)?;
    let mut all = vec![("T", dtype(kind)?)];
    all.extend(attributes);
    Ok(f.node("StridedSlice", &[x, begin, end, step], all))
}

/// Begin, end and step of a slice as inputs of a node, and the attributes that say which of them are open.
pub fn slice_slots(f: &mut FunctionWriter<'_>, ranges: &[Range]) -> Result<([String; 3], Vec<Attribute>)> {
    let mask = |is_open: fn(&Range) -> bool| {
        ranges
            .iter()
            .enumerate()
            .filter(|(_, range)| is_open(range))
            .fold(0i64, |mask, (at, _)| mask | 1 << at)
    };
    let begin: Vec<i64> = ranges.iter().map(|range| range.start.unwrap_or(0)).collect();
    let end: Vec<i64> = ranges.iter().map(|range| range.stop.unwrap_or(0)).collect();
    let step: Vec<i64> = ranges.iter().map(|range| range.step).collect();
    let slots = [f.vector(&begin)?, f.vector(&end)?, f.vector(&step)?];
    let attributes = vec![
        ("Index", dtype(DType::Int32)?),
        ("begin_mask", Value::I(mask(|range| range.start.is_none()))),
        ("end_mask", Value::I(mask(|range| range.stop.is_none()))),
        ("ellipsis_mask", Value::I(0)),
        ("new_axis_mask", Value::I(0)),
        ("shrink_axis_mask", Value::I(0)),
    ];
    Ok((slots, attributes))
}

fn split(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Split>()?;
    let sizes: Vec<i64> = op.sizes.iter().map(|size| *size as i64).collect();
    let (sizes, axis) = (f.vector(&sizes)?, f.scalar(op.axis as i64)?);
    let attributes = vec![
        ("T", dtype(w.input(0)?.spec.dtype)?),
        ("Tlen", dtype(DType::Int32)?),
        ("num_split", Value::I(op.sizes.len() as i64)),
    ];
    let node = f.add("SplitV", &[w.name(0)?, sizes, axis], attributes);
    Ok((0..op.sizes.len()).map(|at| format!("{node}:output:{at}")).collect())
}

fn transpose(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let order = f.vector(&w.numbers("order")?)?;
    let attributes = vec![("T", dtype(w.output()?.dtype)?), ("Tperm", dtype(DType::Int32)?)];
    Ok(vec![f.node("Transpose", &[w.name(0)?, order], attributes)])
}
