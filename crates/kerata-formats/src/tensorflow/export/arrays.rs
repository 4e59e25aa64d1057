//! Gathering, counting, sorted places, pictures, random numbers, text.

use kerata_core::graph::TensorSpec;
use kerata_core::ops::{
    Bincount, Distribution, PixelCenters, Random, Resize, ResizeMethod, Searchsorted, SliceAt,
};
use kerata_core::{Array, DType, Error, Result};

use super::attributes::dtype;
use super::elementwise::convert;
use super::table::{Lowering, Write};
use super::writer::{FunctionWriter, Val};
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("bincount", bincount),
    ("gather_nd", gather_nd),
    ("random", random),
    ("resize", resize),
    ("searchsorted", searchsorted),
    ("slice_at", slice_at),
    ("take", take),
    ("take_along_axis", take_along_axis),
];

fn take(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let axis = f.scalar(w.number("axis")?)?;
    let places = from_the_front(f, w.input(1)?, w.input(0)?, w.number("axis")? as usize)?;
    Ok(vec![gather(f, w.name(0)?, w.output()?.dtype, &places, axis, 0)?])
}

/// Whole numbers as int32 or int64, constant negative ones counted from the front.
fn from_the_front(f: &mut FunctionWriter<'_>, places: &Val, x: &Val, axis: usize) -> Result<Val> {
    let kind = if matches!(places.spec.dtype, DType::Int64 | DType::Uint32 | DType::Uint64) {
        DType::Int64
    } else {
        DType::Int32
    };
    let name = convert(f, places.name.clone(), places.spec.dtype, kind)?;
    let spec = places.spec.with_dtype(kind);
    let Some(size) = x.spec.size(axis) else { return Ok(Val { name, spec }) };
    // Unsigned places cannot be negative; of others `place mod size` is the place from the front.
    if matches!(places.spec.dtype, DType::Uint8 | DType::Uint16 | DType::Uint32 | DType::Uint64) || size == 0
    {
        return Ok(Val { name, spec });
    }
    let zero = f.number(0.0, kind)?;
    let whole = f.number(size as f64, kind)?;
    let is_negative = f.node("Less", &[name.clone(), zero], vec![("T", dtype(kind)?)]);
    let moved = f.node("AddV2", &[name.clone(), whole], vec![("T", dtype(kind)?)]);
    Ok(Val { name: f.node("SelectV2", &[is_negative, moved, name], vec![("T", dtype(kind)?)]), spec })
}

/// `GatherV2`.
fn gather(
    f: &mut FunctionWriter<'_>,
    x: String,
    kind: DType,
    places: &Val,
    axis: String,
    batch: i64,
) -> Result<String> {
    let attributes = vec![
        ("Tparams", dtype(kind)?),
        ("Tindices", dtype(places.spec.dtype)?),
        ("Taxis", dtype(DType::Int32)?),
        ("batch_dims", Value::I(batch)),
    ];
    Ok(f.node("GatherV2", &[x, places.name.clone(), axis], attributes))
}

/// With the axis last, each row is looked up in its own row.
fn take_along_axis(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let axis = w.number("axis")? as usize;
    let (x, places) = (w.input(0)?, w.input(1)?);
    let rank = x.spec.rank();
    let last = rank.saturating_sub(1);
    let mut order: Vec<i64> = (0..rank as i64).collect();
    order.swap(axis, last);
    let order = f.vector(&order)?;
    let turn = |f: &mut FunctionWriter<'_>, name: String, kind: DType| -> Result<String> {
        if axis == last {
            return Ok(name);
        }
        Ok(f.node(
            "Transpose",
            &[name, order.clone()],
            vec![("T", dtype(kind)?), ("Tperm", dtype(DType::Int32)?)],
        ))
    };
    let front = from_the_front(f, places, x, axis)?;
    let turned = turn(f, front.name, front.spec.dtype)?;
    let rows = turn(f, x.name.clone(), x.spec.dtype)?;
    let batch = f.scalar(last as i64)?;
    let places = Val { name: turned, spec: front.spec };
    let made = gather(f, rows, x.spec.dtype, &places, batch, last as i64)?;
    Ok(vec![turn(f, made, x.spec.dtype)?])
}

