//! `CTC`: loss of a sequence of labels that are not aligned with the predictions.

use kerata_core::Error;
use kerata_core::array::Array;
use kerata_core::ops::ScanOptions;

use super::prelude::*;

config! {
    /// Connectionist temporal classification: the likelihood of the labels over all alignments. Class 0 is the blank, and
    /// fills labels up at the end; predictions are logits.
    pub struct CTC {}
}

/// The logarithm of a probability of nothing: finite, so that differences of two of them are numbers.
const NEVER: f32 = -1e30;

impl LossFunction for CTC {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        if y_true.rank() != 2 || y_pred.rank() != 3 {
            let (labels, logits) = (y_true.shape(), y_pred.shape());
            let message =
                format!("expected labels (batch, length) and logits (batch, time, classes), found {labels} and {logits}");
            return Err(Error::mismatch(message));
        }
        let length = y_true.spec().known_axis(1)?;
        let classes = y_pred.spec().known_axis(2)?;
        let labels = ops::cast(y_true, DType::Int32)?;
        let constant = |values: Vec<f32>| {
            let array = Array::from_f32([1, values.len()], values)?;
            Ok::<_, Error>(y_true.builder().constant(array))
        };

        // States are the labels with a blank before, between and after them.
        let states = 2 * length + 1;
        let blank = ops::zeros_like(&labels)?;
        let pairs = ops::stack(&[blank.clone(), labels.clone()], -1)?;
        let pairs = ops::reshape(&pairs, [labels.size(0), (2 * length).into()])?;
        let last = ops::reshape(&ops::max(&blank, &[1], true)?, [labels.size(0), 1_usize.into()])?;
        let path = ops::concatenate(&[pairs, last], 1)?;

        // A blank can be left out between two labels that differ.
        let differs = ops::not_equal(&path, &ops::roll(&path, 2, 1)?)?;
        let is_label = constant((0..states).map(|state| if state > 2 { (state % 2) as f32 } else { 0.0 }).collect())?;
        let may_skip = ops::multiply(&ops::cast(&differs, DType::Float32)?, &is_label)?;
        let skip = ops::times(&ops::one_minus(&may_skip)?, f64::from(NEVER))?;
        let from = |first: usize| constant((0..states).map(|state| if state < first { NEVER } else { 0.0 }).collect());
        let (from_one, from_two) = (from(1)?, ops::add(&skip, &from(2)?)?);

        let log = ops::log_softmax(y_pred, &[-1])?;
        let one_hot = ops::one_hot(&path, classes, 1, DType::Float32)?;
        let emitted = ops::transpose(&ops::matmul(&log, &one_hot)?, &[1, 0, 2])?;
        let start = constant((0..states).map(|state| if state == 0 { 0.0 } else { NEVER }).collect())?;
        let start = ops::add(&ops::times(&ops::cast(&path, DType::Float32)?, 0.0)?, &start)?;
        let options = ScanOptions::default();
        let (ends, _) = ops::scan(y_true.builder(), &[start], &[emitted], options, |states, elements| {
            let [before] = states else { return Err(Error::internal("one state")) };
            let [emitted] = elements else { return Err(Error::internal("one sequence")) };
            let one = ops::add(&ops::roll(before, 1, 1)?, &from_one)?;
            let two = ops::add(&ops::roll(before, 2, 1)?, &from_two)?;
            // Sums of several "never" stay far below any number that is meant.
            let arrived = ops::logsumexp(&ops::stack(&[before.clone(), one, two], 0)?, &[0], false)?;
            Ok((vec![ops::add(&arrived, emitted)?], Vec::new()))
        })?;
        let end = ends.first().ok_or_else(|| Error::internal("a scan gives its last states"))?;

        // It ends at the last label or the blank after it.
        let is_used = ops::cast(&ops::not_equal(&labels, &blank)?, DType::Float32)?;
        let last = ops::times(&ops::sum(&is_used, &[1], true)?, 2.0)?;
        let place = constant((0..states).map(|state| state as f32).collect())?;
        let behind = ops::subtract(&last, &place)?;
        let is_end = ops::logical_or(
            &ops::equal(&behind, &ops::zeros_like(&behind)?)?,
            &ops::equal(&behind, &ops::ones_like(&behind)?)?,
        )?;
        let others = ops::times(&ops::one_minus(&ops::cast(&is_end, DType::Float32)?)?, f64::from(NEVER))?;
        ops::negative(&ops::logsumexp(&ops::add(end, &others)?, &[1], false)?)
    }
}
