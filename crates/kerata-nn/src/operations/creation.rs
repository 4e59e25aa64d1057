//! Functions that make tensors.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::shapes::diagonal;

pub(super) const TABLE: Table = &[
    ("Arange", |call| {
        let number =
            |name, position| Ok::<_, Error>(call.plain(name, position)?.and_then(|tree| tree.as_f64()));
        let (Some(start), stop) = (number("start", 0)?, number("stop", 1)?) else {
            return Err(Error::unsupported("a range whose bounds are tensors"));
        };
        let (start, stop) = stop.map_or((0.0, start), |stop| (start, stop));
        let dtype = call.or("dtype", DType::Float32)?;
        one(ops::arange(call.builder, start, stop, number("step", 2)?.unwrap_or(1.0), dtype))
    }),
    ("Array", |call| call.unary(|x| Ok(x.clone()))),
    ("Diag", |call| one(diag(&call.first()?, call.or("k", 0)?))),
    ("Diagflat", |call| one(diag(&ops::ravel(&call.first()?)?, call.or("k", 0)?))),
    ("EmptyLike", |call| like(call, 0.0)),
    ("Full", |call| {
        let value = call.tensor("fill_value", 1)?;
        let shape: Vec<i64> = call.require("shape")?;
        one(ops::broadcast_to(&value, shape))
    }),
    ("FullLike", |call| {
        let x = call.first()?;
        let dtype = call.get("dtype")?.unwrap_or(x.dtype());
        let value = ops::cast(&call.tensor("fill_value", 1)?, dtype)?;
        one(ops::broadcast_to(&value, x.sizes()))
    }),
    ("Meshgrid", meshgrid),
    ("OnesLike", |call| like(call, 1.0)),
    ("Vander", |call| {
        let x = call.first()?;
        let count = match call.get("N")? {
            Some(count) => count,
            None => x.spec().known_axis(0)?,
        };
        one(vander(&x, count, call.or("increasing", false)?))
    }),
    ("ZerosLike", |call| like(call, 0.0)),
];

fn like(call: &Call<'_>, value: f64) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let dtype = call.get("dtype")?.unwrap_or(x.dtype());
    one(ops::full(call.builder, x.sizes(), value, dtype))
}

/// A vector as the diagonal of a matrix, or the diagonal of a matrix as a vector.
fn diag(x: &Tensor, k: i64) -> Result<Tensor> {
    if x.rank() == 2 {
        return diagonal(x, k, 0, 1);
    }
    let size = x.spec().known_axis(0)?;
    let eye = ops::eye(x.builder(), size, size, 0, DType::Bool)?;
    let zero = ops::cast(&ops::scalar(x, 0)?, x.dtype())?;
    let square = ops::select(&eye, &ops::expand_dims(x, 1)?, &zero)?;
    let above = usize::try_from(k).unwrap_or(0);
    let below = usize::try_from(-k).unwrap_or(0);
    ops::pad(&square, &[(below, above), (above, below)], ops::PadMode::Constant, 0.0)
}

fn meshgrid(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let tensors = call
        .arguments
        .positional
        .iter()
        .map(|argument| call.to_tensor(argument))
        .collect::<Result<Vec<_>>>()?;
    let is_xy = call.or("indexing", "xy".to_owned())? == "xy" && tensors.len() > 1;
    let axis = |at: usize| if is_xy && at < 2 { 1 - at } else { at };
    let vectors = tensors.iter().map(ops::ravel).collect::<Result<Vec<_>>>()?;
    let mut sizes = vec![ops::Size::Known(1); vectors.len()];
    for (at, vector) in vectors.iter().enumerate() {
        sizes[axis(at)] = vector.size(0);
    }
    let spread = |(at, vector): (usize, &Tensor)| {
        let own = (0..vectors.len())
            .map(|place| if place == axis(at) { vector.size(0) } else { ops::Size::Known(1) });
        ops::broadcast_to(&ops::reshape(vector, own)?, sizes.clone())
    };
    vectors.iter().enumerate().map(spread).collect()
}

/// Powers of each element, as many as asked for.
fn vander(x: &Tensor, count: usize, is_increasing: bool) -> Result<Tensor> {
    let float = ops::to_float(x)?;
    let powers = ops::iota(x.builder(), count, float.dtype())?;
    let powers = if is_increasing { powers } else { ops::flip(&powers, &[0])? };
    ops::cast(&ops::power(&ops::expand_dims(&float, -1)?, &powers)?, x.dtype())
}
