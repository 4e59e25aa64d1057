//! Moving elements: gather, scatter, split, tile, transpose, sort.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, PadMode, Range, ScatterMode, Size, scalar};
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::{Element, Value};

pub const OPS: &[(&str, Lowering)] = &[
    ("BatchToSpaceND", batch_to_space),
    ("Bincount", bincount),
    ("Bucketize", bucketize),
    ("DenseBincount", bincount),
    ("DepthToSpace", depth_to_space),
    ("Diag", |c| diagonal(c)),
    ("Gather", |c| gather(c, 0)),
    ("GatherNd", |c| c.binary(ops::gather_nd)),
    ("GatherV2", |c| gather(c, c.number(2)?)),
    ("InvertPermutation", invert_permutation),
    ("LinSpace", linspace),
    ("MatrixBandPart", band_part),
    ("MatrixDiag", |c| diagonal(c)),
    ("MatrixDiagV3", matrix_diag),
    ("MirrorPad", |c| {
        pad(c, if c.text("mode", "REFLECT") == "REFLECT" { PadMode::Reflect } else { PadMode::Symmetric })
    }),
    ("OneHot", one_hot),
    ("Pad", |c| pad(c, PadMode::Constant)),
    ("PadV2", |c| pad(c, PadMode::Constant)),
    ("Reverse", |c| c.one(ops::flip(c.tensor(0)?, &c.numbers(1)?)?)),
    ("ReverseV2", |c| c.one(ops::flip(c.tensor(0)?, &c.numbers(1)?)?)),
    ("Roll", roll),
    ("ScatterNd", |c| c.one(ops::scatter(c.tensor(0)?, c.tensor(1)?, c.full_sizes(2)?)?)),
    ("Select", select_v1),
    ("SelectV2", |c| c.one(ops::select(c.tensor(0)?, c.tensor(1)?, c.tensor(2)?)?)),
    ("Slice", super::slices::slice),
    ("SpaceToBatchND", space_to_batch),
    ("SpaceToDepth", space_to_depth),
    ("Split", |c| split(c, c.tensor(1)?, c.number(0)?)),
    ("SplitV", split_v),
    ("TensorScatterAdd", |c| scattered(c, ScatterMode::Add)),
    ("TensorScatterMax", |c| scattered(c, ScatterMode::Max)),
    ("TensorScatterMin", |c| scattered(c, ScatterMode::Min)),
    ("TensorScatterUpdate", |c| scattered(c, ScatterMode::Update)),
    ("Tile", tile),
    ("TopKV2", top_k),
    ("Transpose", transpose),
    ("Unique", unique),
    ("UniqueV2", unique),
    ("UniqueWithCounts", unique),
    ("UniqueWithCountsV2", unique),
    ("UnsortedSegmentSum", segment_sum),
];

/// The different elements of a vector in the order in which they come, the number of each element among them, and counts.
fn unique(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    if x.rank() != 1 {
        return Err(Error::unsupported("the different rows of a matrix"));
    }
    let to = c.dtype("out_idx", DType::Int32)?;
    let found = ops::unique(x, false)?;
    let places = found.places()?;
    let counts = ops::cast(&ops::take(&found.counts, &places, Some(0))?, to)?;
    let all = [ops::take(x, &places, Some(0))?, ops::cast(&found.inverse, to)?, counts];
    Ok(all.into_iter().map(Value::of).collect())
}

/// `data, ids, count`, where the count may be computed.
fn segment_sum(c: &Call<'_>) -> Outputs {
    if let Ok(count) = c.number(2) {
        return c.one(ops::segment_sum(c.tensor(0)?, c.tensor(1)?, count)?);
    }
    let count = ops::cast(&ops::reshape(c.tensor(2)?, [1])?, DType::Int32)?;
    let bins = ops::broadcast_shape(&c.builder.constant(Array::scalar(0i32)), &count)?;
    let ids = ops::cast(c.tensor(1)?, DType::Int32)?;
    c.one(ops::segment_sum(c.tensor(0)?, &ids, bins.size(0))?)
}

