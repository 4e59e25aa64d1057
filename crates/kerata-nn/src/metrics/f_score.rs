//! What `FBetaScore` and `F1Score` share.

use super::prelude::*;

/// The arguments of both.
pub(super) struct FScore<'a> {
    pub average: Option<&'a str>,
    pub beta: f64,
    pub threshold: Option<f64>,
}

const KEPT: [&str; 4] = ["true_positives", "false_positives", "false_negatives", "intermediate_weights"];

/// Keras's small number.
const EPSILON: f64 = 1e-7;

impl FScore<'_> {
    pub fn build(&self, declared: &mut Declared, sample: &Sample) -> Result<()> {
        if sample.y_pred.rank() != 2 || sample.y_true.rank() != 2 {
            let message = "an F score needs labels and predictions of two axes";
            return Err(Error::mismatch(message));
        }
        let classes = sample.y_pred.spec().known_axis(-1)?;
        let sizes: &[usize] = if self.average == Some("micro") { &[] } else { &[classes] };
        for name in KEPT {
            declared.float(name, sizes);
        }
        Ok(())
    }

    pub fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let (y_true, y_pred) = sample.floats()?;
        let found = match self.threshold {
            Some(threshold) => ops::greater(&y_pred, &ops::scalar(&y_pred, threshold)?)?,
            None => {
                let best = ops::greater_equal(&y_pred, &ops::max(&y_pred, &[-1], true)?)?;
                let size = ops::absolute(&y_pred)?;
                ops::logical_and(&best, &ops::greater(&size, &ops::scalar(&size, 1e-9)?)?)?
            }
        };
        let found = ops::cast(&found, DType::Float32)?;
        let axes: &[i64] = if self.average == Some("micro") { &[] } else { &[0] };
        let add = |name: &'static str, value: Tensor| {
            let value = match &sample.weights {
                Some(weights) => ops::multiply(&value, &ops::expand_dims(weights, 1)?)?,
                None => value,
            };
            state.add(name, &ops::sum(&value, axes, false)?)
        };
        add(KEPT[0], ops::multiply(&found, &y_true)?)?;
        add(KEPT[1], ops::multiply(&found, &ops::one_minus(&y_true)?)?)?;
        add(KEPT[2], ops::multiply(&ops::one_minus(&found)?, &y_true)?)?;
        add(KEPT[3], y_true)
    }

    pub fn result(&self, state: &State) -> Result<Tensor> {
        let found = state.get(KEPT[0])?;
        let share = |other: &'static str| {
            ops::divide(&found, &ops::plus(&ops::add(&found, &state.get(other)?)?, EPSILON)?)
        };
        let (precision, recall) = (share(KEPT[1])?, share(KEPT[2])?);
        let square = self.beta * self.beta;
        let both = ops::times(&ops::multiply(&precision, &recall)?, 1.0 + square)?;
        let sum = ops::plus(&ops::add(&ops::times(&precision, square)?, &recall)?, EPSILON)?;
        let score = ops::divide(&both, &sum)?;
        match self.average {
            Some("weighted") => {
                let weights = state.get(KEPT[3])?;
                let all = ops::plus(&ops::sum(&weights, &[], false)?, EPSILON)?;
                ops::sum(&ops::multiply(&score, &ops::divide(&weights, &all)?)?, &[], false)
            }
            Some(_) => ops::mean(&score, &[], false),
            None => Ok(score),
        }
    }
}
