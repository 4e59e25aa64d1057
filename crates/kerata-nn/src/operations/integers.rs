//! Whole numbers, counts, and which elements there are.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};

/// More steps than Euclid needs for any two numbers of 64 bits.
const MAX_STEPS: u64 = 100;

pub(super) const TABLE: Table = &[
    ("Argpartition", |call| one(argpartition(call))),
    ("Gcd", |call| call.binary(gcd)),
    ("Lcm", |call| {
        call.binary(|a, b| {
            let (a, b) = positive(a, b)?;
            let divisor = gcd(&a, &b)?;
            let is_zero = ops::equal(&divisor, &ops::zeros_like(&divisor)?)?;
            let safe = ops::select(&is_zero, &ops::ones_like(&divisor)?, &divisor)?;
            ops::multiply(&a, &ops::floor_divide(&b, &safe)?)
        })
    }),
    ("Ndim", |call| {
        let rank = kerata_core::Array::scalar(call.first()?.rank() as i64);
        Ok(vec![call.builder.constant(rank)])
    }),
    ("Nextafter", |call| {
        call.binary(|a, b| {
            let (a, b) = (ops::to_float(a)?, ops::to_float(b)?);
            if a.dtype() == DType::Float64 || b.dtype() == DType::Float64 {
                return Err(Error::unsupported("`nextafter` of float64"));
            }
            // Keras takes the step in float64 and rounds the result, which is the number itself again.
            let same = ops::add(&a, &ops::zeros_like(&b)?)?;
            ops::select(&ops::isnan(&b)?, &b, &same)
        })
    }),
    ("Nonzero", |call| {
        let x = call.first()?;
        let places = ops::nonzero(&ops::cast(&x, DType::Bool)?)?;
        (0..x.rank() as i64).map(|axis| ops::cast(&ops::index(&places, -1, axis)?, DType::Int32)).collect()
    }),
    ("Size", |call| {
        let sizes = ops::shape_of(&call.first()?)?;
        one(ops::cast(&ops::prod(&sizes, &[], false)?, DType::Int32))
    }),
    ("Unique", unique),
];

/// Two whole numbers of one shape and dtype without their signs.
fn positive(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let dtype = ops::result_type(&[a.dtype(), b.dtype()])?;
    if !dtype.is_integer() {
        return Err(Error::mismatch(format!("expected whole numbers, found {dtype}")));
    }
    let (a, b) = (ops::absolute(&ops::cast(a, dtype)?)?, ops::absolute(&ops::cast(b, dtype)?)?);
    Ok((ops::add(&a, &ops::zeros_like(&b)?)?, ops::add(&b, &ops::zeros_like(&a)?)?))
}

fn second(values: &[Tensor]) -> Result<&Tensor> {
    values.get(1).ok_or_else(|| Error::internal("two values"))
}

/// The greatest common divisor, by Euclid.
fn gcd(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (a, b) = positive(a, b)?;
    let is_left = |b: &Tensor| ops::not_equal(b, &ops::zeros_like(b)?);
    let values = ops::while_loop(
        a.builder(),
        &[a.clone(), b],
        Some(MAX_STEPS),
        |values| ops::any(&is_left(second(values)?)?, &[], false),
        |values| {
            let (a, b) = (values.first().ok_or_else(|| Error::internal("two values"))?, second(values)?);
            let is_left = is_left(b)?;
            let safe = ops::select(&is_left, b, &ops::ones_like(b)?)?;
            let rest = ops::select(&is_left, &ops::remainder(a, &safe)?, &ops::zeros_like(b)?)?;
            Ok(vec![ops::select(&is_left, b, a)?, rest])
        },
    )?;
    values.into_iter().next().ok_or_else(|| Error::internal("a loop gives its values"))
}

/// The places of the smallest elements of a vector in order, then those of the others from the largest on, as Keras on
/// TensorFlow gives them: of whole numbers.
fn argpartition(call: &Call<'_>) -> Result<Tensor> {
    let x = ops::cast(&call.first()?, DType::Int32)?;
    let x = if call.config.get("axis").is_some_and(kerata_core::Tree::is_null) { ops::ravel(&x)? } else { x };
    if x.rank() != 1 {
        return Err(Error::unsupported(
            "`argpartition` of more than a vector: Keras on TensorFlow gives no places",
        ));
    }
    let size = x.spec().known_axis(0)?;
    let kth: i64 = call.require("kth")?;
    let count = usize::try_from(kth).unwrap_or(0).min(size.saturating_sub(1)) + 1;
    let (_, bottom) = ops::top_k(&ops::negative(&x)?, count)?;
    let is_taken =
        ops::any(&ops::cast(&ops::one_hot(&bottom, size, -1, DType::Int32)?, DType::Bool)?, &[0], false)?;
    let (_, top) = ops::top_k(&ops::select(&is_taken, &ops::zeros_like(&x)?, &x)?, size - count)?;
    ops::concatenate(&[bottom, top], -1)
}

/// The different elements, each once; with their first places, the place of each element among them, and counts where asked.
fn unique(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let axis: Option<i64> = call.get("axis")?;
    if axis.is_some() && x.rank() > 1 {
        return Err(Error::unsupported("`unique` along an axis"));
    }
    let flat = ops::ravel(&x)?;
    let found = ops::unique(&flat, call.or("sorted", true)?)?;
    let (counts, inverse) = (&found.counts, &found.inverse);
    let (values, places, counts) = match call.get::<usize>("size")? {
        None => {
            let places = found.places()?;
            (ops::take(&flat, &places, Some(0))?, places.clone(), ops::take(counts, &places, Some(0))?)
        }
        Some(size) => {
            // The first of each kind come first, and behind the last of them the fill.
            let own = ops::iota(call.builder, flat.size(0), DType::Int32)?;
            let is_other = ops::cast(&ops::logical_not(&found.is_first)?, DType::Int32)?;
            let places = ops::take(&found.order, &ops::argsort(&is_other, 0)?, Some(0))?;
            let count = ops::sum(&ops::cast(&found.is_first, DType::Int32)?, &[], false)?;
            let sized = |x: &Tensor, fill: f64| {
                let x = ops::take(x, &places, Some(0))?;
                let x = ops::select(&ops::less(&own, &count)?, &x, &ops::full_like(&x, fill)?)?;
                let filled = ops::pad(&x, &[(0, size)], ops::PadMode::Constant, fill)?;
                ops::slice_axis(&filled, 0, ops::Range::to(size as i64))
            };
            (sized(&flat, call.or("fill_value", 0.0)?)?, sized(&own, 1.0)?, sized(counts, 0.0)?)
        }
    };
    let mut results = vec![values];
    if call.or("return_index", false)? {
        results.push(places);
    }
    if call.or("return_inverse", false)? {
        results.push(ops::reshape(inverse, if axis.is_none() { x.sizes() } else { flat.sizes() })?);
    }
    if call.or("return_counts", false)? {
        results.push(counts);
    }
    Ok(results)
}
