//! `R2Score`: share of the variance of labels that predictions explain.

use super::prelude::*;

config! {
    /// Share of the variance of labels that predictions explain.
    pub struct R2Score {
        /// How the scores of outputs become one: `uniform_average`, `variance_weighted_average`, or not at all.
        class_aggregation: Option<String> = Some("uniform_average".to_owned()),
        /// Number of independent predictors, which the score is adjusted to.
        num_regressors: i64 = 0,
    }
}

impl Measure for R2Score {
    fn build(&self, declared: &mut Declared, sample: &Sample) -> Result<()> {
        let (y_true, _) = sample.floats()?;
        let sizes: Vec<usize> = match y_true.rank() {
            2 => vec![y_true.spec().known_axis(-1)?],
            1 => Vec::new(),
            rank => return Err(Error::mismatch(format!("an R2 score needs one or two axes, found {rank}"))),
        };
        declared.of("num_samples", &[], DType::Int32);
        for name in ["squared_sum", "sum", "residual", "count"] {
            declared.float(name, &sizes);
        }
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let (y_true, y_pred) = sample.floats()?;
        let ones = ops::ones_like(&y_true)?;
        let weights = match &sample.weights {
            Some(weights) if weights.rank() == 1 && y_true.rank() == 2 => {
                ops::multiply(&ones, &ops::expand_dims(weights, 1)?)?
            }
            Some(weights) => ops::multiply(&ones, weights)?,
            None => ones,
        };
        let weighted = ops::multiply(&y_true, &weights)?;
        let error = ops::square(&ops::subtract(&y_true, &y_pred)?)?;
        let sum = |x: &Tensor| ops::sum(x, &[0], false);
        state.add("sum", &sum(&weighted)?)?;
        state.add("squared_sum", &sum(&ops::multiply(&y_true, &weighted)?)?)?;
        state.add("residual", &sum(&ops::multiply(&error, &weights)?)?)?;
        state.add("count", &sum(&weights)?)?;
        state.add("num_samples", &ops::prod(&ops::shape_of(&y_true)?, &[], false)?)
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        let (sum, count) = (state.get("sum")?, state.get("count")?);
        let total = ops::subtract(&state.get("squared_sum")?, &ops::multiply(&sum, &ops::divide(&sum, &count)?)?)?;
        let raw = ops::one_minus(&ops::divide(&state.get("residual")?, &total)?)?;
        let raw = ops::select(&ops::isinf(&raw)?, &ops::zeros_like(&raw)?, &raw)?;
        let score = match self.class_aggregation.as_deref() {
            Some("variance_weighted_average") => {
                let weighted = ops::sum(&ops::multiply(&total, &raw)?, &[], false)?;
                ops::divide(&weighted, &ops::sum(&total, &[], false)?)?
            }
            Some(_) => ops::mean(&raw, &[], false)?,
            None => raw,
        };
        if self.num_regressors == 0 {
            return Ok(score);
        }
        // With too few samples the plain score stays.
        let samples = ops::cast(&state.get("num_samples")?, DType::Float32)?;
        let rest = ops::plus(&samples, -1.0 - self.num_regressors as f64)?;
        let lost = ops::multiply(&ops::one_minus(&score)?, &ops::plus(&samples, -1.0)?)?;
        let adjusted = ops::one_minus(&ops::divide(&lost, &rest)?)?;
        ops::select(&ops::greater(&rest, &ops::zeros_like(&rest)?)?, &adjusted, &score)
    }
}
