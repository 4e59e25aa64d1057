//! Random start values whose variance fits the number of inputs and outputs of a variable.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result};

use super::Start;

/// Deviation of a standard normal that is cut at two deviations.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// How the start values are spread and scaled.
pub(super) struct Variance<'a> {
    pub scale: f64,
    pub mode: &'a str,
    pub distribution: &'a str,
    pub seed: Option<i64>,
    pub input_axes: Option<&'a [i64]>,
    pub output_axes: Option<&'a [i64]>,
}

impl Variance<'_> {
    pub fn call(&self, variable: &Start) -> Result<Tensor> {
        let (inputs, outputs) = self.fans(&variable.shape)?;
        let fan = match self.mode {
            "fan_in" => inputs,
            "fan_out" => outputs,
            "fan_avg" => (inputs + outputs) / 2.0,
            mode => return Err(Error::unsupported(format!("unknown mode `{mode}`"))),
        };
        let variance = self.scale / fan.max(1.0);
        match self.distribution {
            "truncated_normal" | "normal" => {
                variable.truncated_normal(0.0, variance.sqrt() / TRUNCATED_DEVIATION, self.seed)
            }
            "untruncated_normal" => variable.normal(0.0, variance.sqrt(), self.seed),
            "uniform" => {
                let limit = (3.0 * variance).sqrt();
                variable.uniform(-limit, limit, self.seed)
            }
            other => Err(Error::unsupported(format!("unknown distribution `{other}`"))),
        }
    }

    /// Numbers of inputs and outputs of one unit: the last two axes, times the window of a convolution.
    fn fans(&self, shape: &[usize]) -> Result<(f64, f64)> {
        let product = |sizes: &[usize]| sizes.iter().map(|&size| size as f64).product::<f64>();
        if let (Some(inputs), Some(outputs)) = (self.input_axes, self.output_axes) {
            return Ok((product(&pick(shape, inputs)?), product(&pick(shape, outputs)?)));
        }
        Ok(match shape {
            [] => (1.0, 1.0),
            [one] => (*one as f64, *one as f64),
            [window @ .., inputs, outputs] => {
                let window = product(window);
                (window * *inputs as f64, window * *outputs as f64)
            }
        })
    }
}

fn pick(shape: &[usize], axes: &[i64]) -> Result<Vec<usize>> {
    let sizes = kerata_core::Shape::known(shape.iter().map(|&size| size as u64));
    axes.iter().map(|&axis| sizes.axis(axis).map(|axis| shape[axis])).collect()
}
