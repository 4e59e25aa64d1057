//! From scores of steps to results, for the attention layers without heads.

use crate::layers::prelude::*;
use crate::layers::regularization::Dropout;

/// Query, value and key of the inputs; the values are the keys unless there are keys.
pub(super) fn parts(inputs: &[Tensor]) -> Result<(&Tensor, &Tensor, &Tensor)> {
    match inputs {
        [query, value] => Ok((query, value, value)),
        [query, value, key] => Ok((query, value, key)),
        _ => Err(Error::mismatch(format!(
            "expected [query, value] or [query, value, key], found {} inputs",
            inputs.len()
        ))),
    }
}

/// The name of the dropout inside.
const DROPOUT: &str = "dropout";

/// Declares the random state of the dropout.
pub(super) fn build_dropout(scope: &mut Scope, rate: f64, seed: &Seed) -> Result<()> {
    let layer = AnyLayer::new(Dropout::new(rate).seed(seed.clone()));
    if rate > 0.0 { scope.build(DROPOUT, &layer, &[]) } else { Ok(()) }
}

/// The sum of the values, weighted by the softmax of the scores, and the weights.
pub(super) fn apply(
    scope: &Scope,
    scores: &Tensor,
    value: &Tensor,
    rate: f64,
    seed: &Seed,
) -> Result<Vec<Tensor>> {
    let is_causal = scope.flag("use_causal_mask").unwrap_or(false);
    let mut mask = match scope.mask(1) {
        Some(mask) => Some(ops::expand_dims(&ops::cast(mask, DType::Bool)?, -2)?),
        None => None,
    };
    if is_causal {
        let past = super::steps::past(scores, scores.rank() - 2, scores, scores.rank() - 1)?;
        mask = Some(match mask {
            Some(mask) => ops::logical_and(&mask, &past)?,
            None => past,
        });
    }
    let mut scores = scores.clone();
    if let Some(mask) = mask {
        let lowest = if scores.dtype() == DType::Float16 { -65_504.0 } else { -1e9 };
        scores = ops::select(&mask, &scores, &ops::plus(&scores, lowest)?)?;
    }
    let mut weights = ops::softmax(&scores, &[-1])?;
    if scope.training() && rate > 0.0 {
        let layer = AnyLayer::new(Dropout::new(rate).seed(seed.clone()));
        weights = scope.call(DROPOUT, &layer, &[weights])?.only()?.clone();
    }
    let mut output = ops::matmul(&weights, value)?;
    if let Some(mask) = scope.mask(0) {
        let mask = ops::expand_dims(&ops::cast(mask, DType::Bool)?, -1)?;
        output = ops::select(&mask, &output, &ops::zeros_like(&output)?)?;
    }
    let with_scores = scope.flag("return_attention_scores").unwrap_or(false);
    Ok(if with_scores { vec![output, weights] } else { vec![output] })
}

/// The mask of the query, which is that of the result.
pub(super) fn query_mask(masks: &[Option<Tensor>]) -> Vec<Option<Tensor>> {
    vec![masks.first().cloned().flatten()]
}
