//! Functions that move elements and change shapes.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};
use crate::Registry;
use crate::config::{Axes, Value};

pub(super) const TABLE: Table = &[
    ("Append", |call| {
        let (a, b) = call.pair()?;
        match call.axis()? {
            Some(axis) => one(ops::concatenate(&[a, b], axis)),
            None => one(ops::concatenate(&[ops::ravel(&a)?, ops::ravel(&b)?], 0)),
        }
    }),
    ("ArraySplit", split),
    ("BroadcastTo", |call| {
        if let Some(shape) = call.computed_sizes("shape")? {
            return call.unary(|x| ops::broadcast_shape(x, &shape));
        }
        let shape: Vec<i64> = call.require("shape")?;
        call.unary(|x| ops::broadcast_to(x, shape))
    }),
    ("Concatenate", |call| one(ops::concatenate(&call.tensors()?, call.or("axis", -1)?))),
    ("Diagonal", |call| {
        let (first, second) = (call.or("axis1", 0)?, call.or("axis2", 1)?);
        one(diagonal(&call.first()?, call.or("offset", 0)?, first, second))
    }),
    ("Dsplit", |call| split_along(call, 2)),
    ("Dstack", |call| {
        let tensors = call.tensors()?;
        let raised = tensors.iter().map(|x| match x.rank() {
            0 => ops::reshape(x, [1, 1, 1]),
            1 => ops::reshape(x, [ops::Size::Known(1), x.size(0), ops::Size::Known(1)]),
            2 => ops::expand_dims(x, 2),
            _ => Ok(x.clone()),
        });
        one(ops::concatenate(&raised.collect::<Result<Vec<_>>>()?, 2))
    }),
    ("ExpandDims", |call| {
        let mut x = call.first()?;
        let rank = (x.rank() + call.axes()?.len()) as i64;
        let mut axes: Vec<i64> =
            call.axes()?.iter().map(|&axis| if axis < 0 { axis + rank } else { axis }).collect();
        axes.sort_unstable();
        for axis in axes {
            x = ops::expand_dims(&x, axis)?;
        }
        Ok(vec![x])
    }),
    ("Flip", |call| one(ops::flip(&call.first()?, &call.axes()?))),
    ("Fliplr", |call| call.unary(|x| ops::flip(x, &[1]))),
    ("Flipud", |call| call.unary(|x| ops::flip(x, &[0]))),
    ("Hsplit", |call| {
        let axis = if call.first()?.rank() == 1 { 0 } else { 1 };
        split_along(call, axis)
    }),
    ("Hstack", |call| {
        let tensors = call.tensors()?;
        let axis = if tensors.iter().all(|x| x.rank() <= 1) { 0 } else { 1 };
        one(ops::concatenate(&tensors, axis))
    }),
    ("Moveaxis", |call| {
        let (from, to): (Axes, Axes) = (call.require("source")?, call.require("destination")?);
        call.unary(|x| ops::moveaxis(x, from.list(), to.list()))
    }),
    ("Pad", pad),
    ("Ravel", |call| call.unary(ops::ravel)),
    ("Repeat", |call| {
        let (x, axis) = match call.axis()? {
            Some(axis) => (call.first()?, axis),
            None => (ops::ravel(&call.first()?)?, 0),
        };
        match call.require::<Axes>("repeats")?.list() {
            [count] => one(ops::repeat(&x, whole(*count)?, axis)),
            counts => {
                let counts = counts.iter().map(|&count| whole(count)).collect::<Result<Vec<_>>>()?;
                one(ops::repeat_each(&x, &counts, axis))
            }
        }
    }),
    ("Reshape", |call| {
        let x = call.first()?;
        if let Some(shape) = call.computed_sizes("newshape")? {
            return one(ops::reshape_to(&x, &shape));
        }
        let sizes: Vec<Option<i64>> = call.require("newshape")?;
        one(ops::reshape(&x, sizes.into_iter().map(|size| size.unwrap_or(-1))))
    }),
    ("Roll", |call| {
        let x = call.first()?;
        let shifts: Axes = call.require("shift")?;
        let axes = call.axes()?;
        if axes.is_empty() {
            let flat = ops::roll(&ops::ravel(&x)?, shifts.list().iter().sum(), 0)?;
            return one(ops::reshape(&flat, x.sizes()));
        }
        let shift = |at: usize| shifts.list().get(at).or(shifts.list().first()).copied().unwrap_or(0);
        let rolled = axes.iter().enumerate().try_fold(x, |x, (at, &axis)| ops::roll(&x, shift(at), axis));
        one(rolled)
    }),
    ("Rot90", |call| {
        let axes: Vec<i64> = call.or("axes", vec![0, 1])?;
        let [first, second] = axes[..] else { return Err(Error::corrupt("`axes` are two axes")) };
        let turns: i64 = call.or("k", 1)?;
        call.unary(|x| rot90(x, turns.rem_euclid(4), first, second))
    }),
    ("Split", split),
    ("Squeeze", |call| one(ops::squeeze(&call.first()?, &call.axes()?))),
    ("Stack", |call| one(ops::stack(&call.tensors()?, call.or("axis", 0)?))),
    ("Swapaxes", |call| {
        let (first, second) = (call.require("axis1")?, call.require("axis2")?);
        call.unary(|x| ops::swapaxes(x, first, second))
    }),
    ("Tile", |call| {
        let counts: Axes = call.require("repeats")?;
        let counts = counts.list().iter().map(|&count| whole(count)).collect::<Result<Vec<_>>>()?;
        call.unary(|x| ops::tile(x, &counts))
    }),
    ("Trace", |call| {
        let (first, second) = (call.or("axis1", 0)?, call.or("axis2", 1)?);
        let diagonal = diagonal(&call.first()?, call.or("offset", 0)?, first, second)?;
        one(ops::sum(&diagonal, &[-1], false))
    }),
    ("Transpose", |call| {
        let x = call.first()?;
        let axes: Vec<i64> = call.get("axes")?.unwrap_or_else(|| (0..x.rank() as i64).rev().collect());
        one(ops::transpose(&x, &axes))
    }),
    ("Tril", |call| one(ops::tril(&call.first()?, call.or("k", 0)?))),
    ("Triu", |call| one(ops::triu(&call.first()?, call.or("k", 0)?))),
    ("Unstack", |call| ops::unstack(&call.first()?, call.or("axis", 0)?)),
    ("View", |call| {
        let dtype: DType = call.require("dtype")?;
        let x = call.first()?;
        if x.dtype() == dtype { Ok(vec![x]) } else { Err(Error::unsupported("a view in another dtype")) }
    }),
    ("Vsplit", |call| split_along(call, 0)),
    ("Vstack", |call| {
        let tensors = call.tensors()?;
        let raised = tensors.iter().map(|x| match x.rank() {
            0 => ops::reshape(x, [1, 1]),
            1 => ops::expand_dims(x, 0),
            _ => Ok(x.clone()),
        });
        one(ops::concatenate(&raised.collect::<Result<Vec<_>>>()?, 0))
    }),
];

