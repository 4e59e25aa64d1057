//! Elements put, or added, where places say; and the places of what is true.

use kerata_core::ops::{Dim, IndexAdd, ScatterMode, ScatterNd};
use kerata_core::{Array, DType, Error, Result};

use super::arrays::index_type;
use super::attributes::dtype;
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("index_add", index_add),
    ("nonzero", |f, w| Ok(vec![f.node("Where", &[w.name(0)?], vec![("T", dtype(DType::Bool)?)])])),
    ("scatter_nd", scatter_nd),
    ("slice_update", slice_update),
];

/// Sums by place along the first axis; another axis is brought there and back.
fn index_add(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<IndexAdd>()?;
    let kind = w.output()?.dtype;
    let places = index_type(f, w.input(1)?)?;
    let count = match op.size {
        Dim::Known(size) => f.scalar(size as i64)?,
        Dim::Of { input, axis } => f.size_of(w.input(input)?, axis)?,
        Dim::Infer => return Err(Error::internal("a size that is left over")),
    };
    let mut order: Vec<i64> = (0..w.output()?.rank() as i64).collect();
    order.swap(0, op.axis);
    let swapped = |f: &mut FunctionWriter<'_>, name: String| -> Result<String> {
        if op.axis == 0 {
            return Ok(name);
        }
        let order = f.vector(&order)?;
        let attributes = vec![("T", dtype(kind)?), ("Tperm", dtype(DType::Int32)?)];
        Ok(f.node("Transpose", &[name, order], attributes))
    };
    let attributes = vec![
        ("T", dtype(kind)?),
        ("Tindices", dtype(places.spec.dtype)?),
        ("Tnumsegments", dtype(DType::Int32)?),
    ];
    let x = swapped(f, w.name(0)?)?;
    let made = f.node("UnsortedSegmentSum", &[x, places.name, count], attributes);
    Ok(vec![swapped(f, made)?])
}

fn scatter_nd(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = match w.op::<ScatterNd>()?.mode {
        ScatterMode::Update => "TensorScatterUpdate",
        ScatterMode::Add => "TensorScatterAdd",
        ScatterMode::Max => "TensorScatterMax",
        ScatterMode::Min => "TensorScatterMin",
        other => return Err(Error::unsupported(format!("scattering with {other:?}"))),
    };
    let places = index_type(f, w.input(1)?)?;
    let attributes = vec![("T", dtype(w.output()?.dtype)?), ("Tindices", dtype(places.spec.dtype)?)];
    Ok(vec![f.node(op, &[w.name(0)?, places.name, w.name(2)?], attributes)])
}

/// The places of the block are counted from its start, axis by axis.
fn slice_update(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let (start, block) = (w.input(1)?, w.input(2)?);
    let rank = block.spec.rank();
    if rank == 0 {
        return Ok(vec![block.name.clone()]);
    }
    let start = super::elementwise::convert(f, start.name.clone(), start.spec.dtype, DType::Int32)?;
    let whole = f.shape_of(block)?;
    let of_int = |name: &'static str| -> Result<_> { Ok((name, dtype(DType::Int32)?)) };
    let mut places = Vec::new();
    for axis in 0..rank {
        let (zero, one, size) = (f.scalar(0)?, f.scalar(1)?, f.size_of(block, axis)?);
        let counted = f.node("Range", &[zero, size, one], vec![of_int("Tidx")?]);
        let at = f.vector(&[axis as i64])?;
        let length = f.vector(&[1])?;
        let first = f.node("Slice", &[start.clone(), at, length], vec![of_int("T")?, of_int("Index")?]);
        let moved = f.node("AddV2", &[counted, first], vec![of_int("T")?]);
        let mut shape = vec![1; rank];
        shape[axis] = -1;
        let shape = f.constant(&Array::vector(shape).cast(DType::Int32)?)?.name;
        let line = f.node("Reshape", &[moved, shape], vec![of_int("T")?, of_int("Tshape")?]);
        places.push(f.node("BroadcastTo", &[line, whole.clone()], vec![of_int("T")?, of_int("Tidx")?]));
    }
    let packed = vec![("N", Value::I(rank as i64)), of_int("T")?, ("axis", Value::I(-1))];
    let places = f.node("Pack", &places, packed);
    let attributes = vec![("T", dtype(w.output()?.dtype)?), of_int("Tindices")?];
    Ok(vec![f.node("TensorScatterUpdate", &[w.name(0)?, places, block.name.clone()], attributes)])
}
