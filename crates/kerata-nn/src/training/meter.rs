//! `Meter`: metrics with what they keep, as variables of a step and as a graph of their results.

use kerata_core::array::Array;
use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::{Error, Result, ResultExt, Role, Variable};

use crate::metrics::{Declared, Measure, Sample, State, mean};

/// The metrics of a step: it updates their variables, the meter tells their results.
#[derive(Debug)]
#[non_exhaustive]
pub struct Meter {
    /// Names of the metrics in Keras's order.
    pub names: Vec<String>,
    /// What they keep; all start at zero.
    pub variables: Vec<MetricVariable>,
    results: Graph,
}

/// A variable of a metric.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MetricVariable {
    /// Its path: `metrics/0/vars/1`.
    pub path: String,
    /// Its name in Keras: `total`.
    pub name: &'static str,
    /// Dtype and sizes.
    pub spec: TensorSpec,
}

impl MetricVariable {
    /// The value that it starts with.
    pub fn zero(&self) -> Result<Array> {
        Array::zeros(self.spec.sizes()?, self.spec.dtype)
    }

    /// A value of it as part of an artifact.
    pub fn with_value(&self, value: &Array) -> Result<Variable> {
        Ok(value.to_variable()?.with_role(Role::Metric))
    }
}

impl Meter {
    /// The results for values of the variables. One of several numbers is reported as `name_0`, `name_1`, ...
    pub fn read(&self, value: &dyn Fn(&str) -> Result<Array>) -> Result<Vec<(String, f64)>> {
        let (outputs, _) = self.results.evaluate(&[], value)?;
        let mut results = Vec::with_capacity(outputs.len());
        for (name, output) in self.names.iter().zip(outputs) {
            match output.to_f64s()?[..] {
                [number] if output.rank() == 0 => results.push((name.clone(), number)),
                ref numbers => {
                    let each = numbers.iter().enumerate();
                    results.extend(each.map(|(index, number)| (format!("{name}_{index}"), *number)));
                }
            }
        }
        Ok(results)
    }
}

/// Metrics that are being put together.
pub(super) struct MeterBuilder {
    step: GraphBuilder,
    results: GraphBuilder,
    outputs: Vec<(String, Tensor)>,
    variables: Vec<MetricVariable>,
    /// Whether metrics go on from batch to batch.
    is_running: bool,
}

impl MeterBuilder {
    pub fn new(step: &GraphBuilder, is_running: bool) -> Self {
        let results = if is_running { GraphBuilder::new("results") } else { step.clone() };
        Self { step: step.clone(), results, outputs: Vec::new(), variables: Vec::new(), is_running }
    }

    /// Adds a metric of a batch.
    pub fn add(&mut self, name: &str, measure: &dyn Measure, sample: &Sample) -> Result<()> {
        let mut declared = Declared::default();
        measure.build(&mut declared, sample).at(|| format!("metric `{name}`"))?;
        let update = |state: &State| measure.update(state, sample);
        self.add_with(name, &declared, &update, &|state| measure.result(state))
            .at(|| format!("metric `{name}`"))
    }

    /// Adds the mean of a number of each batch, weighted by its samples.
    pub fn add_number(&mut self, name: &str, value: &Tensor, samples: &Tensor) -> Result<()> {
        let mut declared = Declared::default();
        declared.float("total", &[]);
        declared.float("count", &[]);
        let update = |state: &State| {
            let value = kerata_core::ops::cast(value, samples.dtype())?;
            state.add("total", &kerata_core::ops::multiply(&value, samples)?)?;
            state.add("count", samples)
        };
        self.add_with(name, &declared, &update, &mean)
    }

    fn add_with(
        &mut self,
        name: &str,
        declared: &Declared,
        update: &dyn Fn(&State) -> Result<()>,
        result: &dyn Fn(&State) -> Result<Tensor>,
    ) -> Result<()> {
        if !self.is_running {
            let zero = |(name, spec): &(&'static str, TensorSpec)| {
                Ok((*name, self.step.constant(Array::zeros(spec.sizes()?, spec.dtype)?)))
            };
            let state = State::new(declared.list.iter().map(zero).collect::<Result<Vec<_>>>()?);
            update(&state)?;
            self.outputs.push((name.to_owned(), result(&state)?));
            return Ok(());
        }
        let number = self.outputs.len();
        let (mut old, mut kept) = (Vec::new(), Vec::new());
        for (index, (name, spec)) in declared.list.iter().enumerate() {
            let path = format!("metrics/{number}/vars/{index}");
            old.push((*name, self.step.variable(&path, spec.clone(), false)?));
            kept.push((*name, self.results.variable(&path, spec.clone(), false)?));
            self.variables.push(MetricVariable { path, name, spec: spec.clone() });
        }
        let state = State::new(old.clone());
        update(&state)?;
        for (index, (name, before)) in old.iter().enumerate() {
            let after = state.get(name)?;
            if !after.is(before) {
                self.step.update(&format!("metrics/{number}/vars/{index}"), &after)?;
            }
        }
        self.outputs.push((name.to_owned(), result(&State::new(kept))?));
        Ok(())
    }

    /// Whether a name is taken.
    pub fn has(&self, name: &str) -> bool {
        self.outputs.iter().any(|(known, _)| known == name)
    }

    /// The results of one batch, when metrics do not go on.
    pub fn of_batch(&self) -> Option<&[(String, Tensor)]> {
        (!self.is_running).then_some(&self.outputs[..])
    }

    pub fn finish(self) -> Result<Meter> {
        if !self.is_running {
            let names = self.outputs.into_iter().map(|(name, _)| name).collect();
            return Ok(Meter {
                names,
                variables: Vec::new(),
                results: GraphBuilder::new("results").finish(&[])?,
            });
        }
        let outputs: Vec<(&str, &Tensor)> =
            self.outputs.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let results = self.results.finish(&outputs)?;
        if results.outputs.len() != outputs.len() {
            return Err(Error::internal("two metrics have one name"));
        }
        let names = self.outputs.into_iter().map(|(name, _)| name).collect();
        Ok(Meter { names, variables: self.variables, results })
    }
}