fn gather_nd(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let places = index_type(f, w.input(1)?)?;
    let attributes = vec![("Tparams", dtype(w.output()?.dtype)?), ("Tindices", dtype(places.spec.dtype)?)];
    Ok(vec![f.node("GatherNd", &[w.name(0)?, places.name], attributes)])
}

pub(super) fn index_type(f: &mut FunctionWriter<'_>, places: &Val) -> Result<Val> {
    let kind = if places.spec.dtype == DType::Int64 { DType::Int64 } else { DType::Int32 };
    Ok(Val {
        name: convert(f, places.name.clone(), places.spec.dtype, kind)?,
        spec: places.spec.with_dtype(kind),
    })
}

/// Counts along the last axis: comparisons with each number, summed.
fn bincount(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let size = w.op::<Bincount>()?.size;
    let x = w.input(0)?;
    let to = w.output()?.dtype;
    let kind = x.spec.dtype;
    let numbers = f.constant(&Array::vector((0..size as i64).collect::<Vec<i64>>()).cast(kind)?)?.name;
    let axis = f.scalar(-1)?;
    let expand = |f: &mut FunctionWriter<'_>, name: String, kind: DType| -> Result<String> {
        Ok(f.node(
            "ExpandDims",
            &[name, axis.clone()],
            vec![("T", dtype(kind)?), ("Tdim", dtype(DType::Int32)?)],
        ))
    };
    let wide = expand(f, w.name(0)?, kind)?;
    let attributes = vec![("T", dtype(kind)?), ("incompatible_shape_error", Value::B(true))];
    let is_number = f.node("Equal", &[wide, numbers], attributes);
    let mut hits = convert(f, is_number, DType::Bool, to)?;
    if let Some(weights) = w.inputs.get(1) {
        let weights = convert(f, weights.name.clone(), weights.spec.dtype, to)?;
        let weights = expand(f, weights, to)?;
        hits = f.node("Mul", &[hits, weights], vec![("T", dtype(to)?)]);
    }
    let axes = f.vector(&[x.spec.rank() as i64 - 1])?;
    let attributes = vec![("T", dtype(to)?), ("Tidx", dtype(DType::Int32)?), ("keep_dims", Value::B(false))];
    Ok(vec![f.node("Sum", &[hits, axes], attributes)])
}

/// The number of elements of the vector that are below (or not above) each value.
fn searchsorted(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let kind = w.input(0)?.spec.dtype;
    let rank = w.input(1)?.spec.rank();
    let axis = f.scalar(-1)?;
    let attributes = vec![("T", dtype(kind)?), ("Tdim", dtype(DType::Int32)?)];
    let wide = f.node("ExpandDims", &[w.name(1)?, axis], attributes);
    let op = if w.op::<Searchsorted>()?.right { "LessEqual" } else { "Less" };
    let below = f.node(op, &[w.name(0)?, wide], vec![("T", dtype(kind)?)]);
    let below = convert(f, below, DType::Bool, DType::Int32)?;
    let axes = f.vector(&[rank as i64])?;
    let attributes =
        vec![("T", dtype(DType::Int32)?), ("Tidx", dtype(DType::Int32)?), ("keep_dims", Value::B(false))];
    let count = f.node("Sum", &[below, axes], attributes);
    Ok(vec![convert(f, count, DType::Int32, w.output()?.dtype)?])
}

fn slice_at(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let sizes = &w.op::<SliceAt>()?.sizes;
    let sizes: Vec<i64> = sizes.iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
    let begin = index_type(f, w.input(1)?)?;
    let sizes = f.constant(&Array::vector(sizes).cast(begin.spec.dtype)?)?.name;
    let attributes = vec![("T", dtype(w.output()?.dtype)?), ("Index", dtype(begin.spec.dtype)?)];
    Ok(vec![f.node("Slice", &[w.name(0)?, begin.name, sizes], attributes)])
}

