//! What attention layers with heads share: their projections, masks, and the attention between projected steps.

use super::steps::{near, past};
use crate::layers::activations::Softmax;
use crate::layers::core::EinsumDense;
use crate::layers::prelude::*;
use crate::layers::regularization::Dropout;

/// Names of the arguments of a call.
pub(super) const ARGUMENTS: &[&str] = &[
    "query",
    "value",
    "key",
    "query_mask",
    "value_mask",
    "key_mask",
    "attention_mask",
    "return_attention_scores",
    "training",
    "use_causal_mask",
];

/// The arguments that all projections of a layer have.
pub(super) struct Projections<'a> {
    pub use_bias: bool,
    pub kernel_initializer: &'a Initializer,
    pub bias_initializer: &'a Initializer,
    pub kernel_regularizer: &'a Option<Regularizer>,
    pub bias_regularizer: &'a Option<Regularizer>,
    pub kernel_constraint: &'a Option<Constraint>,
    pub bias_constraint: &'a Option<Constraint>,
}

impl Projections<'_> {
    /// The dense layer of an equation.
    pub fn dense(
        &self,
        name: &str,
        equation: &str,
        sizes: &[Option<usize>],
        bias_axes: &str,
        policy: &DTypePolicy,
    ) -> EinsumProjection {
        let shape = sizes.iter().map(|size| size.map_or(Tree::Null, Tree::from)).collect();
        let layer = EinsumDense::new(Tree::List(shape), equation)
            .bias_axes(self.use_bias.then(|| bias_axes.to_owned()))
            .kernel_initializer(self.kernel_initializer.clone())
            .bias_initializer(self.bias_initializer.clone())
            .kernel_regularizer(self.kernel_regularizer.clone())
            .bias_regularizer(self.bias_regularizer.clone())
            .kernel_constraint(self.kernel_constraint.clone())
            .bias_constraint(self.bias_constraint.clone());
        EinsumProjection { name: name.to_owned(), layer, policy: policy.clone() }
    }
}

/// A projection before it has its activation.
pub(super) struct EinsumProjection {
    name: String,
    layer: EinsumDense,
    policy: DTypePolicy,
}

impl EinsumProjection {
    /// The projection as a layer.
    pub fn layer(self) -> AnyLayer {
        AnyLayer::new(self.layer).named(self.name).with_dtype(self.policy)
    }

    /// The projection as a gate.
    pub fn gate(mut self) -> AnyLayer {
        self.layer = self.layer.activation("sigmoid");
        self.layer()
    }
}

/// The specs of query, value and key of the first call.
pub(super) fn specs(scope: &Scope, inputs: &[TensorSpec]) -> Result<[TensorSpec; 3]> {
    let query = inputs.first().ok_or_else(|| Error::mismatch("no query"))?.clone();
    let value = match (inputs.get(1), scope.tensor("value")) {
        (Some(value), _) => value.clone(),
        (None, Some(value)) => value.tensor.spec().clone(),
        (None, None) => return Err(Error::mismatch("the call has no value")),
    };
    let key = scope.tensor("key").map_or_else(|| value.clone(), |key| key.tensor.spec().clone());
    Ok([query, value, key])
}

/// The tensors of query, value and key of a call.
pub(super) fn tensors(scope: &Scope, inputs: &[Tensor]) -> Result<[Tensor; 3]> {
    let query = inputs.first().ok_or_else(|| Error::mismatch("no query"))?.clone();
    let value = scope.tensor("value").ok_or_else(|| Error::mismatch("the call has no value"))?.tensor.clone();
    let key = scope.tensor("key").map_or_else(|| value.clone(), |key| key.tensor.clone());
    Ok([query, value, key])
}

