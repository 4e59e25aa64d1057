//! `Predictor`: a model that is ready to run on named or ordered inputs.

use std::borrow::Borrow;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::artifact::{TraceOrigin, Traces};
use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{Artifact, DType, Error, Result, ResultExt, Shape};
use kerata_engine::{Session, SessionOptions, engine};
use kerata_nn::{Model, Registry};

use crate::traces::stand_in;

/// How to run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PredictOptions {
    /// Name of the engine: `cpu` or `reference`.
    pub engine: String,
    /// Most threads that one run uses.
    pub threads: usize,
    /// Number of axes of inputs, by name or as `in_0`, `in_1`, ..., for graphs that leave it open.
    pub ranks: IndexMap<String, usize>,
}

impl Default for PredictOptions {
    fn default() -> Self {
        Self { engine: "cpu".to_owned(), threads: 1, ranks: IndexMap::new() }
    }
}

impl PredictOptions {
    /// The CPU engine on one thread.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the engine.
    #[must_use]
    pub fn engine(mut self, name: impl Into<String>) -> Self {
        self.engine = name.into();
        self
    }

    /// Sets the most threads that one run uses.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the number of axes of inputs, for graphs that leave it open.
    #[must_use]
    pub fn ranks(mut self, ranks: impl IntoIterator<Item = (String, usize)>) -> Self {
        self.ranks = ranks.into_iter().collect();
        self
    }
}

/// Makes what an artifact computes ready to run: its layers, built through the registry.
///
/// An artifact that is handed over and not lent is given up once its layers are made: the config of a network of many layers
/// is large.
pub fn predictor(
    given: impl Borrow<Artifact>,
    signature: Option<&str>,
    registry: &Registry,
    options: &PredictOptions,
) -> Result<Predictor> {
    let artifact = given.borrow();
    let traces = artifact.traces.as_ref();
    if let Some(name) = signature {
        let traces = traces.ok_or_else(|| {
            Error::not_found(format!("the file has no signature `{name}`"))
                .hint("leave the signature out to run the model itself")
        })?;
        return Predictor::of_trace(artifact, traces.as_ref(), name, options);
    }
    // What a program says is what the model computes; its config only tells how it was built.
    if let Some(traces) = traces.filter(|traces| traces.origin() == TraceOrigin::Program) {
        let names = traces.names();
        if let Some(name) = default_signature(&names) {
            return Predictor::of_trace(artifact, traces.as_ref(), name, options);
        }
    }
    let model = crate::modern::model_to_trace(artifact, registry)?;
    if let Err(missing) = model.check() {
        let traces = stand_in(artifact, missing)?;
        let names = traces.names();
        let name = default_signature(&names).ok_or_else(|| {
            Error::not_found("several signatures, none is the default").hint(names.join(", "))
        })?;
        return Predictor::of_trace(artifact, traces.as_ref(), name, options);
    }
    drop(given);
    let graph = model.trace(false)?;
    let values = model.into_values();
    Predictor::of_graph(&graph, &|path| values.variable(path), options)
}

/// The signature that is run when none is asked for.
fn default_signature(names: &[String]) -> Option<&str> {
    ["serving_default", "serve", "__call__"]
        .into_iter()
        .find(|name| names.iter().any(|known| known == name))
        .or(names.first().map(String::as_str).filter(|_| names.len() == 1))
}

/// A model that is ready to run, from several threads at once.
pub struct Predictor {
    session: Box<dyn Session>,
    inputs: Vec<(String, TensorSpec)>,
    outputs: Vec<(String, TensorSpec)>,
}

impl Predictor {
    /// Makes a model ready.
    pub fn new(model: &Model, options: &PredictOptions) -> Result<Self> {
        Self::of_graph(&model.trace(false)?, &|path| model.variable(path), options)
    }

    /// Makes a graph ready whose variables are found by path.
    pub fn of_graph(
        graph: &Graph,
        variables: &dyn Fn(&str) -> Result<Array>,
        options: &PredictOptions,
    ) -> Result<Self> {
        let names = graph.input_names().into_iter().map(str::to_owned);
        let inputs = names.zip(graph.input_specs()?).collect();
        let names = graph.outputs.iter().map(|(name, _)| name.clone());
        let outputs = names.zip(graph.output_specs()?).collect();
        let session_options =
            SessionOptions::default().with_threads(options.threads).with_variables_kept(false);
        let session = engine(&options.engine)?.prepare(graph, variables, &session_options)?;
        Ok(Self { session, inputs, outputs })
    }

    /// Makes a signature or function ready that came with the file.
    pub(crate) fn of_trace(
        artifact: &Artifact,
        traces: &dyn Traces,
        name: &str,
        options: &PredictOptions,
    ) -> Result<Self> {
        let variable = |path: &str| {
            let variable = match artifact.variables.get(path) {
                Some(variable) => Some(variable.clone()),
                None => traces.start(path)?,
            };
            let variable = variable.ok_or_else(|| Error::not_found(format!("no variable `{path}`")))?;
            Array::from_variable(&variable).at(|| format!("variable `{path}`"))
        };
        let rank = |input: &str, at: usize| {
            let rank = options.ranks.get(input).or_else(|| options.ranks.get(&format!("in_{at}")));
            rank.copied()
        };
        Self::of_graph(&traces.graph_of(name, &rank)?, &variable, options)
    }

