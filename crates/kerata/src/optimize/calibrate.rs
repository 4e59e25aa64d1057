//! Takes the scales of float8 layers from inputs: of activations from what flows through the model, of kernels from
//! their largest weight. Keras starts them at one and learns them in training.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::{Artifact, DType, Error, Result, ResultExt};
use kerata_nn::layers::Place;
use kerata_nn::{Model, Registry};

use super::{Pass, Quantization};
use crate::predict::{PredictOptions, Predictor};

/// Largest float of 4 exponent and 3 mantissa bits.
const LARGEST_FLOAT8: f32 = 448.0;
const BATCH: usize = 64;

pub(super) fn run(
    artifact: &mut Artifact,
    quantization: &Quantization,
    inputs: &IndexMap<String, Array>,
    registry: &Registry,
    pass: &mut Pass,
) -> Result<()> {
    if *quantization != Quantization::Float8 {
        return Err(Error::usage(format!("{} has no scales of activations to calibrate", quantization.mode()))
            .hint("Keras rounds the inputs of int8 layers by their largest value each time, and those of int4 layers never"));
    }
    let model = Model::from_artifact(artifact, registry)?;
    let mut graph = model.trace(false)?;
    let mut layers = Vec::new();
    collect(model.place(), &mut layers);
    // What is divided by the scale is what flows into the layer.
    let mut found = Vec::new();
    for layer in layers {
        if let Some(input) = divided_by(&graph, &layer.inputs_scale) {
            found.push((layer, input));
        }
    }
    graph.outputs = found.iter().map(|(layer, input)| (layer.inputs_scale.clone(), *input)).collect();
    graph.updates.clear();
    let predictor = Predictor::of_graph(&graph, &|path| model.variable(path), &PredictOptions::new())?;
    let inputs = predictor.arrange(inputs.clone()).at(|| "calibration inputs")?;
    let flows = predictor.run_in_batches(&inputs, BATCH)?;
    for ((layer, _), flow) in found.iter().zip(&flows) {
        set(artifact, &layer.inputs_scale, &layer.inputs_history, largest(flow)?)?;
        let kernel = artifact.variables.get(&layer.kernel).ok_or_else(|| Error::not_found("the kernel"))?;
        let kernel = largest(&Array::from_variable(kernel)?)?;
        set(artifact, &layer.kernel_scale, &layer.kernel_history, kernel)?;
        pass.changed += 1;
    }
    Ok(())
}

/// Paths of the variables of a float8 layer.
struct Layer {
    kernel: String,
    inputs_scale: String,
    inputs_history: String,
    kernel_scale: String,
    kernel_history: String,
}

fn collect(place: &Place, out: &mut Vec<Layer>) {
    let path = |name: &str| place.variable_path(name);
    let layer = || {
        Some(Layer {
            kernel: path("kernel")?,
            inputs_scale: path("inputs_scale")?,
            inputs_history: path("inputs_amax_history")?,
            kernel_scale: path("kernel_scale")?,
            kernel_history: path("kernel_amax_history")?,
        })
    };
    out.extend(layer());
    place.children.values().for_each(|child| collect(child, out));
}

/// What the graph divides by a variable.
fn divided_by(graph: &Graph, path: &str) -> Option<ValueId> {
    let is_it = |kind: &NodeKind| matches!(kind, NodeKind::Variable { path: known, .. } if known == path);
    let node = graph.nodes.iter().position(|node| is_it(&node.kind))?;
    let mut scales = vec![ValueId { node, output: 0 }];
    for (position, node) in graph.nodes.iter().enumerate() {
        match (node.op().map(kerata_core::ops::Op::name), &node.inputs[..]) {
            (Some("cast"), [input]) if scales.contains(input) => {
                scales.push(ValueId { node: position, output: 0 })
            }
            (Some("divide"), [x, scale]) if scales.contains(scale) => return Some(*x),
            _ => {}
        }
    }
    None
}

fn largest(array: &Array) -> Result<f32> {
    let numbers = array.cast(DType::Float32)?;
    let largest = numbers.as_f32()?.iter().fold(0f32, |largest, number| largest.max(number.abs()));
    Ok(largest)
}

/// Sets a scale as Keras computes it from the largest value, and notes that value as the newest of the past ones.
fn set(artifact: &mut Artifact, scale: &str, history: &str, largest: f32) -> Result<()> {
    if largest > 0.0 && largest.is_finite() {
        put(artifact, scale, &Array::scalar(1.0 / (LARGEST_FLOAT8 / largest)))?;
    }
    let known = artifact.variables.get(history).ok_or_else(|| Error::not_found("past largest values"))?;
    let mut past = Array::from_variable(known)?.as_f32()?.to_vec();
    if let Some(newest) = past.first_mut() {
        *newest = largest;
    }
    put(artifact, history, &Array::vector(past))
}

fn put(artifact: &mut Artifact, path: &str, value: &Array) -> Result<()> {
    let variable =
        artifact.variables.get_mut(path).ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
    variable.data = value.to_data();
    Ok(())
}
