//! `TimeDistributed`: a layer on every step of a sequence.

use crate::layers::prelude::*;

config! {
    /// Calls a layer on every step of a sequence.
    pub struct TimeDistributed(
        /// The layer.
        layer: AnyLayer,
    ) {}
}

/// Batch and steps in one axis.
fn merged(x: &Tensor) -> Result<Tensor> {
    ops::reshape(x, [ops::Size::Infer].into_iter().chain(x.sizes().into_iter().skip(2)))
}

impl Layer for TimeDistributed {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let input = inputs.only()?;
        let axes = input.shape.axes();
        let batch = axes.first().copied().flatten().zip(axes.get(1).copied().flatten());
        let step = [batch.map(|(batch, steps)| batch * steps)].into_iter().chain(axes.iter().skip(2).copied());
        scope.build("layer", &self.layer, &[TensorSpec::new(input.dtype, step.collect::<Shape>())])
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let mask = match scope.mask(0) {
            Some(mask) if mask.rank() > 2 => Some(merged(mask)?),
            // A mask of steps says of a single step whether it counts, which layers have no use for.
            _ => None,
        };
        let step = Masked { tensor: merged(x)?, mask };
        let outputs = scope.call_with("layer", &self.layer, &Arguments::tensors(&[step]))?;
        let split = |output: Masked| {
            let sizes = [x.size(0), x.size(1)].into_iter().chain(output.tensor.sizes().into_iter().skip(1));
            ops::reshape(&output.tensor, sizes)
        };
        outputs.into_iter().map(split).collect()
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.layer.layer().check()
    }
}
