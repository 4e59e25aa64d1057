//! `Lora`: a product of two narrow matrices that is learned beside a frozen kernel.
//!
//! Keras merges the product into the kernel when it saves, so a loaded model starts with a product of zero.

use super::prelude::*;

/// The product that is learned beside a kernel.
pub(crate) struct Lora {
    rank: usize,
    alpha: f64,
    names: [&'static str; 2],
}

impl Lora {
    /// What the arguments `lora_rank` and `lora_alpha` of a layer with a kernel ask for.
    pub fn of_kernel(rank: Option<usize>, alpha: Option<f64>) -> Option<Self> {
        let rank = rank?;
        Some(Self { rank, alpha: alpha.unwrap_or(rank as f64), names: ["lora_kernel_a", "lora_kernel_b"] })
    }

    /// The same for a table of vectors.
    pub fn of_embeddings(rank: Option<usize>, alpha: Option<f64>) -> Option<Self> {
        let names = ["lora_embeddings_a", "lora_embeddings_b"];
        Self::of_kernel(rank, alpha).map(|lora| Self { names, ..lora })
    }

    /// Freezes the kernel and declares the two matrices.
    pub fn build(&self, scope: &mut Scope, kernel: &str, shape: &[usize]) -> Result<()> {
        scope.keep_order();
        scope.freeze(kernel)?;
        let [rows @ .., columns] = shape else { return Err(Error::internal("a kernel without axes")) };
        let first: Vec<usize> = rows.iter().copied().chain([self.rank]).collect();
        scope.variable(self.names[0], first, &Initializer::from("he_uniform"))?.unsaved();
        scope.variable(self.names[1], [self.rank, *columns], &Initializer::zeros())?.unsaved();
        Ok(())
    }

    /// The kernel with the product added.
    pub fn add(&self, scope: &Scope, kernel: &Tensor) -> Result<Tensor> {
        let product = ops::matmul(&scope.get(self.names[0])?, &scope.get(self.names[1])?)?;
        ops::add(kernel, &ops::multiply(&product, &ops::scalar(&product, self.alpha / self.rank as f64)?)?)
    }
}
