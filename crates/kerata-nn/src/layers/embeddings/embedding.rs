//! `Embedding`: a vector for each number.

use super::table::Table;
use crate::layers::lora::Lora;
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
    also {
        /// Rank of the learned product beside the table (LoRA).
        lora_rank: Option<usize> = None,
        /// Factor of that product, times its rank.
        lora_alpha: Option<f64> = None,
    }
}

impl Embedding {
    fn table(&self) -> Table {
        let lora = Lora::of_embeddings(self.lora_rank, self.lora_alpha);
        Table { count: self.input_dim, width: self.output_dim, lora }
    }
}

impl Layer for Embedding {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        self.table().build(scope, |scope| {
            scope
                .variable("embeddings", [self.input_dim, self.output_dim], &self.embeddings_initializer)?
                .regularize(&self.embeddings_regularizer)
                .constrain(&self.embeddings_constraint);
            Ok(())
        })
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![self.table().look_up(scope, inputs.only()?)?])
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
