//! `Flatten`: all axes but the batch in one.

use crate::layers::prelude::*;

config! {
    /// Puts all axes but the batch in one.
    pub struct Flatten {
        /// Where the channels are; they come last in the result.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for Flatten {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut x = inputs.only()?.clone();
        if self.data_format == DataFormat::ChannelsFirst && x.rank() > 1 {
            x = ops::moveaxis(&x, &[1], &[-1])?;
        }
        if x.rank() < 2 {
            return Ok(vec![ops::expand_dims(&x, -1)?]);
        }
        Ok(vec![ops::flatten(&x)?])
    }
}
