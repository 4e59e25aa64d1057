//! `StridedSlice` with its masks, and `Slice`.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Range};
use kerata_core::{Error, Result};

use super::call::{Call, Outputs};
use super::value::{Element, Value};

/// What one entry of a strided slice does.
enum Entry {
    Range(Range),
    /// From one place to another in steps of one, known only when the graph runs.
    Between(Tensor),
    Place(i64),
    /// One place that is known only when the graph runs.
    Chosen(Tensor),
    NewAxis,
    /// All axes that the others leave.
    Rest,
}

/// `x[begin:end:step, ...]`.
pub fn strided_slice(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let entries = entries(c, x)?;
    let left = left(x, &entries)?;
    if let ([entry], Some(elements)) = (entries.as_slice(), c.elements(0)?)
        && x.rank() == 1
        && let Some(picked) = pick(entry, elements)
    {
        let tensor = apply(x, &entries, left)?;
        return c.followed(tensor, Some(picked));
    }
    let sliced = apply(x, &entries, left)?;
    Ok(vec![Value::of(sliced)])
}

/// `shape, begin, end, strides, dy`: zeros of a shape with a tensor where the slice of them lies.
pub fn strided_slice_grad(c: &Call<'_>) -> Outputs {
    let mut grad = c.tensor(4)?.clone();
    let like = ops::full(&c.builder, c.full_sizes(0)?, 0, grad.dtype())?;
    let entries = entries(c, &like)?;
    let left = left(&like, &entries)?;
    // The slice has lost the axes of single places, and has got new ones.
    let mut axis = 0;
    for entry in &entries {
        match entry {
            Entry::Range(_) => axis += 1,
            Entry::Place(_) => {
                grad = ops::expand_dims(&grad, axis)?;
                axis += 1;
            }
            Entry::NewAxis => grad = ops::squeeze(&grad, &[axis])?,
            Entry::Rest => axis += left as i64,
            Entry::Chosen(_) | Entry::Between(_) => {
                return Err(Error::unsupported("a slice whose bounds are known only when the graph runs"));
            }
        }
    }
    c.one(ops::unslice(&grad, &like, &ranges(&like, &entries, left))?)
}

fn entries(c: &Call<'_>, x: &Tensor) -> Result<Vec<Entry>> {
    let count =
        c.elements(3)?.map(<[_]>::len).ok_or_else(|| Error::unsupported("strides that are not constant"))?;
    let steps = c.numbers(3)?;
    let bound = |position: usize, at: usize| {
        c.elements(position).ok().flatten().and_then(|list| list.get(at).cloned())
    };
    let is_set = |mask: &str, at: usize| c.int(mask, 0) >> at & 1 == 1;
    let entry = |at: usize| {
        if is_set("ellipsis_mask", at) {
            return Ok(Entry::Rest);
        }
        if is_set("new_axis_mask", at) {
            return Ok(Entry::NewAxis);
        }
        let (begin, end) = (bound(1, at), bound(2, at));
        if is_set("shrink_axis_mask", at) {
            return match begin.as_ref().and_then(Element::known) {
                Some(place) => Ok(Entry::Place(place)),
                None => Ok(Entry::Chosen(ops::index(c.tensor(1)?, 0, at as i64)?)),
            };
        }
        let step = steps.get(at).copied().unwrap_or(1);
        let known = |bound: &Option<Element>, mask: &str| match bound {
            _ if is_set(mask, at) => Some(None),
            Some(Element::Known(bound)) => Some(Some(*bound)),
            // An end at the size of this axis is the end of the axis.
            Some(end) if mask == "end_mask" && step > 0 && at < x.rank() => {
                end.is_same(&Element::of_axis(x, at)).then_some(None)
            }
            _ => None,
        };
        if let (Some(start), Some(stop)) = (known(&begin, "begin_mask"), known(&end, "end_mask")) {
            return Ok(Entry::Range(Range { start, stop, step }));
        }
        between(c, at, step, known(&begin, "begin_mask"), known(&end, "end_mask"))
    };
    (0..count).map(entry).collect()
}

