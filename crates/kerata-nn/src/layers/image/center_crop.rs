//! `CenterCrop`: the middle of images.

use super::images::images;
use crate::layers::prelude::*;
use crate::operations::{Fit, resize};

config! {
    /// Cuts the middle out of images; smaller images are made larger first.
    pub struct CenterCrop(
        /// The height.
        height: usize,
        /// The width.
        width: usize,
    ) {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
    first [data_format]
}

/// The middle of a batch of images, resized where it is smaller.
pub(super) fn middle(x: &Tensor, height: usize, width: usize) -> Result<Tensor> {
    let (own_height, own_width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
    if own_height < height || own_width < width {
        return resize(x, [height, width], "bilinear", false, Fit::Crop);
    }
    let range = |own: usize, kept: usize| {
        let start = (own - kept) / 2;
        ops::Range::new(start as i64, (start + kept) as i64)
    };
    ops::slice(x, &[ops::Range::ALL, range(own_height, height), range(own_width, width), ops::Range::ALL])
}

impl Layer for CenterCrop {
    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = ops::cast(inputs.only()?, scope.compute_dtype())?;
        Ok(vec![images(&x, self.data_format, |x| middle(x, self.height, self.width))?])
    }
}
