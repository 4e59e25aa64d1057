//! `Softmax`: shares of a whole.

use crate::activations::softmax_over;
use crate::layers::prelude::*;

config! {
    /// Shares of the whole along axes; masked positions get none.
    pub struct Softmax {
        /// The axes.
        axis: Axes = Axes::One(-1),
    }
}

impl Layer for Softmax {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut x = inputs.only()?.clone();
        let axes = self.axis.list();
        let mask = scope.mask(0).map(|mask| ops::cast(mask, x.dtype())).transpose()?;
        if let Some(mask) = &mask {
            let lowest = if x.dtype() == DType::Float16 { -3e4 } else { -1e9 };
            let one = ops::scalar(mask, 1.0)?;
            let penalty = ops::multiply(&ops::subtract(&one, mask)?, &ops::scalar(mask, lowest)?)?;
            x = ops::add(&x, &penalty)?;
        }
        let output = softmax_over(&x, axes)?;
        match mask {
            Some(mask) => Ok(vec![ops::multiply(&output, &mask)?]),
            None => Ok(vec![output]),
        }
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
