//! `Concatenate`: tensors one after the other along an axis.

use super::merge::equal_ranks;
use crate::layers::prelude::*;

config! {
    /// Puts tensors one after the other.
    pub struct Concatenate {
        /// Along which axis.
        axis: i64 = -1,
    }
}

impl Layer for Concatenate {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![ops::concatenate(inputs, self.axis)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(
        &self,
        _: &Scope,
        inputs: &[Tensor],
        masks: &[Option<Tensor>],
    ) -> Result<Vec<Option<Tensor>>> {
        if masks.iter().all(Option::is_none) {
            return Ok(vec![None]);
        }
        let full = |(tensor, mask): (&Tensor, &Option<Tensor>)| {
            let mask = match mask {
                None => ops::full(tensor.builder(), [1], 1.0, DType::Bool)?,
                Some(mask) if mask.rank() < tensor.rank() => ops::expand_dims(mask, -1)?,
                Some(mask) => mask.clone(),
            };
            ops::broadcast_to(&mask, tensor.sizes())
        };
        let full: Vec<Tensor> = equal_ranks(inputs)?.iter().zip(masks).map(full).collect::<Result<_>>()?;
        Ok(vec![Some(ops::any(&ops::concatenate(&full, self.axis)?, &[-1], false)?)])
    }
}
