//! `AdditiveAttention`: attention by sums of queries and keys.

use super::scores::{apply, build_dropout, parts, query_mask};
use crate::layers::prelude::*;

config! {
    /// Looks values up by sums of queries and keys, through `tanh`.
    pub struct AdditiveAttention {
        /// Whether the sums are weighted.
        use_scale: bool = true,
        /// The share of the weights that is dropped in training.
        dropout: f64 = 0.0,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for AdditiveAttention {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        if self.use_scale {
            let query = inputs.first().ok_or_else(|| Error::mismatch("no query"))?;
            scope.variable("scale", [query.known_axis(-1)?], &Initializer::glorot_uniform())?;
        }
        build_dropout(scope, self.dropout, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (query, value, key) = parts(inputs)?;
        let sum = ops::add(&ops::expand_dims(query, -2)?, &ops::expand_dims(key, -3)?)?;
        let mut score = ops::tanh(&sum)?;
        if self.use_scale {
            score = ops::multiply(&scope.get("scale")?, &score)?;
        }
        apply(scope, &ops::sum(&score, &[-1], false)?, value, self.dropout, &self.seed)
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
