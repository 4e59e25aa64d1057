//! True and false positives and negatives over thresholds.

use kerata_core::array::Array;
use kerata_core::graph::Tensor;
use kerata_core::ops::Size;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::{Declared, Sample, State};
use crate::Registry;
use crate::config::{Given, Value};

/// What a prediction outside the likeliest `top_k` becomes, and the threshold that goes with it.
const NEVER: f64 = -1e10;

/// Thresholds of a config: `null`, a number or a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thresholds(Tree);

impl Thresholds {
    /// The thresholds, or the one that is meant where there are none.
    pub(super) fn list(&self, default: f64) -> Vec<f64> {
        match &self.0 {
            Tree::List(items) => items.iter().filter_map(Tree::as_f64).collect(),
            tree => vec![tree.as_f64().unwrap_or(default)],
        }
    }
}

impl Value for Thresholds {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        let numbers = match tree {
            Tree::Null => true,
            Tree::List(items) => items.iter().all(|item| item.as_f64().is_some()),
            one => one.as_f64().is_some(),
        };
        if numbers { Ok(Self(tree.clone())) } else { Err(Error::corrupt("thresholds are numbers")) }
    }

    fn write(&self) -> Tree {
        self.0.clone()
    }
}

impl Given<Thresholds> for f64 {
    fn given(self) -> Thresholds {
        Thresholds(Tree::Float(self))
    }
}

impl<const N: usize> Given<Thresholds> for [f64; N] {
    fn given(self) -> Thresholds {
        Thresholds(Tree::List(self.into_iter().map(Tree::Float).collect()))
    }
}

/// Numbers of a config: a list, or an array as Keras writes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelWeights {
    numbers: Option<Vec<f64>>,
    spelled: Tree,
}

impl LabelWeights {
    pub(super) fn numbers(&self) -> Option<&[f64]> {
        self.numbers.as_deref()
    }
}

impl Value for LabelWeights {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let list = match tree.class_name() {
            Some("__tensor__" | "__numpy__") => tree.path(&["config", "value"]).unwrap_or(tree),
            _ => tree,
        };
        Ok(Self { numbers: Option::<Vec<f64>>::read(list, registry)?, spelled: tree.clone() })
    }

    fn write(&self) -> Tree {
        self.spelled.clone()
    }
}

impl<const N: usize> Given<LabelWeights> for [f64; N] {
    fn given(self) -> LabelWeights {
        let spelled = Tree::List(self.iter().copied().map(Tree::Float).collect());
        LabelWeights { numbers: Some(self.to_vec()), spelled }
    }
}

/// How predictions are counted.
#[derive(Clone, Debug, Default)]
pub struct Counting {
    pub thresholds: Vec<f64>,
    /// Whether the thresholds are even steps from 0 to 1, and then whether the first one is below 0: Keras compares in another
    /// way then.
    pub even: Option<bool>,
    pub top_k: Option<usize>,
    pub class_id: Option<i64>,
    /// Whether each label is counted for itself.
    pub is_multi_label: bool,
    pub label_weights: Option<Vec<f64>>,
}

/// Which of the four counts are kept, by their names as variables.
pub(super) const ALL: [&str; 4] = ["true_positives", "false_positives", "true_negatives", "false_negatives"];

impl Counting {
    /// Thresholds of a config; without any, 1/2 or what goes with `top_k`.
    pub fn at(thresholds: &Thresholds, top_k: Option<usize>, class_id: Option<i64>) -> Self {
        let default = if top_k.is_some() { NEVER } else { 0.5 };
        let thresholds = thresholds.list(default);
        let even = is_even(&thresholds).then_some(false);
        Self { thresholds, even, top_k, class_id, ..Self::default() }
    }

