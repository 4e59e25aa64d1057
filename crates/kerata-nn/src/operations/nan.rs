//! Functions over axes that leave NaN out.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::reductions::without_nan;

pub(super) const TABLE: Table = &[
    ("Nanargmax", |call| place(call, f64::NEG_INFINITY, ops::argmax)),
    ("Nanargmin", |call| place(call, f64::INFINITY, ops::argmin)),
    ("Nancumprod", |call| one(ops::cumprod(&without_nan(&call.first()?, 1.0)?, call.axis()?))),
    ("Nancumsum", |call| one(ops::cumsum(&without_nan(&call.first()?, 0.0)?, call.axis()?))),
    ("Nanmedian", |call| {
        let x = ops::to_float(&call.first()?)?;
        one(quantile(call, &x, &ops::scalar(&x, 0.5)?))
    }),
    ("Nanpercentile", |call| {
        let x = ops::to_float(&call.first()?)?;
        let share = ops::times(&ops::cast(&call.tensor("q", 1)?, x.dtype())?, 0.01)?;
        one(quantile(call, &x, &share))
    }),
    ("Nanquantile", |call| {
        let x = ops::to_float(&call.first()?)?;
        let share = ops::cast(&call.tensor("q", 1)?, x.dtype())?;
        one(quantile(call, &x, &share))
    }),
    ("Nanstd", |call| one(ops::sqrt(&variance(call)?))),
    ("Nanvar", |call| one(variance(call))),
];

/// The place of an extreme number; -1 where there is none.
fn place(
    call: &Call<'_>,
    least: f64,
    find: fn(&Tensor, Option<i64>, bool) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let (x, axis, keepdims) = (call.first()?, call.axis()?, call.keepdims()?);
    if !x.dtype().is_float() {
        return one(find(&x, axis, keepdims));
    }
    let found = find(&without_nan(&x, least)?, axis, keepdims)?;
    let axes: Vec<i64> = axis.into_iter().collect();
    let has_none = ops::all(&ops::isnan(&x)?, &axes, keepdims)?;
    let nowhere = ops::cast(&ops::scalar(&found, -1.0)?, found.dtype())?;
    one(ops::select(&has_none, &nowhere, &found))
}

fn variance(call: &Call<'_>) -> Result<Tensor> {
    let (x, axes, keepdims) = (ops::to_float(&call.first()?)?, call.axes()?, call.keepdims()?);
    let is_number = ops::logical_not(&ops::isnan(&x)?)?;
    let ones = ops::cast(&is_number, x.dtype())?;
    let mean = ops::divide(&ops::sum(&without_nan(&x, 0.0)?, &axes, true)?, &ops::sum(&ones, &axes, true)?)?;
    let centered = ops::select(&is_number, &ops::subtract(&x, &mean)?, &ops::zeros_like(&x)?)?;
    ops::divide(&ops::sum(&ops::square(&centered)?, &axes, keepdims)?, &ops::sum(&ones, &axes, keepdims)?)
}

/// Where a share of the numbers is smaller, between two numbers in proportion; NaN where there are none.
fn quantile(call: &Call<'_>, x: &Tensor, share: &Tensor) -> Result<Tensor> {
    if share.rank() > 0 {
        return Err(Error::unsupported("several quantiles that leave NaN out"));
    }
    if call.or("method", "linear".to_owned())? != "linear" {
        return Err(Error::unsupported("quantiles that are not between two numbers in proportion"));
    }
    let given = call.axes()?;
    let all: Vec<i64> = (0..x.rank() as i64).collect();
    let axes = if given.is_empty() { &all } else { &given };
    let (rows, _) = ops::axes_to_row(x, axes)?;
    let is_number = ops::logical_not(&ops::isnan(&rows)?)?;
    // NaN goes behind all numbers.
    let sorted = ops::sort(&without_nan(&rows, f64::INFINITY)?, -1)?;
    let count = ops::sum(&ops::cast(&is_number, x.dtype())?, &[-1], true)?;
    let last = ops::maximum(&ops::plus(&count, -1.0)?, &ops::zeros_like(&count)?)?;
    let place = ops::multiply(share, &last)?;
    let below = ops::floor(&place)?;
    let above = ops::minimum(&ops::plus(&below, 1.0)?, &last)?;
    let at = |place: &Tensor| ops::take_along_axis(&sorted, &ops::cast(place, DType::Int32)?, -1);
    let (low, high) = (at(&below)?, at(&above)?);
    let between = ops::multiply(&ops::subtract(&high, &low)?, &ops::subtract(&place, &below)?)?;
    let nan = ops::scalar(x, f64::NAN)?;
    let has_some = ops::greater(&count, &ops::zeros_like(&count)?)?;
    let result = ops::squeeze(&ops::select(&has_some, &ops::add(&low, &between)?, &nan)?, &[-1])?;
    if !call.keepdims()? {
        return Ok(result);
    }
    let mut gone: Vec<usize> = axes.iter().map(|&axis| x.spec().axis(axis)).collect::<Result<_>>()?;
    gone.sort_unstable();
    gone.into_iter().try_fold(result, |result, axis| ops::expand_dims(&result, axis as i64))
}
