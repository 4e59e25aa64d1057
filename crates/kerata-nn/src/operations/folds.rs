//! Patches of images as columns, columns as images, and axes by name.

use std::collections::HashMap;

use kerata_core::graph::Tensor;
use kerata_core::ops::{Range, Size};
use kerata_core::{Error, Result, ops};

use super::Table;
use super::call::{Call, one};
use crate::config::Sizes;

pub(super) const TABLE: Table = &[
    ("Fold", |call| one(fold(call))),
    ("Rearrange", |call| one(rearrange(call))),
    ("Unfold", |call| one(unfold(call))),
];

/// How patches lie on the two axes of an image.
struct Patches {
    sizes: Vec<usize>,
    dilation: Vec<usize>,
    padding: Vec<usize>,
    strides: Vec<usize>,
    /// Patches along each axis.
    counts: [usize; 2],
}

impl Patches {
    fn new(call: &Call<'_>, image: [usize; 2]) -> Result<Self> {
        let pair = |key: &str, default: usize| call.or(key, Sizes::from(default))?.of_rank(2);
        let sizes = call.require::<Sizes>("kernel_size")?.of_rank(2)?;
        let (dilation, strides) = (pair("dilation", 1)?, pair("stride", 1)?);
        let padding = pair("padding", 0)?;
        let mut counts = [0; 2];
        for (axis, count) in counts.iter_mut().enumerate() {
            let reach = dilation[axis] * sizes[axis].saturating_sub(1) + 1;
            let room = (image[axis] + 2 * padding[axis]).checked_sub(reach);
            let room = room.ok_or_else(|| Error::mismatch("patches are larger than the image"))?;
            *count = room.checked_div(strides[axis]).ok_or_else(|| Error::mismatch("a stride of zero"))? + 1;
        }
        Ok(Self { sizes, dilation, padding, strides, counts })
    }

    /// For each place in a patch, row by row, where it lies in all patches.
    fn ranges(&self) -> impl Iterator<Item = [Range; 4]> + '_ {
        let range = |axis: usize, place: usize| {
            let start = (place * self.dilation[axis]) as i64;
            let step = self.strides[axis] as i64;
            Range { start: Some(start), stop: Some(start + (self.counts[axis] as i64 - 1) * step + 1), step }
        };
        (0..self.sizes[0]).flat_map(move |row| {
            (0..self.sizes[1]).map(move |column| [Range::ALL, Range::ALL, range(0, row), range(1, column)])
        })
    }
}

/// The patches of images `(batch, channels, height, width)` as columns.
fn unfold(call: &Call<'_>) -> Result<Tensor> {
    let x = call.first()?;
    let known = |axis| x.spec().known_axis(axis);
    let (channels, patches) = (known(1)?, Patches::new(call, [known(2)?, known(3)?])?);
    let widths = |axis: usize| (patches.padding[axis], patches.padding[axis]);
    let padded = ops::pad(&x, &[(0, 0), (0, 0), widths(0), widths(1)], ops::PadMode::Constant, 0.0)?;
    let parts = patches.ranges().map(|ranges| ops::slice(&padded, &ranges)).collect::<Result<Vec<_>>>()?;
    let (places, [rows, columns]) = (parts.len(), patches.counts);
    ops::reshape(
        &ops::stack(&parts, 2)?,
        [x.size(0), Size::from(channels * places), Size::from(rows * columns)],
    )
}

