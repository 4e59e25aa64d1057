//! Labels and predictions that are not aligned: connectionist temporal classification with lengths.

use kerata_core::graph::Tensor;
use kerata_core::ops::{ScanOptions, Size};
use kerata_core::{Array, DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};

/// The logarithm of a probability of nothing: finite, so that differences of two of them are numbers.
const NEVER: f32 = -1e30;

pub(super) const TABLE: Table = &[
    ("CTCDecode", |call| match call.or("strategy", "greedy".to_owned())?.as_str() {
        "greedy" => greedy(call),
        other => Err(Error::unsupported(format!("`ctc_decode` by `{other}`")).hint("decode by `greedy`")),
    }),
    ("CTCLoss", |call| one(loss(call))),
];

/// The class that stands for no label.
fn blank_class(call: &Call<'_>, classes: usize) -> Result<i64> {
    let index: i64 = call.or("mask_index", 0)?;
    Ok(if index < 0 { index + classes as i64 } else { index })
}

/// Which of so many steps lie before a length: `(batch, steps)`.
fn steps_before(lengths: &Tensor, steps: usize) -> Result<Tensor> {
    let lengths = ops::expand_dims(&ops::cast(lengths, DType::Int32)?, -1)?;
    ops::less(&ops::iota(lengths.builder(), steps, DType::Int32)?, &lengths)
}

/// The best class at each step, blanks and repetitions left out, filled up with -1; and what the best logits add up to.
fn greedy(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (logits, lengths) = (call.tensor("inputs", 0)?, call.tensor("sequence_lengths", 1)?);
    let logits = ops::to_float(&logits)?;
    let (steps, classes) = (logits.spec().known_axis(1)?, logits.spec().known_axis(2)?);
    let best = ops::cast(&ops::argmax(&logits, Some(-1), false)?, DType::Int32)?;
    let is_on = steps_before(&lengths, steps)?;
    let is_label = ops::not_equal(&best, &ops::full_like(&best, blank_class(call, classes)?)?)?;
    let mut is_kept = ops::logical_and(&is_label, &is_on)?;
    if call.or("merge_repeated", true)? {
        let none = ops::full(call.builder, [best.size(0), Size::from(1usize)], -1, DType::Int32)?;
        let before = ops::slice_axis(&best, 1, ops::Range::to(-1))?;
        let before = ops::concatenate(&[none, before], 1)?;
        is_kept = ops::logical_and(&is_kept, &ops::not_equal(&best, &before)?)?;
    }
    let kept = ops::cast(&is_kept, DType::Int32)?;
    let places = ops::plus(&ops::cumsum(&kept, Some(1))?, -1)?;
    let hot = ops::one_hot(&places, steps, -1, DType::Int32)?;
    let labels = ops::expand_dims(&ops::multiply(&kept, &ops::plus(&best, 1)?)?, -1)?;
    let labels = ops::plus(&ops::sum(&ops::multiply(&hot, &labels)?, &[1], false)?, -1)?;
    let labels = ops::cast(&ops::expand_dims(&labels, 0)?, DType::Int32)?;
    let most = ops::max(&logits, &[-1], false)?;
    let counted = ops::select(&is_on, &most, &ops::zeros_like(&most)?)?;
    Ok(vec![labels, ops::negative(&ops::sum(&counted, &[1], true)?)?])
}

/// The likelihood of the labels over all alignments, as a loss.
fn loss(call: &Call<'_>) -> Result<Tensor> {
    let (labels, logits) = (call.tensor("target", 0)?, call.tensor("output", 1)?);
    let (label_lengths, lengths) = (call.tensor("target_length", 2)?, call.tensor("output_length", 3)?);
    let (labels, logits) = (ops::cast(&labels, DType::Int32)?, ops::to_float(&logits)?);
    let (length, steps, classes) =
        (labels.spec().known_axis(1)?, logits.spec().known_axis(1)?, logits.spec().known_axis(2)?);
    let row = |values: Vec<f32>| {
        let array = Array::from_f32([1, values.len()], values)?.cast(logits.dtype())?;
        Ok::<_, Error>(call.builder.constant(array))
    };

    // States are the labels with a blank before, between and after them.
    let states = 2 * length + 1;
    let blank = ops::full_like(&labels, blank_class(call, classes)?)?;
    let pairs = ops::stack(&[blank.clone(), labels.clone()], -1)?;
    let pairs = ops::reshape(&pairs, [labels.size(0), (2 * length).into()])?;
    let path = ops::concatenate(&[pairs, ops::max(&blank, &[1], true)?], 1)?;

    // A blank can be left out between two labels that differ.
    let differs = ops::not_equal(&path, &ops::roll(&path, 2, 1)?)?;
    let is_label = row((0..states).map(|state| if state > 2 { (state % 2) as f32 } else { 0.0 }).collect())?;
    let may_skip = ops::multiply(&ops::cast(&differs, logits.dtype())?, &is_label)?;
    let skip = ops::times(&ops::one_minus(&may_skip)?, f64::from(NEVER))?;
    let from = |first: usize| row((0..states).map(|at| if at < first { NEVER } else { 0.0 }).collect());
    let (from_one, from_two) = (from(1)?, ops::add(&skip, &from(2)?)?);

    let log = ops::log_softmax(&logits, &[-1])?;
    let hot = ops::one_hot(&path, classes, 1, log.dtype())?;
    let emitted = ops::transpose(&ops::matmul(&log, &hot)?, &[1, 0, 2])?;
    let is_on = ops::expand_dims(&ops::transpose(&steps_before(&lengths, steps)?, &[1, 0])?, -1)?;
    let start = row((0..states).map(|at| if at == 0 { 0.0 } else { NEVER }).collect())?;
    let start = ops::add(&ops::times(&ops::cast(&path, log.dtype())?, 0.0)?, &start)?;
    let sequences = [emitted, is_on];
    let (ends, _) =
        ops::scan(call.builder, &[start], &sequences, ScanOptions::default(), |states, elements| {
            let ([before], [emitted, is_on]) = (states, elements) else {
                return Err(Error::internal("one state and two sequences"));
            };
            let one = ops::add(&ops::roll(before, 1, 1)?, &from_one)?;
            let two = ops::add(&ops::roll(before, 2, 1)?, &from_two)?;
            let arrived = ops::logsumexp(&ops::stack(&[before.clone(), one, two], 0)?, &[0], false)?;
            Ok((vec![ops::select(is_on, &ops::add(&arrived, emitted)?, before)?], Vec::new()))
        })?;
    let end = ends.first().ok_or_else(|| Error::internal("a scan gives its last states"))?;

    // It ends at the last label or the blank after it.
    let last = ops::expand_dims(&ops::times(&ops::cast(&label_lengths, log.dtype())?, 2.0)?, -1)?;
    let behind = ops::subtract(&last, &row((0..states).map(|at| at as f32).collect())?)?;
    let is_end = ops::logical_or(
        &ops::equal(&behind, &ops::zeros_like(&behind)?)?,
        &ops::equal(&behind, &ops::ones_like(&behind)?)?,
    )?;
    let others = ops::times(&ops::one_minus(&ops::cast(&is_end, log.dtype())?)?, f64::from(NEVER))?;
    ops::negative(&ops::logsumexp(&ops::add(end, &others)?, &[1], false)?)
}
