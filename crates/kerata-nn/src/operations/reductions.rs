//! Functions over axes: reductions, statistics, accumulations.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("All", |call| call.reduce(|x, axes, keepdims| ops::all(&ops::cast(x, DType::Bool)?, axes, keepdims))),
    ("Amax", max),
    ("Amin", min),
    ("Any", |call| call.reduce(|x, axes, keepdims| ops::any(&ops::cast(x, DType::Bool)?, axes, keepdims))),
    ("Argmax", |call| one(ops::argmax(&call.first()?, call.axis()?, call.keepdims()?))),
    ("Argmin", |call| one(ops::argmin(&call.first()?, call.axis()?, call.keepdims()?))),
    ("Average", |call| {
        let (x, weights) = (ops::to_float(&call.first()?)?, call.optional("weights", 1)?);
        one(average(&x, weights.as_ref(), call.axis()?))
    }),
    ("CountNonzero", |call| {
        call.reduce(|x, axes, _| {
            let is_other = ops::not_equal(x, &ops::zeros_like(x)?)?;
            ops::sum(&ops::cast(&is_other, DType::Int32)?, axes, false)
        })
    }),
    ("Cumprod", |call| one(ops::cumprod(&call.first()?, call.axis()?))),
    ("Cumsum", |call| one(ops::cumsum(&call.first()?, call.axis()?))),
    ("Diff", |call| {
        let (count, axis) = (call.or("n", 1usize)?, call.or("axis", -1)?);
        one((0..count).try_fold(call.first()?, |x, _| ops::diff(&x, axis)))
    }),
    ("Logsumexp", |call| call.reduce(ops::logsumexp)),
    ("Max", max),
    ("Mean", |call| call.reduce(ops::mean)),
    ("Median", |call| {
        let x = ops::to_float(&call.first()?)?;
        one(quantile(&x, &ops::scalar(&x, 0.5)?, &call.axes()?, call.keepdims()?))
    }),
    ("Min", min),
    ("Nanmax", |call| {
        call.reduce(|x, axes, keepdims| ops::max(&without_nan(x, f64::NEG_INFINITY)?, axes, keepdims))
    }),
    ("Nanmean", |call| {
        call.reduce(|x, axes, keepdims| {
            let is_number = ops::cast(&ops::logical_not(&ops::isnan(x)?)?, x.dtype())?;
            let sum = ops::sum(&without_nan(x, 0.0)?, axes, keepdims)?;
            ops::divide(&sum, &ops::sum(&is_number, axes, keepdims)?)
        })
    }),
    ("Nanmin", |call| {
        call.reduce(|x, axes, keepdims| ops::min(&without_nan(x, f64::INFINITY)?, axes, keepdims))
    }),
    ("Nanprod", |call| call.reduce(|x, axes, keepdims| ops::prod(&without_nan(x, 1.0)?, axes, keepdims))),
    ("Nansum", |call| call.reduce(|x, axes, keepdims| ops::sum(&without_nan(x, 0.0)?, axes, keepdims))),
    ("Percentile", |call| {
        let x = ops::to_float(&call.first()?)?;
        let q = ops::times(&ops::cast(&call.tensor("q", 1)?, x.dtype())?, 0.01)?;
        one(quantile(&x, &q, &call.axes()?, call.keepdims()?))
    }),
    ("Prod", |call| call.reduce(ops::prod)),
    ("Ptp", |call| {
        call.reduce(|x, axes, keepdims| {
            ops::subtract(&ops::max(x, axes, keepdims)?, &ops::min(x, axes, keepdims)?)
        })
    }),
    ("Quantile", |call| {
        let x = ops::to_float(&call.first()?)?;
        let q = ops::cast(&call.tensor("q", 1)?, x.dtype())?;
        one(quantile(&x, &q, &call.axes()?, call.keepdims()?))
    }),
    ("Std", |call| call.reduce(ops::std)),
    ("Sum", |call| call.reduce(ops::sum)),
    ("Var", |call| call.reduce(ops::var)),
];

fn max(call: &Call<'_>) -> Result<Vec<Tensor>> {
    extreme(call, ops::max, ops::maximum)
}

fn min(call: &Call<'_>) -> Result<Vec<Tensor>> {
    extreme(call, ops::min, ops::minimum)
}

/// A reduction with `initial`, which takes part.
fn extreme(
    call: &Call<'_>,
    reduce: fn(&Tensor, &[i64], bool) -> Result<Tensor>,
    join: fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let reduced = reduce(&call.first()?, &call.axes()?, call.keepdims()?)?;
    match call.get::<f64>("initial")? {
        Some(initial) => {
            let initial = ops::cast(&ops::scalar(&reduced, initial)?, reduced.dtype())?;
            one(join(&reduced, &initial))
        }
        None => Ok(vec![reduced]),
    }
}

/// The tensor with a number in the place of NaN.
pub(super) fn without_nan(x: &Tensor, value: f64) -> Result<Tensor> {
    ops::select(&ops::isnan(x)?, &ops::scalar(x, value)?, x)
}

/// The mean, weighted by a tensor of the same shape or by a vector along the axis.
fn average(x: &Tensor, weights: Option<&Tensor>, axis: Option<i64>) -> Result<Tensor> {
    let axes: Vec<i64> = axis.into_iter().collect();
    let Some(weights) = weights else { return ops::mean(x, &axes, false) };
    let weights = ops::cast(weights, x.dtype())?;
    let weights = match axis {
        Some(axis) if weights.rank() < x.rank() => {
            let axis = x.spec().axis(axis)?;
            let sizes =
                (0..x.rank()).map(|at| if at == axis { weights.size(0) } else { ops::Size::Known(1) });
            ops::broadcast_to(&ops::reshape(&weights, sizes)?, x.sizes())?
        }
        _ => weights,
    };
    let sum = ops::sum(&ops::multiply(x, &weights)?, &axes, false)?;
    ops::divide(&sum, &ops::sum(&weights, &axes, false)?)
}

/// Where a share `q` of the elements is smaller, between two elements in proportion. Several shares become the first axis.
fn quantile(x: &Tensor, q: &Tensor, axes: &[i64], keepdims: bool) -> Result<Tensor> {
    if q.rank() > 1 {
        return Err(Error::unsupported("quantiles of more than one axis"));
    }
    let all: Vec<i64> = (0..x.rank() as i64).collect();
    let axes = if axes.is_empty() { &all } else { axes };
    let (rows, _) = ops::axes_to_row(x, axes)?;
    let sorted = ops::sort(&rows, -1)?;
    let last = (sorted.rank() - 1) as i64;
    let count = ops::cast(&ops::index(&ops::shape_of(&sorted)?, 0, last)?, x.dtype())?;
    let place = ops::multiply(q, &ops::plus(&count, -1.0)?)?;
    let below = ops::floor(&place)?;
    let above = ops::minimum(&ops::plus(&below, 1.0)?, &ops::plus(&count, -1.0)?)?;
    let at = |place: &Tensor| ops::take(&sorted, &ops::cast(place, DType::Int32)?, Some(last));
    let (low, high) = (at(&below)?, at(&above)?);
    let share = ops::subtract(&place, &below)?;
    let mut result = ops::add(&low, &ops::multiply(&ops::subtract(&high, &low)?, &share)?)?;
    if q.rank() == 1 {
        result = ops::moveaxis(&result, &[-1], &[0])?;
    }
    if keepdims {
        let mut gone: Vec<usize> = axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<_>>()?;
        gone.sort_unstable();
        for axis in gone {
            result = ops::expand_dims(&result, (axis + q.rank()) as i64)?;
        }
    }
    Ok(result)
}
