//! `Dense`: fully connected layer, `activation(inputs · kernel + bias)`.

use super::kernel::{Kernel, Scale};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

config! {
    /// Fully connected layer.
    pub struct Dense(
        /// Size of the last output axis.
        units: usize,
    ) {
        /// Applied to the result.
        activation: Activation = Activation::linear(),
        /// Whether a bias is added.
        use_bias: bool = true,
        /// Start values of the kernel.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Start values of the bias.
        bias_initializer: Initializer = Initializer::zeros(),
        /// Penalty on the kernel.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the bias.
        bias_regularizer: Option<Regularizer> = None,
        /// Where the kernel is brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the bias is brought back to.
        bias_constraint: Option<Constraint> = None,
        /// How the kernel is quantized.
        quantization_config: Option<Tree> = None,
    }
    also {
        /// Rank of the learned product beside the kernel (LoRA).
        lora_rank: Option<usize> = None,
        /// Factor of that product, times its rank.
        lora_alpha: Option<f64> = None,
    }
}

impl Dense {
    fn kernel(&self, input: &TensorSpec) -> Result<Kernel<'_>> {
        let shape = vec![input.known_axis(-1)?, self.units];
        let scale = Scale { axes: vec![Some(1)] };
        let lora = Lora::of_kernel(self.lora_rank, self.lora_alpha);
        Ok(Kernel { shape, reduced: vec![0], scale, config: self.quantization_config.as_ref(), lora })
    }
}

impl Layer for Dense {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let kernel = |scope: &mut Scope, shape: &[usize]| {
            scope
                .variable("kernel", shape, &self.kernel_initializer)?
                .regularize(&self.kernel_regularizer)
                .constrain(&self.kernel_constraint);
            Ok(())
        };
        let bias = |scope: &mut Scope| {
            if self.use_bias {
                scope
                    .variable("bias", [self.units], &self.bias_initializer)?
                    .regularize(&self.bias_regularizer)
                    .constrain(&self.bias_constraint);
            }
            Ok(())
        };
        self.kernel(inputs.only()?)?.build(scope, kernel, bias)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let kernel = self.kernel(inputs.only()?.spec())?;
        let mut output = match kernel.whole(scope, inputs.only()?, 1)? {
            Some(output) => output,
            None => ops::matmul(&kernel.input(scope, inputs.only()?, &[-1])?, &kernel.get(scope)?)?,
        };
        if self.use_bias {
            output = ops::add(&output, &kernel.bias(scope)?)?;
        }
        Ok(vec![self.activation.call(&output)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
