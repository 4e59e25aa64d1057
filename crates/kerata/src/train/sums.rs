//! `Sums`: losses and metrics of an epoch, gathered over its steps.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Error, Result};
use kerata_nn::training::{Measured, StepGraph};

use crate::callbacks::Logs;

/// Sums over the steps of an epoch: of values and of their weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums(pub IndexMap<String, (f64, f64)>);

impl Sums {
    pub fn add(&mut self, step: &StepGraph, outputs: &[Array], samples: usize) -> Result<()> {
        for (measured, output) in step.measured.iter().zip(outputs) {
            let (value, weight) = match measured {
                Measured::Loss(_) => (output.to_f64()? * samples as f64, samples as f64),
                _ => match output.to_f64s()?[..] {
                    [value, weight] => (value, weight),
                    _ => return Err(Error::internal("a measure is a sum and its weight")),
                },
            };
            let sum = self.0.entry(measured.name().to_owned()).or_default();
            sum.0 += value;
            sum.1 += weight;
        }
        Ok(())
    }

    pub fn mean(&self, name: &str) -> f64 {
        self.0.get(name).map_or(f64::NAN, |(sum, weight)| sum / weight)
    }

    /// The means of a finished epoch; the sums start anew.
    pub fn take_means(&mut self, step: &StepGraph) -> Logs {
        std::mem::take(self).means(step)
    }

    /// The means so far.
    pub fn means(&self, step: &StepGraph) -> Logs {
        let is_root =
            |name: &str| step.measured.contains(&Measured::Mean { name: name.to_owned(), is_root: true });
        let mean = |(name, (sum, weight)): (&String, &(f64, f64))| {
            // No weight at all is a mean of zero, as in Keras.
            let mean = if *weight == 0.0 { 0.0 } else { sum / weight };
            let value = if is_root(name) { mean.sqrt() } else { mean };
            (name.clone(), value)
        };
        self.0.iter().map(mean).collect()
    }
}
