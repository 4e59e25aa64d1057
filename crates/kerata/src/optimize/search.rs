//! `search`: the smallest form of a model that keeps its accuracy on samples, found by trying.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Error, Result, ResultExt, Tree};
use kerata_formats::Format;
use kerata_nn::Registry;

use super::{Activations, OptimizeOptions, OptimizeReport, Quantization, optimize_with, stored_bytes};
use crate::predict::{PredictOptions, predictor};
use crate::text::memory;

const BATCH: usize = 64;

/// Inputs of a model and what is expected of it.
#[derive(Clone, Debug)]
pub struct Samples {
    /// Inputs by name, or as `in_0`, ...
    pub inputs: IndexMap<String, Array>,
    /// Class numbers, or a one for the class among zeros, a row a sample; for one output alone.
    pub targets: Array,
}

/// What a model gives for samples.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// All outputs.
    pub outputs: Vec<Array>,
    /// The share of samples whose class is right; `None` when the targets are no classes.
    pub accuracy: Option<f64>,
}

/// A form of a model, measured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Measured {
    /// Bytes of the file.
    pub bytes: u64,
    /// The share of samples whose class is right.
    pub accuracy: Option<f64>,
    /// Largest difference of an output from that of the original.
    pub largest_difference: f64,
}

/// One form that was tried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tried {
    /// What it is, in words.
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// What it gave; `None` when it was not run, as a smaller form was good enough.
    pub measured: Option<Measured>,
    /// Whether it is the one.
    pub is_chosen: bool,
}

/// What a search came to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Search {
    /// The smallest form that is good enough.
    pub artifact: Artifact,
    /// What was done to it.
    pub report: OptimizeReport,
    /// Accuracy of the original.
    pub accuracy: f64,
    /// Every form, smallest first.
    pub tried: Vec<Tried>,
}

impl Samples {
    /// What a model gives for the samples.
    pub fn evaluate(&self, artifact: &Artifact, registry: &Registry) -> Result<Evaluation> {
        let predictor = predictor(artifact, None, registry, &PredictOptions::new())?;
        let inputs = predictor.arrange(self.inputs.clone()).at(|| "samples")?;
        let outputs = predictor.run_in_batches(&inputs, BATCH)?;
        let accuracy = match &outputs[..] {
            [only] => accuracy(only, &self.targets)?,
            _ => None,
        };
        Ok(Evaluation { outputs, accuracy })
    }
}

impl Evaluation {
    /// Largest difference of an output from that of another form of the model.
    pub fn largest_difference(&self, other: &Self) -> Result<f64> {
        let mut largest = 0f64;
        for (mine, theirs) in self.outputs.iter().zip(&other.outputs) {
            if mine.dtype() == DType::String {
                continue;
            }
            for (a, b) in mine.to_f64s()?.into_iter().zip(theirs.to_f64s()?) {
                let difference = (a - b).abs();
                // A number that was lost is as far away as can be.
                if difference.is_nan() && !(a.is_nan() && b.is_nan()) {
                    return Ok(f64::INFINITY);
                }
                largest = largest.max(difference);
            }
        }
        Ok(largest)
    }
}

/// Finds the smallest form of a model, in a format, that loses at most so much of its accuracy (0.005 for half a percent).
pub fn search(
    artifact: &Artifact,
    samples: &Samples,
    max_drop: f64,
    format: &dyn Format,
    registry: &Registry,
) -> Result<Search> {
    let original = samples.evaluate(artifact, registry)?;
    let accuracy = original.accuracy.ok_or_else(|| {
        Error::mismatch("the accuracy cannot be told: expected one output of scores, and a class for each")
            .hint("give class numbers, or rows with a one for the class; or leave the search out")
    })?;
    let mut forms = Vec::new();
    for (name, options) in candidates() {
        let (form, report) = optimize_with(artifact, &options, registry).at(|| name.clone())?;
        // Half precision of nothing is the form without it.
        if options.dtype.is_some() && report.passes.last().is_some_and(|pass| pass.changed == 0) {
            continue;
        }
        forms.push((name, stored_bytes(&form, format, kerata_formats::Compression::Deflate)?, form, report));
    }
    forms.sort_by_key(|form| form.1);
    let mut chosen = None;
    let mut tried = Vec::new();
    for (name, bytes, form, report) in forms {
        let mut entry = Tried { name, bytes, measured: None, is_chosen: false };
        if chosen.is_none() {
            let found = samples.evaluate(&form, registry).at(|| entry.name.clone())?;
            let largest_difference = found.largest_difference(&original)?;
            let found = found.accuracy.unwrap_or(0.0);
            entry.measured = Some(Measured { bytes, accuracy: Some(found), largest_difference });
            // Differences of shares of the same samples are exact but for their rounding.
            if accuracy - found <= max_drop + 1e-12 {
                entry.is_chosen = true;
                chosen = Some((form, report));
            }
        }
        tried.push(entry);
    }
    let (artifact, report) = chosen.ok_or_else(|| Error::internal("the original itself is good enough"))?;
    Ok(Search { artifact, report, accuracy, tried })
}

