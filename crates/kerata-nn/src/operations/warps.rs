//! Images moved and bent: their pixels are looked up at other places.

use kerata_core::graph::Tensor;
use kerata_core::ops::Size;
use kerata_core::{Array, DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use super::filters::blur;
use super::image::images;

pub(super) const TABLE: Table = &[
    ("AffineTransform", |call| {
        let transforms = ops::cast(&call.tensor("transform", 1)?, DType::Float32)?;
        let transforms = if transforms.rank() == 1 { ops::expand_dims(&transforms, 0)? } else { transforms };
        let fill_mode = call.or("fill_mode", "constant".to_owned())?;
        images(call, |call, x| project(call, x, &transforms, &fill_mode))
    }),
    ("ElasticTransform", |call| images(call, elastic)),
    ("MapCoordinates", |call| {
        let (x, places) = (call.first()?, call.tensor("coordinates", 1)?);
        let order: i64 = call.require("order")?;
        let mode = call.or("fill_mode", "constant".to_owned())?;
        one(map_coordinates(&x, &ops::unstack(&places, 0)?, order, &mode, call.or("fill_value", 0.0)?))
    }),
    ("PerspectiveTransform", |call| {
        let points = |name, position| {
            let points = ops::cast(&call.tensor(name, position)?, DType::Float32)?;
            if points.rank() == 2 { ops::expand_dims(&points, 0) } else { Ok(points) }
        };
        let transforms = homography(&points("start_points", 1)?, &points("end_points", 2)?)?;
        images(call, |call, x| project(call, x, &transforms, "constant"))
    }),
    ("ScaleAndTranslate", |call| one(scale_and_translate(call))),
];

/// The eight numbers that take the corners of one square to those of another.
fn homography(start: &Tensor, end: &Tensor) -> Result<Tensor> {
    let of = |points: &Tensor, corner: i64, axis: i64| ops::index(&ops::index(points, 1, corner)?, 1, axis);
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for corner in 0..4 {
        let (x, y) = (of(end, corner, 0)?, of(end, corner, 1)?);
        let (zero, unit) = (ops::zeros_like(&x)?, ops::ones_like(&x)?);
        for axis in 0..2 {
            let target = of(start, corner, axis)?;
            let bent = |by: &Tensor| ops::negative(&ops::multiply(&target, by)?);
            let own = [x.clone(), y.clone(), unit.clone()];
            let none = [zero.clone(), zero.clone(), zero.clone()];
            let (first, second) = if axis == 0 { (own, none) } else { (none, own) };
            let row: Vec<Tensor> = first.into_iter().chain(second).chain([bent(&x)?, bent(&y)?]).collect();
            rows.push(ops::stack(&row, -1)?);
            targets.push(target);
        }
    }
    let solved = ops::solve(&ops::stack(&rows, 1)?, &ops::expand_dims(&ops::stack(&targets, -1)?, -1)?)?;
    ops::squeeze(&solved, &[-1])
}

/// Images `(batch, height, width, channels)` whose pixel at `(x, y)` is that at
/// `((a₀x + a₁y + a₂) / k, (b₀x + b₁y + b₂) / k)` with `k = c₀x + c₁y + 1`.
fn project(call: &Call<'_>, x: &Tensor, transforms: &Tensor, fill_mode: &str) -> Result<Tensor> {
    let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
    let fill: f64 = call.or("fill_value", 0.0)?;
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    for row in 0..height {
        for column in 0..width {
            columns.push(column as f32);
            rows.push(row as f32);
        }
    }
    let constant = |values: Vec<f32>| x.builder().constant(Array::vector(values));
    let (columns, rows) = (constant(columns), constant(rows));
    let number = |at: i64| ops::slice_axis(transforms, 1, ops::Range::new(at, at + 1));
    let line = |a: i64, b: i64| {
        ops::add(&ops::multiply(&number(a)?, &columns)?, &ops::multiply(&number(b)?, &rows)?)
    };
    let depth = ops::plus(&line(6, 7)?, 1.0)?;
    let place = |a: i64| ops::divide(&ops::add(&line(a, a + 1)?, &number(a + 2)?)?, &depth);
    let (at_x, at_y) = (within(&place(0)?, width, fill_mode)?, within(&place(3)?, height, fill_mode)?);
    let channels = x.spec().known_axis(3)?;
    let flat = ops::reshape(x, [x.size(0), Size::from(height * width), Size::from(channels)])?;
    let dtype = if x.dtype().is_float() { x.dtype() } else { DType::Float32 };
    let flat = ops::cast(&flat, dtype)?;
    let filled = ops::cast(&ops::scalar(&flat, fill)?, dtype)?;
    let read = |row: &Tensor, column: &Tensor| {
        let inside = ops::logical_and(&is_inside(row, height)?, &is_inside(column, width)?)?;
        let place = ops::add(
            &ops::times(&ops::clip(row, 0.0, height as f64 - 1.0)?, width as f64)?,
            &ops::clip(column, 0.0, width as f64 - 1.0)?,
        )?;
        // One transform may stand for all images.
        let sizes = [x.size(0), Size::from(height * width), Size::from(channels)];
        let place = ops::broadcast_to(&ops::expand_dims(&ops::cast(&place, DType::Int32)?, -1)?, sizes)?;
        let found = ops::take_along_axis(&flat, &place, 1)?;
        ops::select(&ops::expand_dims(&inside, -1)?, &found, &filled)
    };
    let result = match call.or("interpolation", "bilinear".to_owned())?.as_str() {
        "nearest" => read(&rounded(&at_y)?, &rounded(&at_x)?)?,
        "bilinear" => {
            let (left, top) = (ops::floor(&at_x)?, ops::floor(&at_y)?);
            let (right, bottom) = (ops::plus(&left, 1.0)?, ops::plus(&top, 1.0)?);
            let mixed = |a: &Tensor, b: &Tensor, from: &Tensor, to: &Tensor, at: &Tensor| {
                let part = |share: Tensor, value: &Tensor| {
                    ops::multiply(&ops::cast(&ops::expand_dims(&share, -1)?, dtype)?, value)
                };
                ops::add(&part(ops::subtract(to, at)?, a)?, &part(ops::subtract(at, from)?, b)?)
            };
            let row = |row: &Tensor| mixed(&read(row, &left)?, &read(row, &right)?, &left, &right, &at_x);
            mixed(&row(&top)?, &row(&bottom)?, &top, &bottom, &at_y)?
        }
        other => return Err(Error::unsupported(format!("interpolation `{other}`"))),
    };
    // Where the plane vanishes there is no pixel.
    let vanishes = ops::equal(&depth, &ops::zeros_like(&depth)?)?;
    let result = ops::select(&ops::expand_dims(&vanishes, -1)?, &filled, &result)?;
    ops::cast(&ops::reshape(&result, x.sizes())?, x.dtype())
}

fn is_inside(place: &Tensor, size: usize) -> Result<Tensor> {
    let (first, end) = (ops::zeros_like(place)?, ops::scalar(place, size as f64)?);
    ops::logical_and(&ops::greater_equal(place, &first)?, &ops::less(place, &end)?)
}

/// To the nearest whole number, halves away from zero.
fn rounded(x: &Tensor) -> Result<Tensor> {
    ops::multiply(&ops::sign(x)?, &ops::floor(&ops::plus(&ops::absolute(x)?, 0.5)?)?)
}

/// Places beyond the edges of an axis brought back, as TensorFlow's projections do.
fn within(place: &Tensor, size: usize, fill_mode: &str) -> Result<Tensor> {
    let last = size as f64 - 1.0;
    let is_before = ops::less(place, &ops::zeros_like(place)?)?;
    let is_behind = ops::greater(place, &ops::scalar(place, last)?)?;
    let whole = |x: &Tensor, by: f64| ops::trunc(&ops::times(x, 1.0 / by)?);
    let choose = |before: Tensor, behind: Tensor| {
        let moved = ops::select(&is_before, &before, &ops::select(&is_behind, &behind, place)?)?;
        ops::clip(&moved, 0.0, last)
    };
    match fill_mode {
        "constant" => Ok(place.clone()),
        "nearest" => ops::clip(place, 0.0, last),
        _ if size <= 1 => ops::clip(place, 0.0, 0.0),
        "reflect" => {
            let turn = 2.0 * size as f64;
            let far = ops::add(&ops::times(&whole(&ops::negative(place)?, turn)?, turn)?, place)?;
            let far = ops::select(&ops::less(place, &ops::scalar(place, turn)?)?, &far, place)?;
            let mirrored = ops::plus(&ops::negative(&far)?, -1.0)?;
            let is_far = ops::less(&far, &ops::scalar(&far, -(size as f64))?)?;
            let before = ops::select(&is_far, &ops::plus(&far, turn)?, &mirrored)?;
            let over = ops::subtract(place, &ops::times(&whole(place, turn)?, turn)?)?;
            let is_over = ops::greater_equal(&over, &ops::scalar(&over, size as f64)?)?;
            let behind = ops::select(&is_over, &ops::plus(&ops::negative(&over)?, turn - 1.0)?, &over)?;
            choose(before, behind)
        }
        "wrap" => {
            let turns = ops::plus(&whole(&ops::negative(place)?, last)?, 1.0)?;
            let before = ops::add(place, &ops::times(&turns, size as f64)?)?;
            let behind = ops::subtract(place, &ops::times(&whole(place, last)?, size as f64)?)?;
            choose(before, behind)
        }
        other => Err(Error::unsupported(format!("fill mode `{other}`"))),
    }
}

/// The elements at places that need not be whole, one tensor of places for each axis.
fn map_coordinates(x: &Tensor, places: &[Tensor], order: i64, mode: &str, fill: f64) -> Result<Tensor> {
    if places.len() != x.rank() {
        return Err(Error::mismatch(format!("{} coordinates for {} axes", places.len(), x.rank())));
    }
    // For each axis, the whole places beside, whether they lie inside, and their shares.
    let mut beside: Vec<Vec<(Tensor, Tensor, Tensor)>> = Vec::new();
    for (axis, place) in places.iter().enumerate() {
        let size = x.spec().known_axis(axis as i64)?;
        let place = ops::to_float(place)?;
        let nodes = match order {
            0 => vec![(ops::round(&place)?, ops::ones_like(&place)?)],
            1 => {
                let low = ops::floor(&place)?;
                let share = ops::subtract(&place, &low)?;
                vec![(low.clone(), ops::one_minus(&share)?), (ops::plus(&low, 1.0)?, share)]
            }
            _ => return Err(Error::unsupported(format!("order {order}: Keras takes 0 and 1"))),
        };
        let nodes = nodes.into_iter().map(|(place, share)| {
            let (place, inside) = safe(&place, size, mode)?;
            Ok((ops::cast(&place, DType::Int32)?, inside, share))
        });
        beside.push(nodes.collect::<Result<_>>()?);
    }
    let mut choices: Vec<Vec<&(Tensor, Tensor, Tensor)>> = vec![Vec::new()];
    for nodes in &beside {
        choices = choices
            .into_iter()
            .flat_map(|choice| nodes.iter().map(move |node| choice.iter().copied().chain([node]).collect()))
            .collect();
    }
    let mut sum: Option<Tensor> = None;
    for choice in &choices {
        let whole: Vec<Tensor> = choice.iter().map(|(place, _, _)| place.clone()).collect();
        let mut part = ops::to_float(&ops::gather_nd(x, &ops::stack(&whole, -1)?)?)?;
        if mode == "constant" {
            for (_, inside, _) in choice {
                part = ops::select(inside, &part, &ops::cast(&ops::scalar(&part, fill)?, part.dtype())?)?;
            }
        }
        for (_, _, share) in choice {
            part = ops::multiply(&part, share)?;
        }
        sum = Some(match sum {
            Some(sum) => ops::add(&sum, &part)?,
            None => part,
        });
    }
    let sum = sum.ok_or_else(|| Error::mismatch("no axes"))?;
    let sum = if x.dtype().is_integer() { ops::round(&sum)? } else { sum };
    ops::cast(&sum, x.dtype())
}

/// Whole places brought onto an axis, and whether they were on it, as Keras does.
fn safe(place: &Tensor, size: usize, mode: &str) -> Result<(Tensor, Tensor)> {
    let last = size as f64 - 1.0;
    let all = ops::full(place.builder(), place.sizes(), 1.0, DType::Bool)?;
    match mode {
        "constant" => Ok((ops::clip(place, 0.0, last)?, is_inside(place, size)?)),
        "nearest" => Ok((ops::clip(place, 0.0, last)?, all)),
        "wrap" => Ok((ops::remainder(place, &ops::scalar(place, size as f64)?)?, all)),
        "mirror" | "reflect" => {
            let turn = ops::scalar(place, 2.0 * size as f64)?;
            let rest = ops::remainder(&ops::absolute(place)?, &turn)?;
            let is_under = ops::less(&rest, &ops::scalar(&rest, size as f64)?)?;
            let back = ops::subtract(&turn, &rest)?;
            let back = if mode == "reflect" { ops::plus(&back, -1.0)? } else { back };
            Ok((ops::select(&is_under, &rest, &back)?, all))
        }
        other => Err(Error::unsupported(format!("fill mode `{other}`"))),
    }
}

/// Images bent by smoothed random shifts, the same ones for each run.
fn elastic(call: &Call<'_>, x: &Tensor) -> Result<Tensor> {
    let seed: i64 = call.get("seed")?.ok_or_else(|| {
        Error::unsupported("`elastic_transform` without a seed bends otherwise at each run")
            .hint("give `seed` a number")
    })?;
    let known = |axis| x.spec().known_axis(axis);
    let batch = known(0).map_err(|_| Error::unsupported("`elastic_transform` of a batch of any size"))?;
    let (height, width, channels) = (known(1)?, known(2)?, known(3)?);
    let (alpha, sigma): (f64, f64) = (call.or("alpha", 20.0)?, call.or("sigma", 5.0)?);
    let mode = call.or("fill_mode", "reflect".to_owned())?;
    let fill = call.or("fill_value", 0.0)?;
    let order = i64::from(call.or("interpolation", "bilinear".to_owned())? == "bilinear");
    let seed = u32::try_from(seed.rem_euclid(1 << 32)).unwrap_or(0);
    let seed = call.builder.constant(Array::vector(vec![seed, 0]));
    // Rows and columns are shifted by the same numbers: Keras draws both from one seed.
    let shifts = ops::random_normal(&seed, [batch, height, width], 0.0, 1.0, x.dtype())?;
    let shifts = ops::expand_dims(&ops::times(&shifts, sigma)?, -1)?;
    let size = (6 * sigma as usize) | 1;
    let shifts = ops::times(&ops::squeeze(&blur(&shifts, [size, size], [sigma, sigma])?, &[-1])?, alpha)?;
    let rows = ops::expand_dims(&ops::iota(call.builder, height, x.dtype())?, 1)?;
    let columns = ops::iota(call.builder, width, x.dtype())?;
    let (rows, columns) = (ops::add(&shifts, &rows)?, ops::add(&shifts, &columns)?);
    let mut bent = Vec::new();
    for image in 0..batch as i64 {
        let (x, at) =
            (ops::index(x, 0, image)?, [ops::index(&rows, 0, image)?, ops::index(&columns, 0, image)?]);
        let channel = |channel| map_coordinates(&ops::index(&x, -1, channel)?, &at, order, &mode, fill);
        bent.push(ops::stack(&(0..channels as i64).map(channel).collect::<Result<Vec<_>>>()?, -1)?);
    }
    ops::stack(&bent, 0)
}

/// An image stretched and moved along some axes: products with the shares that each pixel has in each new one.
fn scale_and_translate(call: &Call<'_>) -> Result<Tensor> {
    let x = call.first()?;
    let sizes = call.plain("output_shape", 1)?;
    let sizes = sizes.as_ref().map(|tree| tree.path(&["config", "value"]).unwrap_or(tree));
    let sizes: Vec<usize> = match sizes {
        Some(tree) => crate::config::Value::read(tree, crate::Registry::built_in())?,
        None => return Err(Error::unsupported("an `output_shape` that is a tensor")),
    };
    let (scale, shift) =
        (ops::to_float(&call.tensor("scale", 2)?)?, ops::to_float(&call.tensor("translation", 3)?)?);
    let axes: Vec<i64> = call.require("spatial_dims")?;
    let method: String = call.require("method")?;
    let antialias = call.or("antialias", true)?;
    let mut out = ops::to_float(&x)?;
    for (position, axis) in (0..).zip(axes) {
        let place = x.spec().axis(axis)?;
        let size = *sizes.get(place).ok_or_else(|| Error::mismatch("`output_shape` is too short"))?;
        let (scale, shift) = (ops::index(&scale, 0, position)?, ops::index(&shift, 0, position)?);
        let shares = shares(x.spec().known_axis(axis)?, size, &scale, &shift, &method, antialias)?;
        let last = ops::moveaxis(&out, &[axis], &[-1])?;
        out = ops::moveaxis(&ops::matmul(&last, &ops::cast(&shares, last.dtype())?)?, &[-1], &[axis])?;
    }
    if x.dtype().is_float() {
        return Ok(out);
    }
    let (least, most) = (ops::min(&x, &[], false)?, ops::max(&x, &[], false)?);
    let whole = ops::round(&out)?;
    let whole = ops::maximum(&whole, &ops::cast(&least, whole.dtype())?)?;
    ops::cast(&ops::minimum(&whole, &ops::cast(&most, whole.dtype())?)?, x.dtype())
}

/// The share of each of `from` pixels in each of `to` new ones.
fn shares(
    from: usize,
    to: usize,
    scale: &Tensor,
    shift: &Tensor,
    method: &str,
    antialias: bool,
) -> Result<Tensor> {
    let step = ops::reciprocal(scale)?;
    let wide = if antialias { ops::maximum(&step, &ops::ones_like(&step)?)? } else { ops::ones_like(&step)? };
    let new = ops::plus(&ops::iota(scale.builder(), to, scale.dtype())?, 0.5)?;
    let at = ops::subtract(&ops::multiply(&new, &step)?, &ops::multiply(shift, &step)?)?;
    let at = ops::plus(&at, -0.5)?;
    let own = ops::expand_dims(&ops::iota(scale.builder(), from, scale.dtype())?, 1)?;
    let apart = ops::divide(&ops::absolute(&ops::subtract(&at, &own)?)?, &wide)?;
    let zero = ops::zeros_like(&apart)?;
    let limit = |value: f64| ops::scalar(&apart, value);
    let lanczos = |radius: f64| {
        let pi = std::f64::consts::PI;
        let waves = ops::multiply(
            &ops::sin(&ops::times(&apart, pi)?)?,
            &ops::sin(&ops::times(&apart, pi / radius)?)?,
        )?;
        let shares = ops::divide_no_nan(&ops::times(&waves, radius / (pi * pi))?, &ops::square(&apart)?)?;
        let shares = ops::select(&ops::greater(&apart, &limit(1e-3)?)?, &shares, &ops::ones_like(&apart)?)?;
        ops::select(&ops::greater(&apart, &limit(radius)?)?, &zero, &shares)
    };
    let shares = match method {
        "linear" | "bilinear" | "trilinear" | "triangle" => ops::maximum(&ops::one_minus(&apart)?, &zero)?,
        "cubic" | "bicubic" | "tricubic" => {
            let polynomial = |numbers: [f64; 4]| {
                let [first, rest @ ..] = numbers;
                rest.iter().try_fold(ops::full_like(&apart, first)?, |sum, &number| {
                    ops::plus(&ops::multiply(&sum, &apart)?, number)
                })
            };
            let (near, far) = (polynomial([1.5, -2.5, 0.0, 1.0])?, polynomial([-0.5, 2.5, -4.0, 2.0])?);
            let shares = ops::select(&ops::greater_equal(&apart, &limit(1.0)?)?, &far, &near)?;
            ops::select(&ops::greater_equal(&apart, &limit(2.0)?)?, &zero, &shares)?
        }
        "lanczos3" => lanczos(3.0)?,
        "lanczos5" => lanczos(5.0)?,
        other => return Err(Error::unsupported(format!("method `{other}`"))),
    };
    let sum = ops::sum(&shares, &[0], true)?;
    let is_some = ops::greater(&ops::absolute(&sum)?, &ops::scalar(&sum, 1000.0 * f64::from(f32::EPSILON))?)?;
    let shares = ops::select(&is_some, &ops::divide_no_nan(&shares, &sum)?, &zero)?;
    let (first, end) = (ops::scalar(&at, -0.5)?, ops::scalar(&at, from as f64 - 0.5)?);
    let is_inside = ops::logical_and(&ops::greater_equal(&at, &first)?, &ops::less_equal(&at, &end)?)?;
    ops::select(&is_inside, &shares, &zero)
}