    /// Names and specs of the inputs, in order.
    pub fn inputs(&self) -> &[(String, TensorSpec)] {
        &self.inputs
    }

    /// Names and specs of the outputs, in order.
    pub fn outputs(&self) -> &[(String, TensorSpec)] {
        &self.outputs
    }

    /// The outputs for inputs in order; inputs of another number type are cast, a missing or additional last axis of
    /// size 1 is mended, as Keras does.
    pub fn run(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.session.run(&self.fit_all(inputs)?)
    }

    /// The same in parts of at most `batch_size` samples, joined afterwards: less memory for large inputs.
    ///
    /// Runs whole when an input or output has no batch axis.
    pub fn run_in_batches(&self, inputs: &[Array], batch_size: usize) -> Result<Vec<Array>> {
        let inputs = self.fit_all(inputs)?;
        let specs = self.inputs.iter().chain(&self.outputs);
        let have_batch_axis =
            specs.map(|(_, spec)| spec).all(|spec| spec.shape.axes().first() == Some(&None));
        let samples = inputs.first().and_then(|input| input.shape().first().copied()).unwrap_or(0);
        let agree = inputs.iter().all(|input| input.shape().first() == Some(&samples));
        if !have_batch_axis || !agree || batch_size == 0 || samples <= batch_size {
            return self.session.run(&inputs);
        }
        let sizes: Vec<usize> =
            (0..samples).step_by(batch_size).map(|start| batch_size.min(samples - start)).collect();
        let parts: Vec<Vec<Array>> =
            inputs.iter().map(|input| input.cut(&sizes, 0)).collect::<Result<_>>()?;
        let mut batches = Vec::with_capacity(sizes.len());
        for position in 0..sizes.len() {
            let batch: Vec<Array> = parts.iter().filter_map(|part| part.get(position).cloned()).collect();
            batches.push(self.session.run(&batch)?);
        }
        (0..self.outputs.len())
            .map(|output| {
                let pieces: Vec<&Array> = batches.iter().filter_map(|batch| batch.get(output)).collect();
                Array::join(&pieces, 0)
            })
            .collect()
    }

    /// Puts named inputs in order: by the model's names, or as `in_0`, `in_1`, ... Other names are left aside, as Keras
    /// does.
    pub fn arrange(&self, mut named: IndexMap<String, Array>) -> Result<Vec<Array>> {
        let mut ordered = Vec::with_capacity(self.inputs.len());
        for (position, (name, _)) in self.inputs.iter().enumerate() {
            let numbered = format!("in_{position}");
            let found = named.shift_remove(name).or_else(|| named.shift_remove(&numbered));
            ordered.push(found.ok_or_else(|| {
                let given: Vec<&str> = named.keys().map(String::as_str).collect();
                Error::not_found(format!("the input `{name}` (or `{numbered}`) is missing")).hint(format!(
                    "given are: {}",
                    if given.is_empty() { "none".to_owned() } else { given.join(", ") }
                ))
            })?);
        }
        Ok(ordered)
    }

    fn fit_all(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        if inputs.len() != self.inputs.len() {
            let (expected, found) = (self.inputs.len(), inputs.len());
            return Err(Error::mismatch(format!("expected {expected} inputs, found {found}")));
        }
        let pairs = self.inputs.iter().zip(inputs);
        pairs.map(|((name, spec), array)| fit_array(array, spec).at(|| format!("input `{name}`"))).collect()
    }
}

/// The array as an input of this spec, or why it cannot be one.
pub(crate) fn fit_array(array: &Array, spec: &TensorSpec) -> Result<Array> {
    let is_text = |dtype: DType| dtype == DType::String;
    if is_text(array.dtype()) != is_text(spec.dtype) {
        return Err(Error::mismatch(format!("expected {}, found {}", spec.dtype, array.dtype())));
    }
    if spec.dtype.is_integer() && array.dtype().is_float() {
        let bad = array.to_f64s()?.into_iter().find(|value| !value.is_finite());
        if let Some(value) = bad {
            return Err(Error::mismatch(format!("expected {}, found the value {value}", spec.dtype)));
        }
    }
    let array = if array.dtype() == spec.dtype { array.clone() } else { array.cast(spec.dtype)? };
    let mut shape = array.shape().to_vec();
    if shape.len() + 1 == spec.rank() && spec.shape.axes().last() == Some(&Some(1)) {
        shape.push(1);
    } else if shape.len() == spec.rank() + 1 && shape.last() == Some(&1) {
        shape.pop();
    }
    let fits = shape.len() == spec.rank()
        && shape
            .iter()
            .zip(spec.shape.axes())
            .all(|(size, axis)| axis.is_none_or(|axis| axis == *size as u64));
    if !fits {
        let found = Shape::known(array.shape().iter().map(|size| *size as u64));
        return Err(Error::mismatch(format!("expected the shape {}, found {found}", spec.shape)));
    }
    if shape == array.shape() { Ok(array) } else { array.reshape(shape) }
}