/// The images that columns of patches add up to.
fn fold(call: &Call<'_>) -> Result<Tensor> {
    let x = call.first()?;
    let size = call.require::<Sizes>("output_size")?.of_rank(2)?;
    let patches = Patches::new(call, [size[0], size[1]])?;
    let places = patches.sizes[0] * patches.sizes[1];
    let channels = x.spec().known_axis(1)?.checked_div(places).unwrap_or(0);
    let [rows, columns] = patches.counts;
    let whole = [size[0] + 2 * patches.padding[0], size[1] + 2 * patches.padding[1]];
    let sizes = |rest: &[usize]| -> Vec<Size> {
        std::iter::once(x.size(0)).chain(rest.iter().map(|&size| Size::from(size))).collect()
    };
    let parts = ops::reshape(&x, sizes(&[channels, places, rows, columns]))?;
    let zeros = ops::full(x.builder(), sizes(&[channels, whole[0], whole[1]]), 0.0, x.dtype())?;
    let mut sum = zeros.clone();
    for (place, ranges) in patches.ranges().enumerate() {
        let part = ops::index(&parts, 2, place as i64)?;
        sum = ops::add(&sum, &ops::unslice(&part, &zeros, &ranges)?)?;
    }
    let inner = |axis: usize| {
        let before = patches.padding[axis] as i64;
        Range::new(before, before + size[axis] as i64)
    };
    ops::slice(&sum, &[Range::ALL, Range::ALL, inner(0), inner(1)])
}

/// Axes split, moved and joined by name: `b (h1 h) w -> b h (w h1)`.
fn rearrange(call: &Call<'_>) -> Result<Tensor> {
    let x = call.first()?;
    let pattern = call.plain("pattern", 1)?;
    let pattern = pattern.as_ref().and_then(kerata_core::Tree::as_str).unwrap_or_default();
    let (from, to) = pattern
        .split_once("->")
        .ok_or_else(|| Error::corrupt(format!("the pattern `{pattern}` has no `->`")))?;
    let (from, to) = (groups(from), groups(to));
    if from.len() != x.rank() {
        return Err(Error::mismatch(format!("the pattern `{pattern}` for {} axes", x.rank())));
    }
    let mut sizes: HashMap<&str, Size> = HashMap::new();
    for (axis, group) in from.iter().enumerate() {
        if let [name] = group[..] {
            sizes.insert(name, x.size(axis));
            continue;
        }
        let mut given = 1;
        let mut open = None;
        for &name in group {
            match call.get::<usize>(name)? {
                Some(size) => {
                    given *= size;
                    sizes.insert(name, Size::from(size));
                }
                None => open = Some(name),
            }
        }
        if let Some(name) = open {
            let rest = x.spec().size(axis).and_then(|size| size.checked_div(given));
            sizes.insert(name, rest.map_or(Size::Infer, Size::from));
        }
    }
    let size = |name: &str| {
        sizes
            .get(name)
            .cloned()
            .ok_or_else(|| Error::corrupt(format!("the axis `{name}` is of no known size")))
    };
    let split = from.iter().flatten().map(|name| size(name)).collect::<Result<Vec<_>>>()?;
    let parts = ops::reshape(&x, split)?;
    let names: Vec<&str> = from.iter().flatten().copied().collect();
    let order = to.iter().flatten().map(|name| {
        let place = names.iter().position(|known| known == name);
        place.map(|place| place as i64).ok_or_else(|| Error::corrupt(format!("no axis `{name}` to be moved")))
    });
    let moved = ops::transpose(&parts, &order.collect::<Result<Vec<_>>>()?)?;
    let joined = |group: &Vec<&str>| {
        if let [name] = group[..] {
            return size(name);
        }
        let known = group.iter().map(|name| match size(name) {
            Ok(Size::Known(size)) => Some(size),
            _ => None,
        });
        Ok(known.product::<Option<u64>>().map_or(Size::Infer, Size::Known))
    };
    ops::reshape(&moved, to.iter().map(joined).collect::<Result<Vec<_>>>()?)
}

/// The axes of one side of a pattern; several names in parentheses are one axis.
fn groups(text: &str) -> Vec<Vec<&str>> {
    let mut groups = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (group, after) = match rest.strip_prefix('(') {
            Some(inner) => inner.split_once(')').unwrap_or((inner, "")),
            None => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(rest.len());
                rest.split_at(end)
            }
        };
        groups.push(group.split_whitespace().collect());
        rest = after.trim_start();
    }
    groups
}
