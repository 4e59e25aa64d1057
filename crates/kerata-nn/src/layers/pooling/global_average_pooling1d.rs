//! `GlobalAveragePooling1D`: the mean of a whole sequence, without the steps that do not count.

use crate::layers::prelude::*;

config! {
    /// The mean of a whole sequence, for each channel.
    pub struct GlobalAveragePooling1D {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// Whether the pooled axis stays, with size one.
        keepdims: bool = false,
    }
}

impl Layer for GlobalAveragePooling1D {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let (steps, channels) = if self.data_format == DataFormat::ChannelsFirst { (2, 1) } else { (1, 2) };
        let Some(mask) = scope.mask(0) else {
            return Ok(vec![ops::mean(x, &[steps], self.keepdims)?]);
        };
        let mask = ops::expand_dims(mask, channels)?;
        let counted = ops::select(&mask, x, &ops::scalar(x, 0.0)?)?;
        let count = ops::sum(&ops::cast(&mask, x.dtype())?, &[steps], self.keepdims)?;
        Ok(vec![ops::divide(&ops::sum(&counted, &[steps], self.keepdims)?, &count)?])
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn compute_mask(&self, _: &Scope, _: &[Tensor], _: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(Vec::new())
    }
}
