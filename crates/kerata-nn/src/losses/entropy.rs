//! Cross-entropies as Keras computes them: from logits, also where the predictions show that they come from logits.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::EPSILON;

/// Labels of 0 and 1 drawn towards one half.
pub fn smooth_binary(y_true: &Tensor, smoothing: f64) -> Result<Tensor> {
    if smoothing == 0.0 {
        return Ok(y_true.clone());
    }
    ops::plus(&ops::times(y_true, 1.0 - smoothing)?, 0.5 * smoothing)
}

/// One-hot labels drawn towards even odds of all classes.
pub fn smooth_classes(y_true: &Tensor, smoothing: f64) -> Result<Tensor> {
    if smoothing == 0.0 {
        return Ok(y_true.clone());
    }
    let classes = y_true.spec().known_axis(-1)? as f64;
    ops::plus(&ops::times(y_true, 1.0 - smoothing)?, smoothing / classes)
}

/// Labels of 0 and 1 as -1 and 1, when all are 0 or 1; others stay.
pub fn signs(y_true: &Tensor) -> Result<Tensor> {
    let is = |value: f64| ops::equal(y_true, &ops::scalar(y_true, value)?);
    let is_binary = ops::all(&ops::logical_or(&is(0.0)?, &is(1.0)?)?, &[], false)?;
    ops::select(&is_binary, &ops::plus(&ops::times(y_true, 2.0)?, -1.0)?, y_true)
}

/// The cross-entropy of each label of 0 and 1.
pub fn binary_entropy(y_true: &Tensor, y_pred: &Tensor, from_logits: bool) -> Result<Tensor> {
    let logits = if from_logits { Some(y_pred.clone()) } else { logits_of(y_pred)? };
    if let Some(x) = logits {
        let decay = ops::log1p(&ops::exp(&ops::negative(&ops::absolute(&x)?)?)?)?;
        return ops::add(&ops::subtract(&ops::relu(&x)?, &ops::multiply(&x, y_true)?)?, &decay);
    }
    let y_pred = ops::clip(y_pred, EPSILON, 1.0 - EPSILON)?;
    let yes = ops::multiply(y_true, &ops::log(&y_pred)?)?;
    let no = ops::multiply(&ops::one_minus(y_true)?, &ops::log(&ops::one_minus(&y_pred)?)?)?;
    ops::negative(&ops::add(&yes, &no)?)
}

/// The logarithms of the probabilities of classes along an axis. Probabilities are divided by their sum first for one-hot
/// labels (`normalize`), and by way of a softmax of their logarithms for class numbers, as TensorFlow does.
pub fn log_probabilities(y_pred: &Tensor, from_logits: bool, axis: i64, normalize: bool) -> Result<Tensor> {
    let logits = if from_logits { Some(y_pred.clone()) } else { logits_of(y_pred)? };
    if let Some(logits) = logits {
        return ops::log_softmax(&logits, &[axis]);
    }
    if normalize {
        let share = ops::divide(y_pred, &ops::sum(y_pred, &[axis], true)?)?;
        return ops::log(&ops::clip(&share, EPSILON, 1.0 - EPSILON)?);
    }
    ops::log_softmax(&ops::log(&ops::clip(y_pred, EPSILON, 1.0 - EPSILON)?)?, &[axis])
}

/// `x` of predictions that are `sigmoid(x)` or `softmax(x)`. Keras on TensorFlow does not ask which of them, also where it
/// matters: the binary cross-entropy of a softmax is that of its logits.
fn logits_of(y_pred: &Tensor) -> Result<Option<Tensor>> {
    match made_by(y_pred, "sigmoid")? {
        Some(mut inputs) => Ok(inputs.pop()),
        None => logits_of_softmax(y_pred),
    }
}

/// `x` of predictions that are `softmax(x)`: `e / Σe` with `e = exp(x - max x)`.
fn logits_of_softmax(y_pred: &Tensor) -> Result<Option<Tensor>> {
    let Some(quotient) = made_by(y_pred, "divide")? else { return Ok(None) };
    let [exponentials, total] = quotient.as_slice() else { return Ok(None) };
    let summed = made_by(total, "sum")?;
    if !summed.is_some_and(|inputs| inputs.first().is_some_and(|input| input.is(exponentials))) {
        return Ok(None);
    }
    let Some(shifted) = made_by(exponentials, "exp")?.and_then(|mut inputs| inputs.pop()) else {
        return Ok(None);
    };
    Ok(made_by(&shifted, "subtract")?.and_then(|inputs| inputs.into_iter().next()))
}

/// The inputs of the op that made a tensor, when it has this name.
fn made_by(tensor: &Tensor, op: &str) -> Result<Option<Vec<Tensor>>> {
    let (node, inputs) = tensor.builder().producer(tensor)?;
    Ok((node.op().is_some_and(|found| found.name() == op)).then_some(inputs))
}