/// The places of a slice whose bounds are computed in the graph; only counted from the front in steps of one.
fn between(
    c: &Call<'_>,
    at: usize,
    step: i64,
    start: Option<Option<i64>>,
    stop: Option<Option<i64>>,
) -> Result<Entry> {
    let is_plain =
        |bound: Option<Option<i64>>| bound.is_none_or(|bound| bound.is_some_and(|bound| bound >= 0));
    let is_from_start = start == Some(None);
    if step != 1 || !(is_from_start || is_plain(start)) || !is_plain(stop) {
        return Err(Error::unsupported("a slice whose bounds are known only when the graph runs"));
    }
    let bound = |position: usize| ops::index(c.tensor(position)?, 0, at as i64);
    let end = bound(2)?;
    let begin = if is_from_start { ops::zeros_like(&end)? } else { bound(1)? };
    ops::range(&begin, &end, &ops::ones_like(&end)?).map(Entry::Between)
}

/// The number of axes that no entry names.
fn left(x: &Tensor, entries: &[Entry]) -> Result<usize> {
    let used = entries.iter().filter(|entry| !matches!(entry, Entry::NewAxis | Entry::Rest)).count();
    x.rank().checked_sub(used).ok_or_else(|| Error::corrupt("a slice of more axes than there are"))
}

/// What the entries that are known leave of each axis.
fn ranges(x: &Tensor, entries: &[Entry], left: usize) -> Vec<Range> {
    let mut ranges = Vec::new();
    for entry in entries {
        match entry {
            Entry::Range(range) => ranges.push(*range),
            Entry::Place(place) => {
                let stop = if *place == -1 { None } else { Some(place + 1) };
                ranges.push(Range { start: Some(*place), stop, step: 1 });
            }
            Entry::Chosen(_) | Entry::Between(_) => ranges.push(Range::ALL),
            Entry::NewAxis => {}
            Entry::Rest => ranges.extend(std::iter::repeat_n(Range::ALL, left)),
        }
    }
    ranges.resize(x.rank(), Range::ALL);
    ranges
}

fn apply(x: &Tensor, entries: &[Entry], left: usize) -> Result<Tensor> {
    let ranges = ranges(x, entries, left);
    let mut sliced =
        if ranges.iter().all(|range| *range == Range::ALL) { x.clone() } else { ops::slice(x, &ranges)? };
    // From the front, so that axes that go or come move those behind.
    let mut axis = 0;
    for entry in entries {
        match entry {
            Entry::Range(_) => axis += 1,
            Entry::Between(places) => {
                sliced = ops::take(&sliced, places, Some(axis))?;
                axis += 1;
            }
            Entry::Place(_) => sliced = ops::squeeze(&sliced, &[axis])?,
            Entry::Chosen(place) => sliced = ops::take(&sliced, place, Some(axis))?,
            Entry::NewAxis => {
                sliced = ops::expand_dims(&sliced, axis)?;
                axis += 1;
            }
            Entry::Rest => axis += left as i64,
        }
    }
    Ok(sliced)
}

/// The elements that an entry leaves of a vector.
fn pick(entry: &Entry, elements: &[Element]) -> Option<Vec<Element>> {
    let at = |place: i64| usize::try_from(place).ok().and_then(|place| elements.get(place)).cloned();
    match entry {
        Entry::Range(range) => {
            let (start, count) = range.resolve(elements.len());
            (0..count as i64).map(|i| at(start + i * range.step)).collect()
        }
        Entry::Place(place) => {
            let place = if *place < 0 { place + elements.len() as i64 } else { *place };
            at(place).map(|element| vec![element])
        }
        Entry::Rest => Some(elements.to_vec()),
        Entry::Chosen(_) | Entry::Between(_) | Entry::NewAxis => None,
    }
}

/// `Slice`: so many elements from a begin; -1 means all that follow.
pub fn slice(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let begins = c.elements(1)?.ok_or_else(|| Error::unsupported("a slice from an unknown begin"))?;
    let counts = c.elements(2)?.ok_or_else(|| Error::unsupported("a slice of unknown size"))?;
    let range = |(begin, count): (&Element, &Element)| {
        let begin = begin.known().ok_or_else(|| Error::unsupported("a slice from an unknown begin"))?;
        match count {
            Element::Known(-1) => Ok(Range::from(begin)),
            Element::Known(count) => Ok(Range::new(begin, begin + count)),
            _ => Err(Error::unsupported("a slice of unknown size")),
        }
    };
    let ranges = begins.iter().zip(counts).map(range).collect::<Result<Vec<_>>>()?;
    let picked = match (ranges.as_slice(), c.elements(0)?) {
        ([range], Some(elements)) if x.rank() == 1 => pick(&Entry::Range(*range), elements),
        _ => None,
    };
    c.followed(ops::slice(x, &ranges)?, picked)
}