/// Which steps of the key each step of the query may see: `(batch, query steps, key steps)`; none when all.
pub(super) fn mask(
    scope: &Scope,
    query: &Tensor,
    value: &Tensor,
    window: Option<usize>,
) -> Result<Option<Tensor>> {
    // A mask that is passed counts before the one that a tensor carries.
    let of = |name: &str, argument: &str| -> Option<Tensor> {
        let passed = scope.tensor(argument).map(|mask| mask.tensor.clone());
        passed.or_else(|| scope.tensor(name).and_then(|value| value.mask.clone()))
    };
    let query_mask = scope.mask(0).cloned();
    let mut parts = Vec::new();
    if let Some(mask) = query_mask {
        parts.push(ops::expand_dims(&ops::cast(&mask, DType::Bool)?, -1)?);
    }
    for (name, argument) in [("value", "value_mask"), ("key", "key_mask")] {
        if let Some(mask) = of(name, argument) {
            parts.push(ops::expand_dims(&ops::cast(&mask, DType::Bool)?, -2)?);
        }
    }
    if scope.flag("use_causal_mask").unwrap_or(false) {
        parts.push(past(query, 1, value, 1)?);
    }
    if let Some(width) = window {
        parts.push(near(query, value, width)?);
    }
    if let Some(mask) = scope.tensor("attention_mask") {
        parts.push(ops::cast(&mask.tensor, DType::Bool)?);
    }
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Ok(None) };
    let joined = parts.try_fold(first, |joined, part| ops::logical_and(&joined, &part))?;
    // Masks of places alone have no batch.
    if joined.rank() == 2 { ops::expand_dims(&joined, 0).map(Some) } else { Ok(Some(joined)) }
}

/// Attention between projected steps.
pub(super) struct Heads<'a> {
    /// `(query, key)` to scores and `(scores, value)` to results; the equations of Keras.
    pub score_equation: &'a str,
    pub combine_equation: &'a str,
    /// Number of axes that are attended over.
    pub axes: usize,
    /// Size of a key.
    pub size: usize,
    pub dropout: f64,
    pub seed: &'a Seed,
}

impl Heads<'_> {
    /// Declares the random state of the dropout.
    pub fn build(&self, scope: &mut Scope) -> Result<()> {
        scope.build("dropout_layer", &self.dropout_layer(), &[])
    }

    /// The results and, where they are asked for, the weights.
    pub fn call(
        &self,
        scope: &Scope,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let scaled = ops::times(query, 1.0 / (self.size as f64).sqrt())?;
        let scores = ops::einsum(self.score_equation, &[&scaled, key])?;
        let mask = match mask {
            Some(mask) => {
                let place = -(2 * self.axes as i64) - 1;
                let raised = (mask.rank()..scores.rank())
                    .try_fold(mask.clone(), |mask, _| ops::expand_dims(&mask, place));
                Some(raised?)
            }
            None => None,
        };
        let with_scores = scope.flag("return_attention_scores").unwrap_or(false);
        // Keras computes by another way, with other numbers where all steps are masked, unless it needs the weights.
        let is_plain = self.dropout == 0.0 && !with_scores && query.rank() == 4;
        let weights = if is_plain {
            let mut scores = scores;
            if let Some(mask) = &mask {
                let lowest = ops::scalar(&scores, -0.7 * ops::largest(scores.dtype())?)?;
                scores = ops::select(mask, &scores, &lowest)?;
            }
            ops::softmax(&scores, &[-1])?
        } else {
            let axes: Vec<i64> = (1..=self.axes as i64).rev().map(|axis| -axis).collect();
            let softmax =
                AnyLayer::new(Softmax::new().axis(Axes::Many(axes))).with_dtype(scope.policy().clone());
            let scores = Masked { tensor: scores, mask };
            let weights = scope.call_with("softmax", &softmax, &Arguments::tensors(&[scores]))?;
            weights.only()?.tensor.clone()
        };
        let dropped = if self.dropout > 0.0 {
            scope
                .call("dropout_layer", &self.dropout_layer(), std::slice::from_ref(&weights))?
                .only()?
                .clone()
        } else {
            weights.clone()
        };
        Ok((ops::einsum(self.combine_equation, &[&dropped, value])?, weights))
    }

    fn dropout_layer(&self) -> AnyLayer {
        AnyLayer::new(Dropout::new(self.dropout).seed(self.seed.clone()))
    }
}

/// The letters of so many axes, from one on.
pub(super) fn letters(from: usize, count: usize) -> String {
    (from..from + count).filter_map(|at| char::from_u32('a' as u32 + at as u32)).collect()
}