    /// Declares counts.
    pub fn declare(&self, declared: &mut Declared, names: &[&'static str], labels: Option<usize>) {
        let sizes: Vec<usize> = std::iter::once(self.thresholds.len()).chain(labels).collect();
        for name in names {
            declared.float(name, &sizes);
        }
    }

    /// Adds the counts of a batch to variables: pairs of the name of a variable and of a count.
    pub fn count(&self, state: &State, sample: &Sample, kept: &[(&'static str, &str)]) -> Result<()> {
        let (mut y_true, mut y_pred) = sample.floats()?;
        let mut weights = match &sample.weights {
            Some(weights) if weights.rank() + 1 == y_true.rank() => Some(ops::expand_dims(weights, -1)?),
            weights => weights.clone(),
        };
        if let Some(k) = self.top_k {
            y_pred = likeliest(&y_pred, k)?;
        }
        if let Some(class) = self.class_id {
            if y_pred.rank() < 2 {
                return Err(Error::mismatch("a `class_id` needs predictions of several classes"));
            }
            y_true = ops::expand_dims(&ops::index(&y_true, -1, class)?, -1)?;
            y_pred = ops::expand_dims(&ops::index(&y_pred, -1, class)?, -1)?;
        }
        if let Some(labels) = &self.label_weights {
            let labels = row(&y_pred, labels)?;
            weights = Some(match weights {
                Some(weights) => ops::multiply(&weights, &labels)?,
                None => labels,
            });
        }
        if self.even.is_none() {
            let yes = ops::cast(&y_true, DType::Bool)?;
            y_true = ops::cast(&yes, DType::Float32)?;
        }
        let (yes, no) = (y_true.clone(), ops::one_minus(&y_true)?);
        let weigh = |labels: Tensor| match &weights {
            Some(weights) => ops::multiply(&labels, weights),
            None => Ok(labels),
        };
        let (yes, no) = (weigh(yes)?, weigh(no)?);
        // Thresholds go along a first axis; without labels of their own all predictions are one row.
        let shaped = |x: &Tensor| match self.is_multi_label {
            true => ops::expand_dims(x, 0),
            false => ops::reshape(x, [Size::Known(1), Size::Infer]),
        };
        let is_positive = self.is_positive(&shaped(&y_pred)?)?;
        let is_negative = ops::one_minus(&is_positive)?;
        for (variable, count) in kept {
            let (found, labels) = match *count {
                "true_positives" => (&is_positive, &yes),
                "false_positives" => (&is_positive, &no),
                "true_negatives" => (&is_negative, &no),
                _ => (&is_negative, &yes),
            };
            let counted = ops::sum(&ops::multiply(found, &shaped(labels)?)?, &[1], false)?;
            state.add(variable, &counted)?;
        }
        Ok(())
    }

    /// 1 where a prediction is above a threshold.
    fn is_positive(&self, y_pred: &Tensor) -> Result<Tensor> {
        let count = self.thresholds.len();
        let column = |values: Vec<f32>| {
            let sizes = if self.is_multi_label { vec![count, 1, 1] } else { vec![count, 1] };
            Ok::<_, Error>(y_pred.builder().constant(Array::from_f32(sizes, values)?))
        };
        let above = match self.even {
            None => {
                let values = self.thresholds.iter().map(|value| *value as f32).collect();
                ops::greater(y_pred, &column(values)?)?
            }
            Some(has_margin) => {
                // Keras puts a prediction `p` into the bucket `ceil(p · (count - 1)) - 1` and counts those above.
                let steps = ops::times(&ops::clip(y_pred, 0.0, 1.0)?, count as f64 - 1.0)?;
                let mut values: Vec<f32> = (0..count).map(|step| step as f32).collect();
                if let (Some(first), true) = (values.first_mut(), has_margin) {
                    *first = -1.0;
                }
                ops::greater(&steps, &column(values)?)?
            }
        };
        ops::cast(&above, DType::Float32)
    }
}

/// Whether thresholds are even steps from 0 to 1.
pub(super) fn is_even(thresholds: &[f64]) -> bool {
    let count = thresholds.len();
    let step = |at: usize| at as f64 / (count as f64 - 1.0);
    count >= 3
        && thresholds.iter().enumerate().all(|(at, value)| (value - step(at)).abs() <= 1e-7 + 1e-5 * step(at))
}

/// Predictions with all but the likeliest ones made as unlikely as can be.
fn likeliest(y_pred: &Tensor, k: usize) -> Result<Tensor> {
    let classes = y_pred.spec().known_axis(-1)?;
    let (_, places) = ops::top_k(y_pred, k)?;
    let is_in = ops::sum(&ops::one_hot(&places, classes, -1, DType::Float32)?, &[-2], false)?;
    let others = ops::times(&ops::one_minus(&is_in)?, NEVER)?;
    ops::add(&ops::multiply(y_pred, &is_in)?, &others)
}

/// Numbers as a constant beside a tensor.
pub(super) fn row(beside: &Tensor, values: &[f64]) -> Result<Tensor> {
    let array = Array::from_f32([values.len()], values.iter().map(|value| *value as f32).collect())?;
    Ok(beside.builder().constant(array))
}

/// The only element, when there is one threshold, or all.
pub fn only(result: &Tensor) -> Result<Tensor> {
    if result.shape().axes() == [Some(1)] { ops::index(result, 0, 0) } else { Ok(result.clone()) }
}

/// `a / (a + b)` of two counts, 0 where there are none.
pub fn share(state: &State, a: &'static str, b: &'static str) -> Result<Tensor> {
    let (a, b) = (state.get(a)?, state.get(b)?);
    ops::divide_no_nan(&a, &ops::add(&a, &b)?)
}
