//! `Prepare`: batches as a step takes them.

use std::collections::BTreeMap;

use kerata_core::array::Array;
use kerata_core::graph::TensorSpec;
use kerata_core::{DType, Error, Result, ResultExt, Shape};
use kerata_nn::Model;
use kerata_nn::training::{Compiled, Feeds};

use super::{Arrays, Batch};
use crate::predict::fit_array;

/// Puts arrays in the order of the inputs of a step and gives them its number types.
#[derive(Clone, Debug)]
pub(super) struct Prepare {
    /// Labels and specs of the inputs.
    inputs: Vec<(String, TensorSpec)>,
    outputs: Vec<String>,
    /// Which outputs have a loss.
    trained: Vec<usize>,
    class_weight: BTreeMap<i64, f64>,
}

/// A batch as a step takes it: inputs, targets, weights.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub arrays: Vec<Array>,
    pub inputs: usize,
    pub targets: usize,
}

impl Prepare {
    pub fn new(model: &Model, compiled: &Compiled, class_weight: &BTreeMap<i64, f64>) -> Result<Self> {
        let ports = model.inputs()?;
        let ports = ports.tensors().into_iter();
        let trained = (0..compiled.losses.len()).filter(|output| compiled.losses[*output].is_some());
        let trained: Vec<usize> = trained.collect();
        if !class_weight.is_empty() && trained.len() != 1 {
            return Err(Error::usage(format!("class weights need one output, found {}", trained.len())));
        }
        Ok(Self {
            inputs: ports.map(|port| (port.label().to_owned(), port.spec.clone())).collect(),
            outputs: compiled.outputs.clone(),
            trained,
            class_weight: class_weight.clone(),
        })
    }

    /// The same for samples that are evaluated: the weights of classes are for training only.
    pub fn for_evaluation(&self) -> Self {
        Self { class_weight: BTreeMap::new(), ..self.clone() }
    }

    /// The arrays of a batch, or of all samples.
    pub fn prepare(&self, batch: &Batch) -> Result<Prepared> {
        let mut arrays = self.inputs(&batch.x)?;
        let targets = self.targets(&batch.y)?;
        let (inputs, count) = (arrays.len(), targets.len());
        let weights = self.weights(batch.sample_weight.as_ref(), &targets)?;
        arrays.extend(targets);
        arrays.extend(weights);
        Ok(Prepared { arrays, inputs, targets: count })
    }

    fn inputs(&self, x: &Arrays) -> Result<Vec<Array>> {
        let names: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let arrays = x.arrange(&names, "in").at(|| "inputs")?;
        let pairs = self.inputs.iter().zip(arrays);
        pairs.map(|((name, spec), array)| fit_array(&array, spec).at(|| format!("input `{name}`"))).collect()
    }

    /// The targets in the order of the outputs that have a loss, as floats.
    fn targets(&self, y: &Arrays) -> Result<Vec<Array>> {
        let arrays = self.for_outputs(y).at(|| "targets")?;
        arrays.into_iter().map(|array| array.cast(DType::Float32)).collect()
    }

    /// One array for each output that has a loss.
    fn for_outputs(&self, arrays: &Arrays) -> Result<Vec<Array>> {
        if arrays.len() == self.trained.len()
            && (self.trained.len() == 1 || matches!(arrays, Arrays::Ordered(_)))
        {
            return Ok(arrays.all());
        }
        let names: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        let Arrays::Named(named) = arrays else {
            let all = arrays.arrange(&names, "out")?;
            return Ok(self.trained.iter().filter_map(|output| all.get(*output).cloned()).collect());
        };
        let find = |output: &usize| {
            let name = names.get(*output).copied().unwrap_or_default();
            let numbered = format!("out_{output}");
            let found = named.get(name).or_else(|| named.get(&numbered));
            found.cloned().ok_or_else(|| {
                let given: Vec<&str> = named.keys().map(String::as_str).collect();
                Error::not_found(format!("`{name}` (or `{numbered}`) is missing"))
                    .hint(format!("given are: {}", given.join(", ")))
            })
        };
        self.trained.iter().map(find).collect()
    }

    /// Weights for each target, or none.
    fn weights(&self, given: Option<&Arrays>, targets: &[Array]) -> Result<Vec<Array>> {
        let float = |array: &Array| array.cast(DType::Float32);
        let mut weights: Vec<Array> = match given {
            None => Vec::new(),
            Some(all) if all.len() == 1 => {
                let all = all.all();
                let only = all.first().map(float).transpose()?;
                targets.iter().filter_map(|_| only.clone()).collect()
            }
            Some(each) => {
                let each = self.for_outputs(each).at(|| "sample weights")?;
                each.iter().map(float).collect::<Result<_>>()?
            }
        };
        for (weight, target) in weights.iter().zip(targets) {
            if weight.shape().first() != target.shape().first() {
                return Err(Error::mismatch(format!(
                    "expected weights for {} samples, found {}",
                    target.shape().first().unwrap_or(&0),
                    weight.shape().first().unwrap_or(&0)
                )));
            }
        }
        if let (Some(target), false) = (targets.first(), self.class_weight.is_empty()) {
            let classes = self.weights_of_classes(target)?;
            weights = match weights.first() {
                Some(own) if own.shape() == classes.shape() => {
                    let pairs = own.as_f32()?.iter().zip(classes.as_f32()?);
                    vec![Array::from_f32(own.shape(), pairs.map(|(a, b)| a * b).collect())?]
                }
                Some(own) => {
                    let message = format!("expected one weight for each sample, found {:?}", own.shape());
                    return Err(Error::mismatch(message));
                }
                None => vec![classes],
            };
        }
        Ok(weights)
    }

    /// The weight of the class of each sample: numbers of classes, or one-hot rows.
    fn weights_of_classes(&self, target: &Array) -> Result<Array> {
        let count = target.shape().first().copied().unwrap_or(0);
        let values = target.as_f32()?;
        let width = values.len().checked_div(count).unwrap_or(1).max(1);
        if target.rank() > 2 {
            return Err(Error::usage("class weights need one class for each sample"));
        }
        let class = |row: &[f32]| match row {
            [number] => *number as i64,
            odds => {
                let best = odds.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (at, odds)| {
                    if *odds > best.1 { (at, *odds) } else { best }
                });
                best.0 as i64
            }
        };
        let weight = |row: &[f32]| self.class_weight.get(&class(row)).copied().unwrap_or(1.0) as f32;
        Array::from_f32([count], values.chunks(width).map(weight).collect())
    }
}

impl Prepared {
    /// Specs of targets and weights, for batches of any number of samples.
    pub fn feeds(&self) -> Feeds {
        let spec = |array: &Array| {
            let axes = array.shape().iter().map(|size| Some(*size as u64)).enumerate();
            let axes = axes.map(|(axis, size)| if axis == 0 { None } else { size });
            TensorSpec::new(array.dtype(), Shape::new(axes))
        };
        let specs: Vec<TensorSpec> = self.arrays.iter().skip(self.inputs).map(spec).collect();
        let (targets, weights) = specs.split_at(self.targets.min(specs.len()));
        Feeds::new(targets).weights(weights)
    }
}