fn gather(c: &Call<'_>, axis: i64) -> Outputs {
    let (x, places) = (c.tensor(0)?, c.tensor(1)?);
    let batch = c.int("batch_dims", 0);
    if batch != 0 {
        return gather_batched(c, x, places, axis, batch);
    }
    let picked = match (c.elements(0)?, c.elements(1)?) {
        (Some(elements), Some(places)) if x.rank() == 1 => places
            .iter()
            .map(|place| elements.get(usize::try_from(place.known()?).ok()?).cloned())
            .collect::<Option<Vec<Element>>>(),
        _ => None,
    };
    c.followed(ops::take(x, places, Some(axis))?, picked)
}

/// One leading axis in common: places of one batch entry are looked up in that entry.
fn gather_batched(c: &Call<'_>, x: &Tensor, places: &Tensor, axis: i64, batch: i64) -> Outputs {
    let axis = x.spec().axis(axis)?;
    let batch = places.spec().axis(batch)?;
    if batch != axis || places.rank() != batch + 1 {
        return Err(Error::unsupported("a gather with batch axes of this kind"));
    }
    // Places take the rank of x, so that each finds its row along the axis.
    let mut places = places.clone();
    for _ in axis + 1..x.rank() {
        places = ops::expand_dims(&places, -1)?;
    }
    let mut sizes = places.sizes();
    for (at, size) in sizes.iter_mut().enumerate().skip(axis + 1) {
        *size = x.size(at);
    }
    c.one(ops::take_along_axis(x, &ops::broadcast_to(&places, sizes)?, axis as i64)?)
}

fn transpose(c: &Call<'_>) -> Outputs {
    c.one(ops::transpose(c.tensor(0)?, &c.numbers(1)?)?)
}

fn split(c: &Call<'_>, x: &Tensor, axis: i64) -> Outputs {
    let count =
        usize::try_from(c.int("num_split", 1)).map_err(|_| Error::corrupt("a split into fewer than none"))?;
    Ok(ops::split(x, count, axis)?.into_iter().map(Value::of).collect())
}

fn split_v(c: &Call<'_>) -> Outputs {
    let (x, axis) = (c.tensor(0)?, c.number(2)?);
    let mut sizes = c.numbers(1)?;
    if let Some(open) = sizes.iter().position(|size| *size == -1) {
        let whole = x.spec().known_axis(axis)? as i64;
        let rest: i64 = sizes.iter().filter(|size| **size >= 0).sum();
        if let Some(size) = sizes.get_mut(open) {
            *size = whole - rest;
        }
    }
    let sizes: Option<Vec<usize>> = sizes.into_iter().map(|size| usize::try_from(size).ok()).collect();
    let sizes = sizes.ok_or_else(|| Error::corrupt("a split into pieces of negative size"))?;
    Ok(ops::split_sizes(x, &sizes, axis)?.into_iter().map(Value::of).collect())
}

fn tile(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    if let Ok(counts) = c.numbers(1) {
        let counts: Option<Vec<usize>> =
            counts.into_iter().map(|count| usize::try_from(count).ok()).collect();
        return c.one(ops::tile(x, &counts.ok_or_else(|| Error::corrupt("negative repetitions"))?)?);
    }
    // Axes of one element are stretched; others are repeated a known number of times.
    let counts =
        c.elements(1)?.ok_or_else(|| Error::unsupported("repetitions known only when the graph runs"))?;
    let is_plain = counts.iter().enumerate().all(|(axis, count)| {
        count.known() == Some(1) || (x.spec().size(axis) == Some(1) && !count.is_open())
    });
    if !is_plain {
        return Err(Error::unsupported("repetitions known only when the graph runs"));
    }
    let size =
        |(axis, count): (usize, &Element)| if count.known() == Some(1) { x.size(axis) } else { count.size() };
    let sizes: Vec<Size> = counts.iter().enumerate().map(size).collect();
    c.one(ops::broadcast_to(x, sizes)?)
}

