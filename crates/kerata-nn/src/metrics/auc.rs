//! `AUC`: area under a curve over thresholds.

use super::counts::{ALL, LabelWeights, is_even, row};
use super::prelude::*;
use crate::choice;

choice! {
    /// What the curve shows.
    pub enum Curve {
        /// Positives found over negatives taken for positives.
        Roc = "ROC",
        /// Precision over recall.
        Pr = "PR",
        /// Gain of precision over gain of recall.
        PrGain = "PRGAIN",
    }
}

choice! {
    /// How the area between two thresholds is taken.
    pub enum Summation {
        /// The mean of both heights; of precision the exact area.
        Interpolation = "interpolation",
        /// The lower height.
        Minoring = "minoring",
        /// The larger height.
        Majoring = "majoring",
    }
}

config! {
    /// Area under a curve over thresholds.
    pub struct AUC {
        /// Number of thresholds.
        num_thresholds: usize = 200,
        /// What the curve shows.
        curve: Curve = Curve::Roc,
        /// How areas are taken.
        summation_method: Summation = Summation::Interpolation,
        /// Whether each label has a curve of its own.
        multi_label: bool = false,
        /// Number of labels.
        num_labels: Option<usize> = None,
        /// How much each label counts.
        label_weights: LabelWeights = LabelWeights::default(),
        /// Whether predictions are logits.
        from_logits: bool = false,
    } also {
        /// The thresholds between 0 and 1, in place of even ones.
        thresholds: Option<Vec<f64>> = None,
    }
}

/// How far the outermost thresholds lie outside.
const MARGIN: f64 = 1e-7;

impl AUC {
    fn counting(&self) -> Counting {
        let mut inner = match &self.thresholds {
            Some(own) => own.clone(),
            None => {
                let steps = self.num_thresholds.max(2) - 1;
                (1..steps).map(|at| at as f64 / steps as f64).collect()
            }
        };
        inner.sort_by(f64::total_cmp);
        let whole: Vec<f64> = std::iter::once(0.0).chain(inner.iter().copied()).chain([1.0]).collect();
        let even = is_even(&whole).then_some(true);
        let thresholds = std::iter::once(-MARGIN).chain(inner).chain([1.0 + MARGIN]).collect();
        let label_weights = self.label_weights.numbers().filter(|_| !self.multi_label).map(<[f64]>::to_vec);
        Counting { thresholds, even, is_multi_label: self.multi_label, label_weights, ..Counting::default() }
    }

    /// The exact area under a precision that moves between two thresholds as the counts do.
    fn precision_areas(state: &State) -> Result<Tensor> {
        let (found, wrong) = (state.get("true_positives")?, state.get("false_positives")?);
        let taken = ops::add(&found, &wrong)?;
        let (found_here, found_next) = neighbours(&found)?;
        let (here, next) = neighbours(&taken)?;
        let (rise, run) = (ops::subtract(&found_here, &found_next)?, ops::subtract(&here, &next)?);
        let slope = ops::divide_no_nan(&rise, &ops::relu(&run)?)?;
        let start = ops::subtract(&found_next, &ops::multiply(&slope, &next)?)?;
        let zero = ops::zeros_like(&next)?;
        let both = ops::logical_and(&ops::greater(&here, &zero)?, &ops::greater(&next, &zero)?)?;
        let ratio = ops::divide_no_nan(&here, &ops::relu(&next)?)?;
        let ratio = ops::select(&both, &ratio, &ops::ones_like(&ratio)?)?;
        let area = ops::add(&rise, &ops::multiply(&start, &ops::log(&ratio)?)?)?;
        let (_, missed) = neighbours(&state.get("false_negatives")?)?;
        let all = ops::relu(&ops::add(&found_next, &missed)?)?;
        ops::divide_no_nan(&ops::multiply(&slope, &area)?, &all)
    }

    /// Places along the curve: the two coordinates of each threshold.
    fn curve_points(&self, state: &State) -> Result<(Tensor, Tensor)> {
        let recall = share(state, "true_positives", "false_negatives")?;
        match self.curve {
            Curve::Roc => Ok((share(state, "false_positives", "true_negatives")?, recall)),
            Curve::Pr => Ok((recall, share(state, "true_positives", "false_positives")?)),
            Curve::PrGain => {
                let [found, wrong, left, missed] = [ALL[0], ALL[1], ALL[2], ALL[3]].map(|name| state.get(name));
                let (found, wrong, left, missed) = (found?, wrong?, left?, missed?);
                let odds = ops::divide_no_nan(&ops::add(&found, &missed)?, &ops::add(&left, &wrong)?)?;
                let gain = |lost: &Tensor| {
                    ops::one_minus(&ops::multiply(&odds, &ops::divide_no_nan(lost, &found)?)?)
                };
                let none = ops::equal(&found, &ops::zeros_like(&found)?)?;
                let recall = ops::select(&none, &ops::zeros_like(&found)?, &gain(&missed)?)?;
                let precision = ops::select(&none, &ops::ones_like(&found)?, &gain(&wrong)?)?;
                Ok((ops::relu(&recall)?, precision))
            }
        }
    }
}

impl Measure for AUC {
    fn build(&self, declared: &mut Declared, sample: &Sample) -> Result<()> {
        let labels = match (self.multi_label, self.num_labels) {
            (false, _) => None,
            (true, Some(labels)) => Some(labels),
            (true, None) => Some(sample.y_pred.spec().known_axis(-1)?),
        };
        self.counting().declare(declared, &ALL, labels);
        Ok(())
    }

    fn update(&self, state: &State, sample: &Sample) -> Result<()> {
        let mut sample = sample.clone();
        if self.from_logits {
            sample.y_pred = ops::sigmoid(&sample.y_pred)?;
        }
        self.counting().count(state, &sample, &ALL.map(|name| (name, name)))
    }

    fn result(&self, state: &State) -> Result<Tensor> {
        let areas = if (self.curve, self.summation_method) == (Curve::Pr, Summation::Interpolation) {
            Self::precision_areas(state)?
        } else {
            let (x, y) = self.curve_points(state)?;
            let (low, high) = neighbours(&y)?;
            let height = match self.summation_method {
                Summation::Interpolation => ops::times(&ops::add(&low, &high)?, 0.5)?,
                Summation::Minoring => ops::minimum(&low, &high)?,
                Summation::Majoring => ops::maximum(&low, &high)?,
            };
            let (here, next) = neighbours(&x)?;
            ops::multiply(&ops::subtract(&here, &next)?, &height)?
        };
        let area = ops::sum(&areas, &[0], false)?;
        match (self.label_weights.numbers(), self.multi_label) {
            (_, false) => Ok(area),
            (None, true) => ops::mean(&area, &[], false),
            (Some(weights), true) => {
                let weights = row(&area, weights)?;
                let sum = ops::sum(&ops::multiply(&area, &weights)?, &[], false)?;
                ops::divide_no_nan(&sum, &ops::sum(&weights, &[], false)?)
            }
        }
    }
}

/// All elements along the first axis but the last one, and all but the first one.
fn neighbours(x: &Tensor) -> Result<(Tensor, Tensor)> {
    let last = x.spec().known_axis(0)? as i64 - 1;
    let places = |from: i64| {
        let places: Vec<i32> = (from..from + last).map(|at| at as i32).collect();
        Ok::<_, Error>(x.builder().constant(kerata_core::array::Array::from_vec([places.len()], places)?))
    };
    Ok((ops::take(x, &places(0)?, Some(0))?, ops::take(x, &places(1)?, Some(0))?))
}
