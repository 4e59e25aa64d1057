//! `Signature`: a graph of the model under a name, with names of arguments and results and a batch of the user's choice.

use kerata_core::artifact::Traces;
use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::{Error, Result, Shape};

use crate::traces::SERVING_DEFAULT;

/// A signature of an export.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Signature {
    /// Its name.
    pub name: String,
    /// The trace that it computes: `serving_default`, `training`, or a signature of the file.
    pub trace: String,
    /// Size of the first axis of all inputs; open when `None`.
    pub batch: Option<u64>,
    /// Names of the arguments in the model's order; the model's when empty.
    pub inputs: Vec<String>,
    /// Names of the results in the model's order; the model's when empty.
    pub outputs: Vec<String>,
}

impl Signature {
    /// The call for inference under a name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            trace: SERVING_DEFAULT.to_owned(),
            batch: None,
            inputs: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Sets the trace that it computes.
    #[must_use]
    pub fn trace(mut self, trace: impl Into<String>) -> Self {
        self.trace = trace.into();
        self
    }

    /// Sets the size of the first axis of all inputs.
    #[must_use]
    pub fn batch(mut self, batch: u64) -> Self {
        self.batch = Some(batch);
        self
    }

    /// Sets the names of the arguments.
    #[must_use]
    pub fn inputs(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.inputs = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the names of the results.
    #[must_use]
    pub fn outputs(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.outputs = names.into_iter().map(Into::into).collect();
        self
    }

    pub(super) fn graph(&self, traces: &dyn Traces) -> Result<Graph> {
        let graph = traces.graph(&self.trace)?;
        let fits = |names: &[String], count: usize, what: &str| match names.len() {
            0 => Ok(()),
            found if found == count => Ok(()),
            found => Err(Error::usage(format!("{found} names for {count} {what}"))),
        };
        fits(&self.inputs, graph.inputs.len(), "inputs")?;
        fits(&self.outputs, graph.outputs.len(), "outputs")?;
        let input = |at: usize, name: &str, spec: &TensorSpec| {
            let name = self.inputs.get(at).map_or(name, String::as_str).to_owned();
            let axes = spec.shape.axes().iter().enumerate();
            let shape = axes.map(|(axis, size)| if axis == 0 { size.or(self.batch) } else { *size });
            (name, TensorSpec::new(spec.dtype, Shape::new(shape)))
        };
        rebuilt(&graph, input, |at, name, tensor| {
            Ok((self.outputs.get(at).cloned().unwrap_or(name), tensor.clone()))
        })
    }
}

/// A graph with other inputs and with other outputs made of its own; its updates stay.
pub(super) fn rebuilt(
    graph: &Graph,
    input: impl Fn(usize, &str, &TensorSpec) -> (String, TensorSpec),
    output: impl Fn(usize, String, &Tensor) -> Result<(String, Tensor)>,
) -> Result<Graph> {
    let mut whole = graph.clone();
    whole.outputs.extend(graph.updates.iter().cloned());
    let builder = GraphBuilder::new(graph.name.as_str());
    let names = graph.input_names();
    let inputs: Vec<Tensor> = names
        .iter()
        .zip(graph.input_specs()?)
        .enumerate()
        .map(|(at, (name, spec))| {
            let (name, spec) = input(at, name, &spec);
            builder.input(name, spec)
        })
        .collect();
    let made = builder.inline(&whole, &inputs)?;
    let mut outputs = Vec::new();
    for (at, ((name, _), tensor)) in graph.outputs.iter().zip(&made).enumerate() {
        outputs.push(output(at, name.clone(), tensor)?);
    }
    for ((path, _), tensor) in graph.updates.iter().zip(made.iter().skip(graph.outputs.len())) {
        builder.update(path, tensor)?;
    }
    let outputs: Vec<(&str, &Tensor)> =
        outputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    builder.finish(&outputs)
}