fn pad(c: &Call<'_>, mode: PadMode) -> Outputs {
    let x = c.tensor(0)?;
    let pads =
        c.tensor(1)?.constant().ok_or_else(|| Error::unsupported("pads known only when the graph runs"))?;
    let pads: Option<Vec<usize>> = pads.to_i64s()?.into_iter().map(|pad| usize::try_from(pad).ok()).collect();
    let pads = pads.ok_or_else(|| Error::corrupt("negative pads"))?;
    let widths: Vec<(usize, usize)> = pads.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let value = match c.inputs.get(2) {
        Some(value) => {
            let constant = value.tensor()?.constant();
            constant
                .ok_or_else(|| Error::unsupported("a pad value known only when the graph runs"))?
                .to_f64()?
        }
        None => 0.0,
    };
    c.one(ops::pad(x, &widths, mode, value)?)
}

fn one_hot(c: &Call<'_>) -> Outputs {
    let dtype = c.tensor(2)?.dtype();
    let depth = usize::try_from(c.number(1)?).map_err(|_| Error::corrupt("a negative depth"))?;
    let hot = ops::one_hot(c.tensor(0)?, depth, c.int("axis", -1), DType::Bool)?;
    let made = ops::select(&hot, c.tensor(2)?, c.tensor(3)?)?;
    c.one(ops::cast(&made, dtype)?)
}

fn top_k(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let last = x.rank().saturating_sub(1);
    if let Some([count]) = c.elements(1)?
        && count.known().is_none()
        && count.is_same(&Element::of_axis(x, last))
    {
        // As many as there are, however many: all of them in order.
        let places = ops::argsort(&ops::negative(x)?, -1)?;
        let values = ops::take_along_axis(x, &places, -1)?;
        return Ok(vec![Value::of(values), Value::of(ops::cast(&places, DType::Int32)?)]);
    }
    let k = usize::try_from(c.number(1)?).map_err(|_| Error::corrupt("a negative count"))?;
    let (values, places) = ops::top_k(x, k)?;
    Ok(vec![Value::of(values), Value::of(ops::cast(&places, DType::Int32)?)])
}

/// The condition has the shape of the others, or is a vector that chooses rows.
fn select_v1(c: &Call<'_>) -> Outputs {
    let (condition, a, b) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?);
    let mut condition = condition.clone();
    if condition.rank() == 1 {
        for _ in 1..a.rank() {
            condition = ops::expand_dims(&condition, -1)?;
        }
    }
    c.one(ops::select(&condition, a, b)?)
}

fn band_part(c: &Call<'_>) -> Outputs {
    let (lower, upper) = (c.number(1)?, c.number(2)?);
    let mut x = c.tensor(0)?.clone();
    if lower >= 0 {
        x = ops::triu(&x, -lower)?;
    }
    if upper >= 0 {
        x = ops::tril(&x, upper)?;
    }
    c.one(x)
}

fn diagonal(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let last = x.rank().checked_sub(1).ok_or_else(|| Error::corrupt("the diagonal of a scalar"))?;
    let eye = ops::eye(&c.builder, x.size(last), x.size(last), 0, DType::Bool)?;
    let wide = ops::expand_dims(x, -1)?;
    c.one(ops::select(&eye, &wide, &scalar(&wide, 0)?)?)
}

fn matrix_diag(c: &Call<'_>) -> Outputs {
    match (c.numbers(1)?.as_slice(), c.number(2)?, c.number(3)?) {
        ([0], -1, -1) => diagonal(c),
        _ => Err(Error::unsupported("a diagonal beside the main one")),
    }
}

fn invert_permutation(c: &Call<'_>) -> Outputs {
    let order = c.numbers(0)?;
    let mut inverse = vec![0i64; order.len()];
    for (position, place) in order.iter().enumerate() {
        let slot = usize::try_from(*place).ok().and_then(|place| inverse.get_mut(place));
        *slot.ok_or_else(|| Error::corrupt("no permutation"))? = position as i64;
    }
    c.one(c.builder.constant(Array::vector(inverse).cast(c.tensor(0)?.dtype())?))
}

