//! `AutoContrast`: images whose values fill their range.

use super::images::{BYTES, images, in_range, range_of};
use crate::layers::prelude::*;

config! {
    /// Stretches the values of each channel to the whole range.
    pub struct AutoContrast {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
    }
}

impl Layer for AutoContrast {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let range = range_of(&self.value_range)?;
        let original = ops::cast(inputs.only()?, scope.compute_dtype())?;
        let stretched = images(&original, self.data_format, |original| {
            let x = in_range(original, range, BYTES)?;
            let (low, high) = (ops::min(&x, &[1, 2], true)?, ops::max(&x, &[1, 2], true)?);
            let scale = ops::divide(&ops::scalar(&x, 255.0)?, &ops::subtract(&high, &low)?)?;
            let offset = ops::negative(&ops::multiply(&low, &scale)?)?;
            let x = ops::clip(&ops::add(&ops::multiply(&x, &scale)?, &offset)?, 0.0, 255.0)?;
            let x = in_range(&x, BYTES, range)?;
            // A channel of one value has no range.
            ops::select(&ops::isnan(&x)?, original, &x)
        })?;
        Ok(vec![stretched])
    }
}