impl Search {
    /// What was tried, as a list of objects with stable names.
    pub fn to_tree(&self) -> Tree {
        let entry = |tried: &Tried| {
            let measured = tried.measured.as_ref();
            Tree::from([
                ("name", Tree::from(tried.name.as_str())),
                ("bytes", Tree::from(tried.bytes)),
                ("accuracy", measured.and_then(|m| m.accuracy).map_or(Tree::Null, Tree::from)),
                ("largest_difference", measured.map_or(Tree::Null, |m| Tree::from(m.largest_difference))),
                ("chosen", Tree::from(tried.is_chosen)),
            ])
        };
        Tree::List(self.tried.iter().map(entry).collect())
    }

    /// One line a form.
    pub fn to_text(&self) -> String {
        let mut text =
            format!("  accuracy of the original: {:.2}%; tried, smallest first:\n", 100.0 * self.accuracy);
        for tried in &self.tried {
            let result = match &tried.measured {
                Some(Measured { accuracy: Some(accuracy), largest_difference, .. }) => format!(
                    "accuracy {:>6.2}%, largest difference {largest_difference:.2e}",
                    100.0 * accuracy
                ),
                _ => "not run".to_owned(),
            };
            let mark = if tried.is_chosen { "  <- chosen" } else { "" };
            text.push_str(&format!("    {:<34} {:>11}  {result}{mark}\n", tried.name, memory(tried.bytes)));
        }
        text
    }
}

/// The forms that are tried.
fn candidates() -> Vec<(String, OptimizeOptions)> {
    let int4 = |size| ("int4", Some(Quantization::Int4 { block_size: size }));
    let quantized = [
        (int4(Some(128)), "blocks of 128"),
        (int4(Some(32)), "blocks of 32"),
        (int4(None), "a scale a channel"),
        (("int8", Some(Quantization::INT8)), ""),
        (("int8", Some(Quantization::Int8(Activations::Float))), "weights only"),
        (("", None), ""),
    ];
    let mut forms = Vec::new();
    for ((mode, quantization), detail) in quantized {
        for (dtype, width) in
            [(Some(DType::Float16), "float16"), (Some(DType::Bfloat16), "bfloat16"), (None, "")]
        {
            let mut options = OptimizeOptions::new().drop_optimizer(true).prune(true);
            options.quantize = quantization;
            options.dtype = dtype;
            let detail = if detail.is_empty() { String::new() } else { format!("({detail})") };
            let words = [mode, &detail, width].into_iter().filter(|word| !word.is_empty());
            let name = words.collect::<Vec<_>>().join(" ");
            forms.push((if name.is_empty() { "every bit kept".to_owned() } else { name }, options));
        }
    }
    forms
}

/// The share of rows whose class is right; `None` when targets are no classes of the output.
fn accuracy(output: &Array, targets: &Array) -> Result<Option<f64>> {
    let Some(&classes) = output.shape().last() else { return Ok(None) };
    let scores = output.to_f64s()?;
    let rows = scores.len() / classes.max(1);
    let targets_flat = targets.to_f64s()?;
    let best = |row: &[f64]| {
        let better = |best: usize, at: usize| if row.get(at) > row.get(best) { at } else { best };
        (0..row.len()).fold(0, better)
    };
    let expected: Vec<usize> = if targets_flat.len() == rows {
        let is_class =
            |number: &f64| number.fract() == 0.0 && *number >= 0.0 && *number < classes.max(2) as f64;
        if !targets_flat.iter().all(is_class) {
            return Ok(None);
        }
        targets_flat.into_iter().map(|number| number as usize).collect()
    } else if targets.shape() == output.shape() && classes > 1 {
        targets_flat.chunks_exact(classes).map(best).collect()
    } else {
        return Ok(None);
    };
    if rows == 0 {
        return Ok(None);
    }
    // One output: a probability, or a score around zero.
    let is_probability = scores.iter().all(|score| (0.0..=1.0).contains(score));
    let threshold = if is_probability { 0.5 } else { 0.0 };
    let found: Vec<usize> = match classes {
        1 => scores.iter().map(|score| usize::from(*score > threshold)).collect(),
        _ => scores.chunks_exact(classes).map(best).collect(),
    };
    let right = found.iter().zip(&expected).filter(|(found, expected)| found == expected).count();
    Ok(Some(right as f64 / rows as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_takes_numbers_and_rows() {
        let scores = Array::from_f32([2, 3], vec![0.1, 0.7, 0.2, 0.5, 0.3, 0.2]).unwrap();
        assert_eq!(accuracy(&scores, &Array::vector(vec![1i64, 2])).unwrap(), Some(0.5));
        let rows = Array::from_f32([2, 3], vec![0., 1., 0., 1., 0., 0.]).unwrap();
        assert_eq!(accuracy(&scores, &rows).unwrap(), Some(1.0));
        assert_eq!(accuracy(&scores, &Array::vector(vec![0.25f32, 0.5])).unwrap(), None);
    }

    #[test]
    fn one_score_is_a_probability_or_stands_around_zero() {
        let wanted = Array::vector(vec![1i32, 0]);
        let probability = Array::from_f32([2, 1], vec![0.6, 0.4]).unwrap();
        assert_eq!(accuracy(&probability, &wanted).unwrap(), Some(1.0));
        let score = Array::from_f32([2, 1], vec![0.2, -3.0]).unwrap();
        assert_eq!(accuracy(&score, &wanted).unwrap(), Some(1.0));
    }
}
