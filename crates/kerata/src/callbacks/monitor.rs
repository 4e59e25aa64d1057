//! `Monitor` and `Mode`: which way a metric is better, and whether a value is an improvement, as Keras's callbacks judge.

use std::str::FromStr;

use kerata_core::{Error, Result};

/// Metrics of Keras of which more is better, by the names they have unless told otherwise.
const UP: &[&str] = &[
    "acc",
    "accuracy",
    "auc",
    "binary_accuracy",
    "binary_io_u",
    "categorical_accuracy",
    "concordance_correlation",
    "cosine_similarity",
    "f1_score",
    "fbeta_score",
    "io_u",
    "mean_io_u",
    "one_hot_io_u",
    "one_hot_mean_io_u",
    "pearson_correlation",
    "precision",
    "precision_at_recall",
    "r2_score",
    "recall",
    "recall_at_precision",
    "sensitivity_at_specificity",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "specificity_at_sensitivity",
    "top_k_categorical_accuracy",
];

/// Metrics of Keras of which less is better.
const DOWN: &[&str] = &[
    "binary_crossentropy",
    "categorical_crossentropy",
    "categorical_hinge",
    "hinge",
    "kl_divergence",
    "logcosh",
    "loss",
    "mae",
    "mape",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "mse",
    "msle",
    "poisson",
    "root_mean_squared_error",
    "sparse_categorical_crossentropy",
    "squared_hinge",
];

/// Which way a metric is better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// As the metric's name says; a name that says nothing is an error.
    #[default]
    Auto,
    /// Less is better.
    Min,
    /// More is better.
    Max,
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "auto" => Ok(Self::Auto),
            "min" => Ok(Self::Min),
            "max" => Ok(Self::Max),
            _ => Err(Error::usage(format!("unknown mode `{text}`")).hint("modes are auto, min, max")),
        }
    }
}

impl Mode {
    /// Whether more of this metric is better.
    pub fn is_max(self, metric: &str) -> Result<bool> {
        let name = metric.strip_prefix("val_").unwrap_or(metric);
        match self {
            Self::Min => Ok(false),
            Self::Max => Ok(true),
            Self::Auto => direction(name).ok_or_else(|| {
                Error::usage(format!("the name `{metric}` does not say whether more or less of it is better"))
                    .hint("give mode `max` or `min`")
            }),
        }
    }

    /// Whether `value` is better than `than`; NaN never is.
    pub fn is_better(self, metric: &str, value: f64, than: f64) -> Result<bool> {
        Ok(if self.is_max(metric)? { value > than } else { value < than })
    }
}

/// The direction of a name, also with the name of an output in front (`head_accuracy`) or a number behind (`auc_1`).
fn direction(name: &str) -> Option<bool> {
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let base = base.strip_suffix('_').filter(|_| base.len() < name.len()).unwrap_or(name);
    let ends_with =
        |known: &str| base == known || base.strip_suffix(known).is_some_and(|before| before.ends_with('_'));
    // The longest known name decides: `sparse_categorical_crossentropy` before `categorical_crossentropy`.
    let longest =
        |names: &[&str]| names.iter().filter(|known| ends_with(known)).map(|known| known.len()).max();
    match (longest(UP), longest(DOWN)) {
        (None, None) => None,
        (up, down) => Some(up > down),
    }
}

/// A metric that is watched for improvements.
#[derive(Clone, Debug)]
pub(super) struct Monitor {
    pub metric: String,
    pub mode: Mode,
    pub min_delta: f64,
    /// The best value so far.
    pub best: Option<f64>,
}

impl Monitor {
    pub fn new(metric: &str) -> Self {
        Self { metric: metric.to_owned(), mode: Mode::Auto, min_delta: 0.0, best: None }
    }

    /// Whether a value is better than another by more than `min_delta`. Anything is better than nothing, also NaN.
    pub fn is_improvement(&self, value: f64, than: Option<f64>) -> Result<bool> {
        let is_max = self.mode.is_max(&self.metric)?;
        let delta = if is_max { self.min_delta.abs() } else { -self.min_delta.abs() };
        // Keras compares in float32, and so must who wants its decisions.
        let value = (value - delta) as f32;
        Ok(than.is_none_or(|than| if is_max { value > than as f32 } else { value < than as f32 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_follow_names() {
        assert!(!Mode::Auto.is_max("val_loss").unwrap());
        assert!(Mode::Auto.is_max("val_accuracy").unwrap());
        assert!(Mode::Auto.is_max("head_sparse_categorical_accuracy").unwrap());
        assert!(!Mode::Auto.is_max("sparse_categorical_crossentropy").unwrap());
        assert!(Mode::Auto.is_max("auc_1").unwrap());
        assert!(!Mode::Auto.is_max("head_loss").unwrap());
        assert!(Mode::Auto.is_max("quality").is_err());
        assert!(Mode::Max.is_max("quality").unwrap());
    }
}
