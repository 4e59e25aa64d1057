//! Segments, sequences and signals.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("ExtractSequences", |call| {
        let (length, stride) = (call.require("sequence_length")?, call.require("sequence_stride")?);
        one(frames(&call.first()?, length, stride))
    }),
    ("SegmentMax", |call| segment(call, f64::NEG_INFINITY, ops::max)),
    ("SegmentMin", |call| segment(call, f64::INFINITY, ops::min)),
    ("SegmentProd", |call| segment(call, 1.0, ops::prod)),
    ("SegmentSum", |call| segment(call, 0.0, ops::sum)),
];

/// Windows of the last axis, each `stride` after the one before.
pub(crate) fn frames(x: &Tensor, length: usize, stride: usize) -> Result<Tensor> {
    if length == 0 || stride == 0 {
        return Err(Error::mismatch("windows of no length or distance"));
    }
    // All windows together element by element: the first of each, the second of each, ...
    let element = |at: usize| {
        let stop = at as i64 - length as i64 + 1;
        let range =
            ops::Range { start: Some(at as i64), stop: (stop < 0).then_some(stop), step: stride as i64 };
        ops::slice_axis(x, -1, range)
    };
    match x.spec().size(x.rank().saturating_sub(1)) {
        Some(size) => {
            let count = (size + stride).saturating_sub(length) / stride;
            let places = (0..count).flat_map(|frame| (0..length).map(move |at| (frame * stride + at) as i32));
            let places = kerata_core::array::Array::from_vec([count, length], places.collect::<Vec<i32>>())?;
            ops::take(x, &x.builder().constant(places), Some(-1))
        }
        None => ops::stack(&(0..length).map(element).collect::<Result<Vec<_>>>()?, -1),
    }
}

/// A reduction of the rows of each segment; `empty` where there are none.
fn segment(
    call: &Call<'_>,
    empty: f64,
    reduce: fn(&Tensor, &[i64], bool) -> Result<Tensor>,
) -> Result<Vec<Tensor>> {
    let (x, ids) = (call.tensor("data", 0)?, call.tensor("segment_ids", 1)?);
    let count: usize = call.get("num_segments")?.ok_or_else(|| {
        Error::unsupported("segments whose number is known only at run time").hint("give `num_segments`")
    })?;
    let empty = match x.dtype() {
        dtype if dtype.is_float() && empty.is_infinite() => empty.signum() * ops::largest(dtype)?,
        dtype if empty.is_infinite() && dtype != DType::Int64 => empty.signum() * 2_147_483_647.0,
        _ => empty,
    };
    let ids = ops::cast(&ids, DType::Int32)?;
    let segments = ops::iota(call.builder, count, DType::Int32)?;
    // (segments, rows, 1, ...): whether a row belongs to a segment.
    let mut belongs = ops::equal(&ops::expand_dims(&segments, 1)?, &ids)?;
    for _ in 1..x.rank() {
        belongs = ops::expand_dims(&belongs, -1)?;
    }
    let empty = ops::cast(&ops::scalar(&x, empty)?, x.dtype())?;
    one(reduce(&ops::select(&belongs, &x, &empty)?, &[1], false))
}
