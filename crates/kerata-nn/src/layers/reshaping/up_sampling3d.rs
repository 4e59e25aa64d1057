//! `UpSampling3D`: a larger volume.

use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

config! {
    /// Repeats every element of a volume along each axis.
    pub struct UpSampling3D {
        /// Factors of the three axes.
        size: Sizes = Sizes::from([2, 2, 2]),
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for UpSampling3D {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let spatial = Spatial { rank: 3, data_format: self.data_format };
        let mut x = spatial.enter(inputs.only()?)?;
        for (axis, factor) in (1..).zip(self.size.of_rank(3)?) {
            x = ops::repeat(&x, factor, axis)?;
        }
        Ok(vec![spatial.leave(&x)?])
    }
}