fn linspace(c: &Call<'_>) -> Outputs {
    let count = c.number(2)?;
    let (start, stop) = (c.tensor(0)?, c.tensor(1)?);
    let places = ops::iota(&c.builder, count, DType::Float32)?;
    let places = ops::cast(&places, start.dtype())?;
    let step = ops::divide(&ops::subtract(stop, start)?, &scalar(start, (count - 1).max(1) as f64)?)?;
    c.one(ops::add(start, &ops::multiply(&places, &step)?)?)
}

fn roll(c: &Call<'_>) -> Outputs {
    let mut x = c.tensor(0)?.clone();
    for (shift, axis) in c.numbers(1)?.into_iter().zip(c.numbers(2)?) {
        x = ops::roll(&x, shift, axis)?;
    }
    c.one(x)
}

fn scattered(c: &Call<'_>, mode: ScatterMode) -> Outputs {
    c.one(ops::scatter_nd(c.tensor(0)?, c.tensor(1)?, c.tensor(2)?, mode)?)
}

fn bucketize(c: &Call<'_>) -> Outputs {
    let boundaries: Vec<f64> =
        c.list("boundaries").map_or(&[][..], |list| &list.f).iter().map(|b| f64::from(*b)).collect();
    c.unary(|x| ops::digitize(x, &boundaries))
}

/// `DenseBincount(input, size, weights)`, with weights when there are any.
fn bincount(c: &Call<'_>) -> Outputs {
    let weights = c.tensor(2)?;
    let size = match c.number(1) {
        Ok(size) => usize::try_from(size).map_err(|_| Error::corrupt("a negative size"))?,
        Err(_) => return open_bincount(c, weights),
    };
    let dtype = weights.dtype();
    let has_weights = !weights.shape().axes().contains(&Some(0));
    let counts = ops::bincount(c.tensor(0)?, has_weights.then_some(weights), size)?;
    let counts = ops::cast(&counts, dtype)?;
    if c.flag("binary_output", false) {
        let zero = scalar(&counts, 0)?;
        return c.one(ops::cast(&ops::greater(&counts, &zero)?, dtype)?);
    }
    c.one(counts)
}

/// The same where the size is computed: numbers that are too large are counted in a bin behind the last.
fn open_bincount(c: &Call<'_>, weights: &Tensor) -> Outputs {
    if !weights.shape().axes().contains(&Some(0)) || c.flag("binary_output", false) {
        return Err(Error::unsupported("weighted or binary counts of a size that is computed"));
    }
    let size = ops::cast(&ops::reshape(c.tensor(1)?, [1])?, DType::Int32)?;
    let more = ops::add(&size, &scalar(&size, 1)?)?;
    let numbers = ops::cast(&ops::reshape(c.tensor(0)?, [-1])?, DType::Int32)?;
    let numbers = ops::minimum(&numbers, &size)?;
    let bins = ops::broadcast_shape(&c.builder.constant(Array::scalar(0i32)), &more)?;
    let ones = ops::ones_like(&numbers)?;
    let counts = ops::index_add(&ones, &numbers, bins.size(0), 0)?;
    let counts = ops::slice_axis(&counts, 0, ops::Range { start: None, stop: Some(-1), step: 1 })?;
    c.one(ops::cast(&counts, weights.dtype())?)
}

fn block(c: &Call<'_>) -> Result<u64> {
    u64::try_from(c.int("block_size", 0))
        .ok()
        .filter(|size| *size > 0)
        .ok_or_else(|| Error::corrupt("a block of no size"))
}

fn depth_to_space(c: &Call<'_>) -> Outputs {
    let (x, block) = (c.tensor(0)?, block(c)?);
    let depth = x.spec().known_axis(-1)? as u64 / (block * block);
    let known = |size: u64| Size::Known(size);
    let (height, width) = (x.spec().known_axis(1)? as u64, x.spec().known_axis(2)? as u64);
    let cut =
        ops::reshape(x, [x.size(0), known(height), known(width), known(block), known(block), known(depth)])?;
    let moved = ops::transpose(&cut, &[0, 1, 3, 2, 4, 5])?;
    c.one(ops::reshape(&moved, [x.size(0), known(height * block), known(width * block), known(depth)])?)
}

