//! Images looked at through a projection, or at places of their own: what geometric changes have in common.

use crate::layers::prelude::*;

/// What stands beyond the edges of an image, and how values between pixels are found.
pub(super) struct Sampling<'a> {
    pub fill_mode: &'a str,
    pub fill_value: &'a Tree,
    pub interpolation: &'a str,
}

impl Sampling<'_> {
    fn fill(&self) -> Result<f64> {
        self.fill_value.as_f64().ok_or_else(|| Error::corrupt("`fill_value` is a number"))
    }

    fn is_nearest(&self) -> Result<bool> {
        match self.interpolation {
            "nearest" => Ok(true),
            "bilinear" => Ok(false),
            other => Err(Error::unsupported(format!("interpolation `{other}`"))),
        }
    }
}

/// The images `[n, height, width, channels]` where each place `(x, y)` shows what lies at
/// `((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k)` with `k = c0 x + c1 y + 1`; the eight factors are numbers for each
/// image, in this order.
pub(super) fn project(x: &Tensor, factors: &[Tensor; 8], sampling: &Sampling) -> Result<Tensor> {
    let across = ops::reshape(&ops::iota(x.builder(), x.size(2), DType::Float32)?, [1, 1, -1])?;
    let down = ops::reshape(&ops::iota(x.builder(), x.size(1), DType::Float32)?, [1, -1, 1])?;
    let wide = factors
        .iter()
        .map(|factor| ops::reshape(&ops::cast(factor, DType::Float32)?, [-1, 1, 1]))
        .collect::<Result<Vec<_>>>()?;
    let line =
        |at: usize| ops::add(&ops::multiply(&wide[at], &across)?, &ops::multiply(&wide[at + 1], &down)?);
    let depth = ops::plus(&line(6)?, 1)?;
    let from_x = ops::divide(&ops::add(&line(0)?, &wide[2])?, &depth)?;
    let from_y = ops::divide(&ops::add(&line(3)?, &wide[5])?, &depth)?;
    let (height, width) = (extent(x, 1)?, extent(x, 2)?);
    let from_y = inside(&from_y, &height, sampling.fill_mode)?;
    let from_x = inside(&from_x, &width, sampling.fill_mode)?;
    if sampling.is_nearest()? {
        return read(x, &half_away(&from_y)?, &half_away(&from_x)?, Some(sampling.fill()?));
    }
    let fill = Some(sampling.fill()?);
    between(&from_y, &from_x, x.dtype(), |y, x_place| read(x, y, x_place, fill))
}

/// The images at places of their own, `[n, height, width]` each: every place is brought inside by itself, after the values
/// to mix are chosen.
pub(super) fn sample(x: &Tensor, y: &Tensor, across: &Tensor, sampling: &Sampling) -> Result<Tensor> {
    let (height, width) = (extent(x, 1)?, extent(x, 2)?);
    let fill = if sampling.fill_mode == "constant" { Some(sampling.fill()?) } else { None };
    let at = |y: &Tensor, across: &Tensor| {
        let y = whole_inside(y, &height, sampling.fill_mode)?;
        read(x, &y, &whole_inside(across, &width, sampling.fill_mode)?, fill)
    };
    if sampling.is_nearest()? {
        return at(&ops::round(y)?, &ops::round(across)?);
    }
    between(y, across, x.dtype(), at)
}

/// The size of an axis as a number.
pub(super) fn extent(x: &Tensor, axis: usize) -> Result<Tensor> {
    ops::cast(&ops::index(&ops::shape_of(x)?, 0, axis as i64)?, DType::Float32)
}

/// The four neighbours of places, mixed by how near they are.
fn between(
    y: &Tensor,
    x: &Tensor,
    dtype: DType,
    read: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (top, left) = (ops::floor(y)?, ops::floor(x)?);
    let (bottom, right) = (ops::plus(&top, 1)?, ops::plus(&left, 1)?);
    let share = |a: &Tensor, b: &Tensor| ops::expand_dims(&ops::cast(&ops::subtract(a, b)?, dtype)?, -1);
    let row = |y: &Tensor| {
        let near = ops::multiply(&share(&right, x)?, &read(y, &left)?)?;
        ops::add(&near, &ops::multiply(&share(x, &left)?, &read(y, &right)?)?)
    };
    let upper = ops::multiply(&share(&bottom, y)?, &row(&top)?)?;
    ops::add(&upper, &ops::multiply(&share(y, &top)?, &row(&bottom)?)?)
}

