//! `Embedding`: a vector for each number.

use crate::layers::prelude::*;

config! {
    /// A table of vectors, looked up by number.
    pub struct Embedding(
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
    }
}

impl Layer for Embedding {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        scope
            .variable("embeddings", [self.input_dim, self.output_dim], &self.embeddings_initializer)?
            .regularize(&self.embeddings_regularizer)
            .constrain(&self.embeddings_constraint);
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let numbers = inputs.only()?;
        let whole = match numbers.dtype() {
            DType::Int32 | DType::Int64 => numbers.clone(),
            _ => ops::cast(numbers, DType::Int32)?,
        };
        let output = ops::take(&scope.get("embeddings")?, &whole, Some(0))?;
        Ok(vec![ops::cast(&output, scope.compute_dtype())?])
    }

    fn supports_masking(&self) -> bool {
        self.mask_zero
    }

    fn compute_mask(
        &self,
        _: &Scope,
        inputs: &[Tensor],
        _: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        let numbers = inputs.only()?;
        Ok(vec![Some(ops::not_equal(numbers, &ops::scalar(numbers, 0)?)?)])
    }
}