fn space_to_depth(c: &Call<'_>) -> Outputs {
    let (x, block) = (c.tensor(0)?, block(c)?);
    let depth = x.spec().known_axis(-1)? as u64;
    let known = |size: u64| Size::Known(size);
    let (height, width) = (x.spec().known_axis(1)? as u64 / block, x.spec().known_axis(2)? as u64 / block);
    let cut =
        ops::reshape(x, [x.size(0), known(height), known(block), known(width), known(block), known(depth)])?;
    let moved = ops::transpose(&cut, &[0, 1, 3, 2, 4, 5])?;
    c.one(ops::reshape(&moved, [x.size(0), known(height), known(width), known(block * block * depth)])?)
}

/// Block sizes and pairs of pads or crops.
type Blocks = (Vec<u64>, Vec<(usize, usize)>);

fn blocks(c: &Call<'_>) -> Result<Blocks> {
    let sizes: Option<Vec<u64>> =
        c.numbers(1)?.into_iter().map(|size| u64::try_from(size).ok().filter(|s| *s > 0)).collect();
    let pairs =
        c.tensor(2)?.constant().ok_or_else(|| Error::unsupported("pads known only when the graph runs"))?;
    let pairs: Option<Vec<usize>> =
        pairs.to_i64s()?.into_iter().map(|pad| usize::try_from(pad).ok()).collect();
    let (sizes, pairs) = sizes.zip(pairs).ok_or_else(|| Error::corrupt("negative pads or blocks"))?;
    Ok((sizes, pairs.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()))
}

fn space_to_batch(c: &Call<'_>) -> Outputs {
    let (blocks, pads) = blocks(c)?;
    let mut widths = vec![(0, 0)];
    widths.extend(&pads);
    widths.resize(c.tensor(0)?.rank(), (0, 0));
    let x = ops::pad(c.tensor(0)?, &widths, PadMode::Constant, 0.0)?;
    let count = blocks.len();
    let rest = || (count + 1..x.rank()).map(|axis| x.size(axis));
    let mut cut = vec![x.size(0)];
    let mut joined = vec![Size::Infer];
    for (at, block) in blocks.iter().enumerate() {
        let outer = x.spec().known_axis(at as i64 + 1)? as u64 / block;
        cut.extend([Size::Known(outer), Size::Known(*block)]);
        joined.push(Size::Known(outer));
    }
    cut.extend(rest());
    joined.extend(rest());
    // Blocks first, then the batch, then what is left of the axes.
    let mut order: Vec<i64> = (0..count as i64).map(|at| 2 * at + 2).collect();
    order.push(0);
    order.extend((0..count as i64).map(|at| 2 * at + 1));
    order.extend((2 * count as i64 + 1)..cut.len() as i64);
    c.one(ops::reshape(&ops::transpose(&ops::reshape(&x, cut)?, &order)?, joined)?)
}

fn batch_to_space(c: &Call<'_>) -> Outputs {
    let (blocks, crops) = blocks(c)?;
    let x = c.tensor(0)?;
    let count = blocks.len();
    let mut cut: Vec<Size> = blocks.iter().map(|block| Size::Known(*block)).collect();
    cut.push(Size::Infer);
    cut.extend((1..x.rank()).map(|axis| x.size(axis)));
    let mut order = vec![count as i64];
    let mut joined = vec![Size::Infer];
    for (at, block) in blocks.iter().enumerate() {
        order.extend([(count + 1 + at) as i64, at as i64]);
        joined.push(Size::Known(x.spec().known_axis(at as i64 + 1)? as u64 * block));
    }
    order.extend((2 * count as i64 + 1)..cut.len() as i64);
    joined.extend((count + 1..x.rank()).map(|axis| x.size(axis)));
    let whole = ops::reshape(&ops::transpose(&ops::reshape(x, cut)?, &order)?, joined)?;
    let mut ranges = vec![Range::ALL];
    for (at, (before, behind)) in crops.iter().enumerate() {
        let size = whole.spec().known_axis(at as i64 + 1)?;
        ranges.push(Range::new(*before as i64, size.saturating_sub(*behind) as i64));
    }
    ranges.resize(whole.rank(), Range::ALL);
    c.one(ops::slice(&whole, &ranges)?)
}
