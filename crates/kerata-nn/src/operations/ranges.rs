//! Even steps between tensors.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Result, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("Geomspace", |call| {
        let (start, stop) = call.pair()?;
        let logarithm = |x: &Tensor| ops::log10(&ops::absolute(&ops::to_float(x)?)?);
        let steps = steps(call, &logarithm(&start)?, &logarithm(&stop)?)?.0;
        let sign = ops::expand_dims(&ops::sign(&ops::cast(&start, steps.dtype())?)?, call.or("axis", 0)?)?;
        one(ops::multiply(&power(&steps, 10.0)?, &sign))
    }),
    ("Linspace", |call| {
        let (start, stop) = call.pair()?;
        let (steps, width) = steps(call, &start, &stop)?;
        Ok(if call.or("retstep", false)? { vec![steps, width] } else { vec![steps] })
    }),
    ("Logspace", |call| {
        let (start, stop) = call.pair()?;
        one(power(&steps(call, &start, &stop)?.0, call.or("base", 10.0)?))
    }),
];

/// `num` even steps from a start to a stop along a new axis, and their width.
fn steps(call: &Call<'_>, start: &Tensor, stop: &Tensor) -> Result<(Tensor, Tensor)> {
    let (count, axis): (usize, i64) = (call.or("num", 50)?, call.or("axis", 0)?);
    let has_end = call.or("endpoint", true)?;
    let dtype: Option<DType> = call.get("dtype")?;
    let dtype = dtype.filter(|dtype| dtype.is_float());
    let float = |x: &Tensor| match dtype {
        Some(dtype) => ops::cast(x, dtype),
        None => ops::to_float(x),
    };
    let (start, stop) = (float(start)?, float(stop)?);
    let gaps = if has_end { count.saturating_sub(1) } else { count };
    let width = ops::times(&ops::subtract(&stop, &start)?, 1.0 / gaps.max(1) as f64)?;
    let first = ops::expand_dims(&ops::add(&start, &ops::zeros_like(&width)?)?, axis)?;
    let place = first.spec().axis(axis)?;
    let sizes = (0..first.rank()).map(|at| if at == place { count } else { 1 });
    let along = ops::reshape(&ops::iota(call.builder, count, first.dtype())?, sizes)?;
    let steps = ops::add(&first, &ops::multiply(&ops::expand_dims(&width, axis)?, &along)?)?;
    match call.get("dtype")? {
        Some(dtype) if !DType::is_float(dtype) => Ok((ops::cast(&ops::floor(&steps)?, dtype)?, width)),
        _ => Ok((steps, width)),
    }
}

fn power(exponents: &Tensor, base: f64) -> Result<Tensor> {
    ops::power(&ops::full_like(exponents, base)?, exponents)
}
