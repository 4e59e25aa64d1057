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
        let mask = scope.mask(0).cloned();
        if let Some(mask) = &mask {
            let lowest = if x.dtype() == DType::Float16 { -3e4 } else { -1e9 };
            x = ops::select(mask, &x, &ops::scalar(&x, lowest)?)?;
        }
        let output = softmax_over(&x, axes)?;
        match mask {
            Some(mask) => Ok(vec![ops::select(&mask, &output, &ops::scalar(&output, 0.0)?)?]),
            None => Ok(vec![output]),
        }
    }

    fn supports_masking(&self) -> bool {
        true
    }
}
