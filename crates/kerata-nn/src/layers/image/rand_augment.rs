//! `RandAugment`: changes images by a random choice of changes, in training.

use super::changes::{Changes, Common};
use super::random::{in_training, random, seed_of};
use crate::layers::prelude::*;

/// The changes, in the order of their numbers.
const CHANGES: &[&str] = &[
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
];

random! {
    @config
    /// Changes images by a random choice of changes, in training.
    RandAugment {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// How many changes.
        num_ops: usize = 2,
        /// How strong they are.
        factor: Tree = Tree::Float(0.5),
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for RandAugment {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        self.changes()?.build(scope, &self.seed, inputs)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let changes = self.changes()?;
            let last = changes.len() as i64;
            let chosen = ops::random_integers(&seed_of(scope)?, [self.num_ops], 0, last, DType::Int32)?;
            let mut x = x.clone();
            // Each change draws once, however often it is taken.
            let mut states = Vec::new();
            for turn in 0..self.num_ops {
                x = changes.apply(scope, &x, &ops::index(&chosen, 0, turn as i64)?, &mut states)?;
            }
            Ok(x)
        })
    }
}

impl RandAugment {
    fn changes(&self) -> Result<Changes> {
        let Self { factor, value_range, interpolation, seed, .. } = self;
        Changes::new(CHANGES, &Common { factor, value_range, interpolation, seed })
    }
}
