//! `UpSampling2D`: a larger image.

use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

config! {
    /// Makes an image larger by whole factors.
    pub struct UpSampling2D {
        /// Factors of height and width.
        size: Sizes = Sizes::from([2, 2]),
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// How new elements are made: `nearest`, `bilinear`, ...
        interpolation: String = "nearest".to_owned(),
    }
}

impl Layer for UpSampling2D {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let spatial = Spatial { rank: 2, data_format: self.data_format };
        let x = spatial.enter(inputs.only()?)?;
        let factors = self.size.of_rank(2)?;
        let output = if self.interpolation == "nearest" {
            ops::repeat(&ops::repeat(&x, factors[0], 1)?, factors[1], 2)?
        } else {
            let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
            let sizes = [height * factors[0], width * factors[1]];
            let resized = ops::resize(&x, sizes, self.interpolation.parse()?, false)?;
            ops::cast(&resized, x.dtype())?
        };
        Ok(vec![spatial.leave(&output)?])
    }
}
