//! `SpectralNormalization`: keeps the largest singular value of the kernel of a layer at one, in training.

use crate::layers::prelude::*;

config! {
    /// Keeps the largest singular value of a layer's kernel at one.
    pub struct SpectralNormalization(
        /// The layer.
        layer: AnyLayer,
    ) {
        /// Steps towards the largest singular value in one training step.
        power_iterations: usize = 1,
    }
}

impl SpectralNormalization {
    /// The kernel divided by its largest singular value, and the vector that led to it.
    fn normalized(&self, scope: &Scope) -> Result<(Tensor, Tensor)> {
        let kernel = scope.get_stored("kernel")?;
        let width = kernel.spec().known_axis(-1)?;
        let weights = ops::reshape(&kernel, [ops::Size::Infer, width.into()])?;
        let mut u = scope.get_stored("vector_u")?;
        let mut v = u.clone();
        for _ in 0..self.power_iterations {
            v = unit(&ops::matmul(&u, &ops::transpose(&weights, &[1, 0])?)?)?;
            u = unit(&ops::matmul(&v, &weights)?)?;
        }
        let (u, v) = (ops::stop_gradient(&u)?, ops::stop_gradient(&v)?);
        let sigma = ops::matmul(&ops::matmul(&v, &weights)?, &ops::transpose(&u, &[1, 0])?)?;
        let sigma = ops::reshape(&sigma, vec![1u64; kernel.rank()])?;
        Ok((ops::divide(&kernel, &sigma)?, u))
    }
}

impl Layer for SpectralNormalization {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        scope.build("layer", &self.layer, inputs)?;
        let inner = scope.child_place("layer")?;
        let name = ["kernel", "embeddings"].into_iter().find(|name| inner.slot(name).is_some());
        let name = name.ok_or_else(|| Error::mismatch("the wrapped layer has no kernel"))?;
        scope.same_variable("kernel", "layer", name)?;
        let width = scope.slot("kernel")?.spec.known_axis(-1)?;
        scope.variable("vector_u", [1, width], &Initializer::from("truncated_normal"))?.frozen();
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        if scope.training() {
            let (kernel, u) = self.normalized(scope)?;
            // A kernel of zeros has no direction and stays.
            let stored = scope.get_stored("kernel")?;
            let is_zero = ops::all(&ops::equal(&stored, &ops::scalar(&stored, 0.0)?)?, &[], false)?;
            scope.update("kernel", &ops::select(&is_zero, &stored, &kernel)?)?;
            scope.update("vector_u", &ops::select(&is_zero, &scope.get_stored("vector_u")?, &u)?)?;
        }
        let outputs = scope.call("layer", &self.layer, inputs)?;
        outputs.iter().map(|output| ops::cast(output, inputs.only()?.dtype())).collect()
    }

    fn check(&self) -> Result<()> {
        self.layer.layer().check()
    }
}

/// The whole tensor with length one.
fn unit(x: &Tensor) -> Result<Tensor> {
    let squares = ops::sum(&ops::square(x)?, &[], false)?;
    ops::divide(x, &ops::maximum(&ops::sqrt(&squares)?, &ops::scalar(&squares, 1e-12)?)?)
}
