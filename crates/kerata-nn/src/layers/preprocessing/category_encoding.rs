//! `CategoryEncoding`: numbers of categories as vectors.

use super::encode::{Encoding, output_dtype};
use crate::layers::prelude::*;

config! {
    /// Writes numbers of categories as vectors.
    pub struct CategoryEncoding {
        /// Number of categories.
        num_tokens: Option<usize> = None,
        /// `one_hot`, `multi_hot` or `count`.
        output_mode: String = "multi_hot".to_owned(),
    }
    also {
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
    }
}

impl Layer for CategoryEncoding {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let depth = self.num_tokens.ok_or_else(|| Error::corrupt("`num_tokens` is not given"))?;
        let encoding = Encoding::of(&self.output_mode)?;
        let dtype = output_dtype(scope, encoding);
        let weights = match scope.tensor("count_weights") {
            Some(weights) => Some(ops::cast(&weights.tensor, dtype)?),
            None => None,
        };
        let x = inputs.only()?;
        let x = if x.dtype().is_integer() { x.clone() } else { ops::cast(x, DType::Int32)? };
        Ok(vec![encoding.apply(&x, depth, dtype, weights.as_ref())?])
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["inputs", "count_weights"]
    }

    fn autocast(&self) -> bool {
        false
    }
}
