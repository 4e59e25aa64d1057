//! `Resizing`: images of another size.

use super::images::images;
use crate::layers::prelude::*;
use crate::operations::{Fit, resize};

config! {
    /// Gives images another height and width.
    pub struct Resizing(
        /// The height.
        height: usize,
        /// The width.
        width: usize,
    ) {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Whether images are cut to keep their proportions.
        crop_to_aspect_ratio: bool = false,
        /// Whether images are padded to keep their proportions.
        pad_to_aspect_ratio: bool = false,
        /// What they are padded with.
        fill_mode: String = "constant".to_owned(),
        /// The value of the padding.
        fill_value: f64 = 0.0,
        /// Whether smaller images are made of means.
        antialias: bool = false,
    }
    first [data_format]
}

impl Layer for Resizing {
    fn call(&self, _: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let fit = Fit::new(self.crop_to_aspect_ratio, self.pad_to_aspect_ratio, self.fill_value)?;
        let sizes = [self.height, self.width];
        let resized = images(inputs.only()?, self.data_format, |x| {
            resize(x, sizes, &self.interpolation, self.antialias, fit)
        })?;
        Ok(vec![resized])
    }
}