/// Resizing by a kernel that is stretched where the picture shrinks.
fn scale(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &Resize, kernel: &str) -> Result<Vec<String>> {
    let input = w.input(0)?;
    let (mut scales, mut sizes) = (Vec::new(), Vec::new());
    for (at, &size) in op.sizes.iter().enumerate() {
        let old =
            input.spec.size(at + 1).ok_or_else(|| Error::unsupported("resizing pictures of unknown size"))?;
        scales.push(size as f32 / old as f32);
        sizes.push(size as i64);
    }
    let sizes = f.vector(&sizes)?;
    let scales = f.constant(&Array::vector(scales))?.name;
    let shift = f.constant(&Array::vector(vec![0f32, 0.0]))?.name;
    let kind = input.spec.dtype;
    let attributes = vec![
        ("T", dtype(kind)?),
        ("kernel_type", super::attributes::text(kernel)),
        ("antialias", Value::B(op.antialias)),
    ];
    let made = f.node("ScaleAndTranslate", &[w.name(0)?, sizes, scales, shift], attributes);
    Ok(vec![convert(f, made, DType::Float32, w.output()?.dtype)?])
}

fn resize(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Resize>()?;
    let kernel = match op.method {
        ResizeMethod::Lanczos3 => "lanczos3",
        ResizeMethod::Lanczos5 => "lanczos5",
        ResizeMethod::Bicubic => "keyscubic",
        _ => "triangle",
    };
    let is_lanczos = matches!(op.method, ResizeMethod::Lanczos3 | ResizeMethod::Lanczos5);
    if is_lanczos || (op.antialias && op.method != ResizeMethod::Nearest) {
        return scale(f, w, op, kernel);
    }
    let name = match op.method {
        ResizeMethod::Nearest => "ResizeNearestNeighbor",
        ResizeMethod::Bilinear => "ResizeBilinear",
        ResizeMethod::Bicubic => "ResizeBicubic",
        other => return Err(Error::unsupported(format!("resizing by {other:?}"))),
    };
    let sizes: Vec<i64> = op.sizes.iter().map(|size| *size as i64).collect();
    let sizes = f.vector(&sizes)?;
    let kind = w.input(0)?.spec.dtype;
    let attributes = vec![
        ("T", dtype(kind)?),
        ("align_corners", Value::B(op.centers == PixelCenters::Corners)),
        ("half_pixel_centers", Value::B(op.centers == PixelCenters::Half)),
    ];
    let made = f.node(name, &[w.name(0)?, sizes], attributes);
    let from = if op.method == ResizeMethod::Nearest { kind } else { DType::Float32 };
    Ok(vec![convert(f, made, from, w.output()?.dtype)?])
}

/// TensorFlow's numbers for the same seed.
fn random(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Random>()?;
    let name = match op.distribution {
        Distribution::Uniform => "StatelessRandomUniform",
        Distribution::Normal => "StatelessRandomNormal",
        Distribution::TruncatedNormal => "StatelessTruncatedNormal",
        other => return Err(Error::unsupported(format!("random numbers spread as {other:?}"))),
    };
    let shape = f.sizes(&op.dims, w.inputs)?;
    let seed = index_type(f, w.input(0)?)?;
    let attributes =
        vec![("dtype", dtype(op.dtype)?), ("T", dtype(DType::Int32)?), ("Tseed", dtype(seed.spec.dtype)?)];
    Ok(vec![f.node(name, &[shape, seed.name], attributes)])
}

/// The spec of one element of a list along the first axis.
pub fn element_spec(spec: &TensorSpec) -> TensorSpec {
    TensorSpec::new(spec.dtype, kerata_core::Shape::new(spec.shape.axes().iter().skip(1).copied()))
}