fn whole(number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|_| Error::corrupt(format!("expected a count, found {number}")))
}

fn split(call: &Call<'_>) -> Result<Vec<Tensor>> {
    split_along(call, call.or("axis", 0)?)
}

/// Equal parts, or parts between places.
fn split_along(call: &Call<'_>, axis: i64) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let places: Tree = call.require("indices_or_sections")?;
    let registry = Registry::built_in();
    if let Ok(count) = usize::read(&places, registry) {
        let size = x.spec().known_axis(axis)?;
        if count != 0 && size % count != 0 {
            // `array_split` gives the first parts one more element.
            let sizes: Vec<usize> =
                (0..count).map(|part| size / count + usize::from(part < size % count)).collect();
            return ops::split_sizes(&x, &sizes, axis);
        }
        return ops::split(&x, count, axis);
    }
    let places: Vec<i64> = Vec::read(&places, registry)?;
    let bounds: Vec<Option<i64>> =
        std::iter::once(None).chain(places.into_iter().map(Some)).chain([None]).collect();
    bounds
        .windows(2)
        .map(|pair| ops::slice_axis(&x, axis, ops::Range { start: pair[0], stop: pair[1], step: 1 }))
        .collect()
}

fn pad(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let x = call.first()?;
    let registry = Registry::built_in();
    let widths: Tree = call.require("pad_width")?;
    let pair = |tree: &Tree| match tree.as_list() {
        Some([one]) => usize::read(one, registry).map(|width| (width, width)),
        Some([before, after]) => Ok((usize::read(before, registry)?, usize::read(after, registry)?)),
        _ => usize::read(tree, registry).map(|width| (width, width)),
    };
    let mut widths = match widths.as_list() {
        Some(items) if items.iter().any(|item| item.as_list().is_some()) => {
            items.iter().map(pair).collect::<Result<Vec<_>>>()?
        }
        _ => vec![pair(&widths)?],
    };
    if let [everywhere] = widths[..] {
        widths = vec![everywhere; x.rank()];
    }
    let mode = match call.or("mode", "constant".to_owned())?.as_str() {
        "constant" => ops::PadMode::Constant,
        "reflect" => ops::PadMode::Reflect,
        "symmetric" => ops::PadMode::Symmetric,
        "edge" => ops::PadMode::Edge,
        other => return Err(Error::unsupported(format!("padding mode `{other}`"))),
    };
    let value = call.plain("constant_values", 1)?.and_then(|tree| tree.as_f64()).unwrap_or(0.0);
    one(ops::pad(&x, &widths, mode, value))
}

/// A quarter turn so many times from the first axis to the second.
fn rot90(x: &Tensor, turns: i64, first: i64, second: i64) -> Result<Tensor> {
    match turns {
        0 => Ok(x.clone()),
        1 => ops::swapaxes(&ops::flip(x, &[second])?, first, second),
        2 => ops::flip(x, &[first, second]),
        _ => ops::flip(&ops::swapaxes(x, first, second)?, &[second]),
    }
}

/// The diagonal of two axes, as the last axis.
pub(super) fn diagonal(x: &Tensor, offset: i64, first: i64, second: i64) -> Result<Tensor> {
    let mut x = ops::moveaxis(x, &[first, second], &[-2, -1])?;
    if offset > 0 {
        x = ops::slice_axis(&x, -1, ops::Range::from(offset))?;
    } else if offset < 0 {
        x = ops::slice_axis(&x, -2, ops::Range::from(-offset))?;
    }
    let (rows, columns) = (x.spec().known_axis(-2)?, x.spec().known_axis(-1)?);
    let eye = ops::eye(x.builder(), rows, columns, 0, DType::Bool)?;
    let zeros = ops::zeros_like(&x)?;
    let kept = ops::sum(&ops::select(&eye, &x, &zeros)?, &[-2], false)?;
    let kept = if kept.dtype() == x.dtype() { kept } else { ops::cast(&kept, x.dtype())? };
    ops::slice_axis(&kept, -1, ops::Range::to(rows.min(columns) as i64))
}
