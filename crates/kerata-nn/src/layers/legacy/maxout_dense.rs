//! `MaxoutDense`: the largest of several dense layers of Keras 1.

use crate::layers::prelude::*;

config! {
    /// The largest of several linear layers.
    pub struct MaxoutDense(
        /// Size of the last output axis.
        units: usize,
    ) {
        /// How many layers.
        nb_feature: usize = 4,
        /// Start values of the kernels.
        kernel_initializer: Initializer = Initializer::glorot_uniform(),
        /// Whether biases are added.
        use_bias: bool = true,
        /// Penalty on the kernels.
        kernel_regularizer: Option<Regularizer> = None,
        /// Penalty on the biases.
        bias_regularizer: Option<Regularizer> = None,
        /// Where the kernels are brought back to.
        kernel_constraint: Option<Constraint> = None,
        /// Where the biases are brought back to.
        bias_constraint: Option<Constraint> = None,
    }
}

impl Layer for MaxoutDense {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope
            .variable("kernel", [self.nb_feature, width, self.units], &self.kernel_initializer)?
            .regularize(&self.kernel_regularizer)
            .constrain(&self.kernel_constraint);
        if self.use_bias {
            scope
                .variable("bias", [self.nb_feature, self.units], &Initializer::zeros())?
                .regularize(&self.bias_regularizer)
                .constrain(&self.bias_constraint);
        }
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut all = ops::einsum("bi,fio->bfo", &[inputs.only()?, &scope.get("kernel")?])?;
        if self.use_bias {
            all = ops::add(&all, &scope.get("bias")?)?;
        }
        Ok(vec![ops::max(&all, &[1], false)?])
    }
}
