//! `ReversibleEmbedding`: a vector for each number, and back: how well a vector fits each number.

use super::table::Table;
use crate::layers::core::{grouped, rounded_to_int8, stored, unpacked};
use crate::layers::prelude::*;

config! {
    /// A table of vectors, looked up by number, or multiplied by vectors when called with `reverse`.
    pub struct ReversibleEmbedding(
        /// How many vectors there are.
        input_dim: usize,
        /// Size of a vector.
        output_dim: usize,
    ) {
        /// Start values of the table.
        embeddings_initializer: Initializer = Initializer::uniform(),
        /// Penalty on the table.
        embeddings_regularizer: Option<Regularizer> = None,
        /// Penalty on the result.
        activity_regularizer: Option<Regularizer> = None,
        /// Where the table is brought back to.
        embeddings_constraint: Option<Constraint> = None,
        /// Whether the number 0 stands for a step that does not count.
        mask_zero: bool = false,
        /// How the table is quantized.
        quantization_config: Option<Tree> = None,
        /// Whether the way back uses the same table.
        tie_weights: bool = true,
        /// The dtype of the way back.
        reverse_dtype: Option<DType> = None,
        /// A bound that the results of the way back approach.
        logit_soft_cap: Option<f64> = None,
    }
}

impl ReversibleEmbedding {
    fn table(&self) -> Table {
        Table { count: self.input_dim, width: self.output_dim, lora: None }
    }

    /// The matrix of the way back.
    fn reverse_kernel(&self, scope: &Scope) -> Result<Tensor> {
        if self.tie_weights {
            return ops::transpose(&self.table().get(scope)?, &[1, 0]);
        }
        let kernel = match scope.policy().quantization().map(|quantization| quantization.mode.as_str()) {
            Some("int8") => scope.get_stored("reverse_embeddings")?,
            Some("int4") => unpacked(&scope.get_stored("reverse_embeddings")?, self.output_dim, 0, true)?,
            _ => return scope.get("reverse_embeddings"),
        };
        let kernel = ops::cast(&kernel, scope.compute_dtype())?;
        let scale = scope.get("reverse_embeddings_scale")?;
        if scope.has("reverse_embeddings_zero") {
            let zero = scope.get_stored("reverse_embeddings_zero")?;
            return grouped(&kernel, &scale, &zero, &scope.get_stored("g_idx")?, 0);
        }
        ops::divide(&kernel, &scale)
    }

    /// Whether the vectors of the way back are rounded.
    fn rounds_inputs(&self, scope: &Scope) -> bool {
        let is_quantized =
            scope.policy().quantization().is_some_and(|quantization| matches!(&*quantization.mode, "int8" | "int4"));
        let quantizer = self.quantization_config.as_ref().map(|tree| tree.path(&["config", "activation_quantizer"]));
        is_quantized && quantizer.is_none_or(|tree| tree.is_some_and(|tree| !tree.is_null()))
    }
}

impl Layer for ReversibleEmbedding {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        self.table().build(scope, |scope| {
            scope
                .variable("embeddings", [self.input_dim, self.output_dim], &self.embeddings_initializer)?
                .regularize(&self.embeddings_regularizer)
                .constrain(&self.embeddings_constraint);
            Ok(())
        })?;
        if self.tie_weights {
            return Ok(());
        }
        let float = scope.policy().variable_dtype();
        let quantization = scope.policy().quantization().cloned();
        match quantization.as_ref().map(|quantization| (quantization.mode.as_str(), quantization.block_size)) {
            Some(("int8", _)) => {
                stored(scope, "reverse_embeddings", &[self.output_dim, self.input_dim], DType::Int8)?;
                stored(scope, "reverse_embeddings_scale", &[self.input_dim], float)
            }
            Some(("int4", block)) => {
                let rows = self.output_dim.div_ceil(2);
                stored(scope, "reverse_embeddings", &[rows, self.input_dim], DType::Int8)?;
                let Some(block) = block else {
                    return stored(scope, "reverse_embeddings_scale", &[self.input_dim], float);
                };
                let groups = [self.output_dim.div_ceil(block.max(1)), self.input_dim];
                stored(scope, "reverse_embeddings_scale", &groups, float)?;
                stored(scope, "reverse_embeddings_zero", &groups, float)
            }
            _ => {
                let shape = [self.output_dim, self.input_dim];
                scope.variable("reverse_embeddings", shape, &self.embeddings_initializer)?;
                Ok(())
            }
        }
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        if scope.flag("reverse") != Some(true) {
            if self.mask_zero {
                scope.set_mask(0, Some(ops::not_equal(x, &ops::scalar(x, 0)?)?));
            }
            return Ok(vec![self.table().look_up(scope, x)?]);
        }
        let mut x = x.clone();
        let mut kernel = self.reverse_kernel(scope)?;
        if self.rounds_inputs(scope) {
            x = rounded_to_int8(&x, &[-1])?;
        }
        if let Some(dtype) = self.reverse_dtype {
            (x, kernel) = (ops::cast(&x, dtype)?, ops::cast(&kernel, dtype)?);
        }
        let mut logits = ops::matmul(&x, &kernel)?;
        if let Some(cap) = self.logit_soft_cap {
            let cap = ops::scalar(&logits, cap)?;
            logits = ops::multiply(&ops::tanh(&ops::divide(&logits, &cap)?)?, &cap)?;
        }
        Ok(vec![logits])
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["inputs", "reverse"]
    }
}
