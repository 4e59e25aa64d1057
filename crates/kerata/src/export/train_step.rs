//! The signature `train_step`: one step of training as a function of a batch, which changes weights and optimizer.

use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{Artifact, DType, Error, Result, Role, Shape, Variable};
use kerata_nn::training::{self, Compiled, Feeds};
use kerata_nn::{Model, Registry};

use super::signature::rebuilt;

pub(super) const NAME: &str = "train_step";

/// The graph of a step, with inputs `x…` of the model, then a target `y_NAME` for each output with a loss, and the variables
/// that it needs and a model without training does not have.
pub(super) fn graph(artifact: &Artifact, registry: &Registry) -> Result<(Graph, Vec<(String, Variable)>)> {
    let model = Model::from_artifact(artifact, registry)?;
    model.check()?;
    if artifact.compile_config.is_none() {
        return Err(Error::usage("the model is not compiled: there is no loss for a step of training"));
    }
    let compiled = Compiled::of(&model, registry)?;
    let trace = model.trace(false)?;
    let mut targets = Vec::new();
    let mut names = Vec::new();
    for ((spec, loss), name) in trace.output_specs()?.iter().zip(&compiled.losses).zip(&compiled.outputs) {
        let Some(loss) = loss else { continue };
        let class = loss
            .function
            .as_ref()
            .and_then(|loss| loss.object().ok().map(|loss| loss.class_name().to_owned()));
        targets.push(target(spec, class.as_deref()));
        names.push(format!("y_{name}"));
    }
    let step = training::step_of_batch(&model, &compiled, &Feeds::new(targets))?;
    let trained = training::trained(&model)?;
    let mut variables = Vec::new();
    for variable in compiled.optimizer.variables(&trained)? {
        let initial = variable.initial(|index| match trained.get(index) {
            Some(of) => model.variable(&of.path),
            None => Err(Error::internal("a state of no variable")),
        })?;
        variables.push((variable.path.clone(), initial.to_variable()?.with_role(Role::Optimizer)));
    }
    for (path, _, _) in step.graph.variables() {
        let is_listed =
            artifact.variables.get(path).is_some() || variables.iter().any(|(known, _)| known == path);
        if !is_listed {
            variables.push((path.to_owned(), model.variable(path)?.to_variable()?));
        }
    }
    let model_inputs = trace.inputs.len();
    let graph = rebuilt(
        &step.graph,
        |at, name, spec| {
            let target = at.checked_sub(model_inputs).and_then(|at| names.get(at));
            (target.cloned().unwrap_or_else(|| name.to_owned()), spec.clone())
        },
        |_, name, tensor| Ok((name, tensor.clone())),
    )?;
    Ok((graph, variables))
}

/// What a loss compares an output with: numbers of classes for the sparse ones, else what the output is.
fn target(output: &TensorSpec, loss: Option<&str>) -> TensorSpec {
    if loss == Some("CTC") {
        // Numbers of classes, one row a sample, of any length.
        let batch = output.shape.axes().first().copied().flatten();
        return TensorSpec::new(DType::Int32, Shape::new([batch, None]));
    }
    if loss.is_some_and(|class| class.starts_with("Sparse") || class == "Circle") {
        let mut axes = output.shape.axes().to_vec();
        if let Some(last) = axes.last_mut() {
            *last = Some(1);
        }
        return TensorSpec::new(DType::Int64, Shape::new(axes));
    }
    TensorSpec::new(if output.dtype.is_float() { DType::Float32 } else { output.dtype }, output.shape.clone())
}
