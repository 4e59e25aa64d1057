//! Quantizes dense layers and embeddings into the layouts of Keras 3.15, to the bit what `Model.quantize` gives.
//!
//! The layouts are described in `docs/formats/quantized.md`.

mod matrix;
mod place;
mod policy;
mod table;
mod write;

use kerata_core::{Artifact, Error, Result, ResultExt};
use kerata_nn::layers::Place;
use kerata_nn::{Model, Registry};

use super::layers::{Visited, for_each, is_own};
use super::{Activations, Pass, Quantization};
use write::Layer;

/// The version whose layouts are written.
const KERAS_VERSION: &str = "3.15.1";

pub(super) fn run(
    artifact: &mut Artifact,
    quantization: &Quantization,
    registry: &Registry,
    pass: &mut Pass,
) -> Result<()> {
    if let Quantization::Int4 { block_size: Some(0) } = quantization {
        return Err(Error::usage("a block of no weights"));
    }
    let mut config = artifact.config.take().ok_or_else(|| {
        Error::unsupported("only models with a Keras config can be quantized")
            .hint("the file holds weights alone")
    })?;
    artifact.config = Some(config.clone());
    // Layers say what they give; a model whose code is not there is quantized from what its config says.
    let model = Model::from_artifact(artifact, registry)?;
    let result = for_each(&mut config, &mut |visited, walk| {
        let place = place::find(model.place(), visited.path);
        let at = format!("layer `{}` ({})", visited.name, visited.class);
        one(artifact, visited, walk, place, *quantization, pass).at(|| at.clone())
    });
    result?;
    if pass.changed == 0 {
        pass.note(
            "no layer of this model can be quantized: Keras quantizes Dense, EinsumDense and embeddings",
        );
        return Ok(());
    }
    artifact.config = Some(config);
    artifact.original_config = None;
    artifact.metadata.keras_version = Some(KERAS_VERSION.to_owned());
    // What was traced before has the float weights.
    artifact.traces = None;
    Ok(())
}

fn one(
    artifact: &mut Artifact,
    visited: Visited<'_>,
    walk: &kerata_formats::walk::Walk,
    place: Option<&Place>,
    quantization: Quantization,
    pass: &mut Pass,
) -> Result<()> {
    let Visited { tree, path, class, name, wrapper } = visited;
    if !is_own(tree) {
        return Ok(());
    }
    let is_float8 = quantization == Quantization::Float8;
    match class {
        "Dense" | "EinsumDense" | "Embedding" | "ReversibleEmbedding" => {
            if is_float8 && class.ends_with("Embedding") {
                return Ok(());
            }
            if let Some(wrapper) = wrapper {
                // `TimeDistributed` runs `call`, which knows no scales: Keras's numbers would be wrong.
                pass.note(format!(
                    "`{name}` stays: Keras runs the layer inside a {wrapper} without its scales"
                ));
                return Ok(());
            }
            if class == "EinsumDense" && !is_float8 && has_ellipsis(tree) {
                pass.note(format!("`{name}` stays: Keras 3.15 cannot quantize an equation with an ellipsis"));
                return Ok(());
            }
            let Some(policy) = policy::float_policy(tree, name)? else {
                pass.note(format!("`{name}` is quantized already"));
                return Ok(());
            };
            if let Some(reason) = policy::refusal(&policy, quantization) {
                pass.note(format!("`{name}` stays: {reason}"));
                return Ok(());
            }
            let layer = Layer { path, dtype: policy.variable_dtype(), quantization };
            let done = match class {
                "Dense" => layer.dense(artifact)?,
                "EinsumDense" => layer.einsum_dense(artifact, tree)?,
                _ => table::quantize(&layer, artifact, tree)?,
            };
            if done {
                pass.changed += 1;
            }
            policy::set(tree, policy.name(), quantization)
        }
        "MultiHeadAttention" | "GroupQueryAttention" | "GroupedQueryAttention" => {
            let Some(policy) = policy::float_policy(tree, name)? else { return Ok(()) };
            if let Some(reason) = policy::refusal(&policy, quantization) {
                pass.note(format!("`{name}` stays: {reason}"));
                return Ok(());
            }
            // Keras's own `quantize` leaves out how the layers inside compute, and its file does not load. A map of
            // policies says it. Layers inside take the default, so only the default of int8 can be said.
            if quantization == Quantization::Int8(Activations::Float) {
                pass.note(format!("`{name}` stays: Keras cannot say that attention has float activations"));
                return Ok(());
            }
            let prefix = format!("{path}/");
            let mut inner = Vec::new();
            for object in walk.objects().iter().filter(|object| object.class_name == "EinsumDense") {
                let Some(attribute) = object.path.strip_prefix(&prefix).filter(|rest| !rest.contains('/'))
                else {
                    continue;
                };
                let leading = place::leading_axes(tree, place, attribute)?;
                let layer = Layer { path: &object.path, dtype: policy.variable_dtype(), quantization };
                if layer.projection(artifact, attribute == "output_dense", leading)? {
                    pass.changed += 1;
                }
                inner.extend(object.name.clone());
            }
            policy::set_map(tree, name, &inner, policy.name(), quantization)
        }
        _ => Ok(()),
    }
}

fn has_ellipsis(tree: &kerata_core::Tree) -> bool {
    let equation = tree.path(&["config", "equation"]).and_then(kerata_core::Tree::as_str);
    equation.is_some_and(|equation| equation.contains("..."))
}
