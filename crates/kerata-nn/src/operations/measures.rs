//! Numbers about tensors and about pairs of them.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

use super::Table;
use super::binary::isclose;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("AllClose", |call| {
        let (rtol, atol) = (call.or("rtol", 1e-5)?, call.or("atol", 1e-8)?);
        call.binary(|a, b| ops::all(&isclose(a, b, rtol, atol)?, &[], false))
    }),
    ("CDist", |call| {
        call.binary(|a, b| {
            let apart = ops::subtract(&ops::expand_dims(a, -2)?, &ops::expand_dims(b, -3)?)?;
            ops::sqrt(&ops::sum(&ops::square(&apart)?, &[-1], false)?)
        })
    }),
    ("Corrcoef", |call| one(correlation(&ops::to_float(&call.first()?)?))),
    ("IsIn", |call| {
        let is_inverted = call.or("invert", false)?;
        call.binary(|x, among| {
            let among = ops::ravel(among)?;
            let found = ops::any(&ops::equal(&ops::expand_dims(x, -1)?, &among)?, &[-1], false)?;
            if is_inverted { ops::logical_not(&found) } else { Ok(found) }
        })
    }),
    ("Ldexp", |call| {
        call.binary(|x, power| {
            let x = ops::to_float(x)?;
            let two = ops::scalar(&x, 2.0)?;
            let scaled = ops::multiply(&x, &ops::power(&two, &ops::cast(power, x.dtype())?)?)?;
            ops::select(&ops::equal(&x, &ops::zeros_like(&x)?)?, &x, &scaled)
        })
    }),
    ("PSNR", |call| {
        let largest: f64 = call.require("max_val")?;
        call.binary(|a, b| {
            let error = ops::mean(&ops::square(&ops::subtract(a, b)?)?, &[], false)?;
            let signal = ops::scalar(&error, 20.0 * largest.log10())?;
            ops::subtract(&signal, &ops::times(&ops::log10(&error)?, 10.0)?)
        })
    }),
    ("Trapezoid", |call| one(trapezoid(call))),
];

/// How rows go together, between -1 and 1.
fn correlation(x: &Tensor) -> Result<Tensor> {
    let centered = ops::subtract(x, &ops::mean(x, &[-1], true)?)?;
    // The number of samples goes out of the quotient.
    let products = ops::matmul(&centered, &ops::swap_last(&centered)?)?;
    let lengths = ops::sqrt(&ops::sum(&ops::square(&centered)?, &[-1], true)?)?;
    let both = ops::multiply(&lengths, &ops::swap_last(&lengths)?)?;
    ops::clip(&ops::divide(&products, &both)?, -1.0, 1.0)
}

/// The area under lines between samples of even distance.
fn trapezoid(call: &Call<'_>) -> Result<Tensor> {
    if call.config.get("x").is_some_and(|x| !x.is_null()) {
        return Err(Error::unsupported("`trapezoid` over given places").hint("give `dx`"));
    }
    let y = ops::to_float(&call.first()?)?;
    let y = ops::moveaxis(&y, &[call.or("axis", -1)?], &[-1])?;
    let last = y.spec().known_axis(-1)?;
    let of = |from: usize| {
        let places = (from..from + last.saturating_sub(1)).map(|place| place as i32).collect::<Vec<_>>();
        let places = kerata_core::Array::from_vec([places.len()], places)?;
        ops::take(&y, &y.builder().constant(places), Some(-1))
    };
    let heights = ops::times(&ops::add(&of(0)?, &of(1)?)?, 0.5 * call.or("dx", 1.0)?)?;
    ops::cast(&ops::sum(&heights, &[-1], false)?, y.dtype())
}
