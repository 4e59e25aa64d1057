//! Clipping of gradients.

use kerata_core::graph::Tensor;
use kerata_core::{Result, ops};

use super::Common;

/// Gradients as the common arguments bound them.
pub(super) fn clip(gradients: &[Tensor], common: &Common) -> Result<Vec<Tensor>> {
    if let Some(most) = common.clipnorm {
        let clip = |gradient: &Tensor| {
            let norm = ops::sqrt(&squares(gradient)?)?;
            let longest = ops::maximum(&norm, &ops::scalar(&norm, most)?)?;
            ops::divide(&ops::times(gradient, most)?, &longest)
        };
        return gradients.iter().map(clip).collect();
    }
    if let Some(most) = common.global_clipnorm {
        let mut sum: Option<Tensor> = None;
        for gradient in gradients {
            let squares = squares(gradient)?;
            sum = Some(match sum {
                Some(sum) => ops::add(&sum, &squares)?,
                None => squares,
            });
        }
        let Some(sum) = sum else { return Ok(Vec::new()) };
        let norm = ops::sqrt(&sum)?;
        let share = ops::minimum(&ops::reciprocal(&norm)?, &ops::scalar(&norm, 1.0 / most)?)?;
        // A norm that is not finite makes every gradient NaN, as in Keras.
        let scale = ops::add(&ops::times(&share, most)?, &ops::subtract(&norm, &norm)?)?;
        return gradients
            .iter()
            .map(|gradient| ops::multiply(gradient, &ops::cast(&scale, gradient.dtype())?))
            .collect();
    }
    if let Some(most) = common.clipvalue {
        return gradients.iter().map(|gradient| ops::clip(gradient, -most, most)).collect();
    }
    Ok(gradients.to_vec())
}

fn squares(x: &Tensor) -> Result<Tensor> {
    ops::sum(&ops::square(x)?, &[], false)
}
