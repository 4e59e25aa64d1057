//! `RandomCrop`: a random part of images, in training.

use super::random::{build_seed, in_training, seed_of};
use crate::layers::prelude::*;
use crate::operations::{Fit, resize};

config! {
    /// Cuts a random part out of images, in training.
    pub struct RandomCrop(
        /// The height.
        height: usize,
        /// The width.
        width: usize,
    ) {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
    first [data_format]
}

impl Layer for RandomCrop {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let (height, width) = (x.spec().known_axis(1)?, x.spec().known_axis(2)?);
            if height > self.height && width > self.width {
                // One part for all images.
                let start = |left: usize| {
                    let draw = ops::random_uniform(
                        &seed_of(scope)?,
                        Vec::<ops::Size>::new(),
                        0.0,
                        (left + 1) as f64,
                        DType::Float32,
                    )?;
                    ops::cast(&draw, DType::Int32)
                };
                let (down, right) = (start(height - self.height)?, start(width - self.width)?);
                let zero = ops::zeros_like(&down)?;
                let starts = ops::stack(&[zero.clone(), down, right, zero], 0)?;
                return ops::slice_at(x, &starts, &[None, Some(self.height), Some(self.width), None]);
            }
            let middle = |size: usize, other: usize, own: usize, across: usize| {
                let wanted = (other * own) as f64 / across as f64;
                (size - (wanted as usize).min(size).max(1)) / 2
            };
            let down = middle(height, width, self.height, self.width);
            let right = middle(width, height, self.width, self.height);
            let part = |start: usize, size: usize, own: usize| start..(start + own).min(size);
            let (rows, columns) = (part(down, height, self.height), part(right, width, self.width));
            let cut = slice(&slice(x, 1, rows)?, 2, columns)?;
            let is_whole = cut.spec().size(1) == Some(self.height) && cut.spec().size(2) == Some(self.width);
            if is_whole {
                return Ok(cut);
            }
            resize(&cut, [self.height, self.width], "bilinear", false, Fit::new(false, false, 0.0)?)
        })
    }
}

fn slice(x: &Tensor, axis: i64, range: std::ops::Range<usize>) -> Result<Tensor> {
    let range = ops::Range { start: Some(range.start as i64), stop: Some(range.end as i64), step: 1 };
    ops::slice_axis(x, axis, range)
}
