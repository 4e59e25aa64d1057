//! `Attention`: dot-product attention.

use super::scores::{apply, build_dropout, parts, query_mask};
use crate::layers::prelude::*;

config! {
    /// Looks values up by the products of queries and keys.
    pub struct Attention {
        /// Whether the scores are scaled by a weight.
        use_scale: bool = false,
        /// `dot`, or `concat` for sums through `tanh`.
        score_mode: String = "dot".to_owned(),
        /// The share of the weights that is dropped in training.
        dropout: f64 = 0.0,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for Attention {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        if self.use_scale {
            scope.variable("scale", [], &Initializer::ones())?;
        }
        if self.score_mode == "concat" {
            scope.variable("concat_score_weight", [], &Initializer::ones())?;
        }
        build_dropout(scope, self.dropout, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (query, value, key) = parts(inputs)?;
        let scores = match self.score_mode.as_str() {
            "dot" => {
                let scores = ops::matmul(query, &ops::swap_last(key)?)?;
                if self.use_scale { ops::multiply(&scores, &scope.get("scale")?)? } else { scores }
            }
            "concat" => {
                let mut sum = ops::add(&ops::expand_dims(query, -2)?, &ops::expand_dims(key, -3)?)?;
                if self.use_scale {
                    sum = ops::multiply(&scope.get("scale")?, &sum)?;
                }
                ops::multiply(&scope.get("concat_score_weight")?, &ops::sum(&ops::tanh(&sum)?, &[-1], false)?)?
            }
            other => return Err(Error::unsupported(format!("score mode `{other}`"))),
        };
        apply(scope, &scores, value, self.dropout, &self.seed)
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(
        &self,
        _: &Scope,
        _: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        Ok(query_mask(masks))
    }
}