/// The pixels at whole places `[n, height, width]`; the fill where a place is outside, or the nearest pixel.
fn read(x: &Tensor, y: &Tensor, across: &Tensor, fill: Option<f64>) -> Result<Tensor> {
    let (height, width) = (extent(x, 1)?, extent(x, 2)?);
    let within = |place: &Tensor, size: &Tensor| {
        ops::minimum(&ops::maximum(place, &ops::scalar(place, 0)?)?, &ops::plus(size, -1)?)
    };
    let (row, column) = (within(y, &height)?, within(across, &width)?);
    let image = ops::reshape(&ops::iota(x.builder(), x.size(0), DType::Float32)?, [-1, 1, 1])?;
    let image = ops::add(&ops::zeros_like(&row)?, &image)?;
    let places = ops::stack(&[image, row.clone(), column.clone()], -1)?;
    let found = ops::gather_nd(x, &ops::cast(&places, DType::Int32)?)?;
    let Some(fill) = fill else { return Ok(found) };
    let is_inside = ops::logical_and(&ops::equal(y, &row)?, &ops::equal(across, &column)?)?;
    ops::select(&ops::expand_dims(&is_inside, -1)?, &found, &ops::scalar(&found, fill)?)
}

/// Places along an axis, brought inside as TensorFlow's projections do.
fn inside(place: &Tensor, size: &Tensor, fill_mode: &str) -> Result<Tensor> {
    let zero = ops::scalar(place, 0)?;
    let end = ops::plus(size, -1)?;
    let times = |number: &Tensor, quotient: &Tensor| ops::multiply(number, &ops::trunc(quotient)?);
    let moved = match fill_mode {
        "constant" => return Ok(place.clone()),
        "nearest" => place.clone(),
        "reflect" => {
            let whole = ops::times(size, 2)?;
            let below = ops::add(place, &times(&whole, &ops::divide(&ops::negative(place)?, &whole)?)?)?;
            let mirrored = ops::plus(&ops::negative(&below)?, -1)?;
            let below = ops::select(
                &ops::less(&below, &ops::negative(size)?)?,
                &ops::add(&below, &whole)?,
                &mirrored,
            )?;
            let above = ops::subtract(place, &times(&whole, &ops::divide(place, &whole)?)?)?;
            let mirrored = ops::plus(&ops::subtract(&whole, &above)?, -1)?;
            let above = ops::select(&ops::greater_equal(&above, size)?, &mirrored, &above)?;
            outside(place, &zero, &end, &below, &above)?
        }
        "wrap" => {
            let span = ops::maximum(&end, &ops::scalar(&end, 1)?)?;
            let turns = ops::plus(&ops::trunc(&ops::divide(&ops::negative(place)?, &span)?)?, 1)?;
            let below = ops::add(place, &ops::multiply(size, &turns)?)?;
            let above = ops::subtract(place, &times(size, &ops::divide(place, &span)?)?)?;
            outside(place, &zero, &end, &below, &above)?
        }
        other => return Err(Error::unsupported(format!("fill mode `{other}`"))),
    };
    ops::minimum(&ops::maximum(&moved, &zero)?, &end)
}

/// One value below an axis, another above it, and the place itself inside.
fn outside(place: &Tensor, zero: &Tensor, end: &Tensor, below: &Tensor, above: &Tensor) -> Result<Tensor> {
    let above = ops::select(&ops::greater(place, end)?, above, place)?;
    ops::select(&ops::less(place, zero)?, below, &above)
}

/// Whole places along an axis, brought inside as Keras's `map_coordinates` does.
fn whole_inside(place: &Tensor, size: &Tensor, fill_mode: &str) -> Result<Tensor> {
    match fill_mode {
        "constant" => Ok(place.clone()),
        "nearest" => {
            let end = ops::plus(size, -1)?;
            ops::minimum(&ops::maximum(place, &ops::scalar(place, 0)?)?, &end)
        }
        "reflect" | "mirror" => {
            let whole = ops::times(size, 2)?;
            let rest = ops::remainder(&ops::absolute(place)?, &whole)?;
            let back = ops::subtract(&whole, &rest)?;
            let back = if fill_mode == "reflect" { ops::plus(&back, -1)? } else { back };
            ops::select(&ops::less(&rest, size)?, &rest, &back)
        }
        "wrap" => ops::remainder(place, size),
        other => Err(Error::unsupported(format!("fill mode `{other}`"))),
    }
}

/// Rounded, halves away from zero.
fn half_away(x: &Tensor) -> Result<Tensor> {
    ops::multiply(&ops::sign(x)?, &ops::floor(&ops::plus(&ops::absolute(x)?, 0.5)?)?)
}
