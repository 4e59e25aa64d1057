//! `AugMix`: mixes images with chains of random changes of them, in training.

use super::changes::{Changes, Common};
use super::images::range_of;
use super::mixed::blend;
use super::random::{in_training, random, seed_of};
use crate::layers::prelude::*;

/// The changes, in the order of their numbers; the last four only when all kinds are taken.
const CHANGES: &[&str] = &[
    "random_shear",
    "random_translation",
    "random_rotation",
    "random_posterization",
    "solarization",
    "auto_contrast",
    "equalization",
    "random_brightness",
    "random_color_degeneration",
    "random_contrast",
    "random_sharpness",
];

/// How many of them change no colors.
const OF_SHAPE: usize = 7;

random! {
    @config
    /// Mixes images with chains of random changes of them, in training.
    ///
    /// Keras chooses the changes with Python's own random numbers, which no file keeps, when a step is traced; here they are
    /// chosen anew in each step, from the layer's seed.
    AugMix {
        /// The lowest and highest value.
        value_range: Vec<f64> = vec![0.0, 255.0],
        /// Number of chains.
        num_chains: usize = 3,
        /// Length of a chain.
        chain_depth: usize = 3,
        /// How strong the changes are.
        factor: Tree = Tree::Float(0.3),
        /// How the chains are mixed.
        alpha: f64 = 1.0,
        /// Whether all kinds of changes are taken.
        all_ops: bool = true,
        /// How values between pixels are found.
        interpolation: String = "bilinear".to_owned(),
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
    }
}

impl Layer for AugMix {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        self.changes()?.build(scope, &self.seed, inputs)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| self.mixed(scope, x))
    }
}

impl AugMix {
    fn changes(&self) -> Result<Changes> {
        let Self { factor, value_range, interpolation, seed, .. } = self;
        let names = if self.all_ops { CHANGES } else { &CHANGES[..OF_SHAPE] };
        Changes::new(names, &Common { factor, value_range, interpolation, seed })
    }

    fn mixed(&self, scope: &Scope, x: &Tensor) -> Result<Tensor> {
        let changes = self.changes()?;
        let alpha = ops::full(x.builder(), [self.num_chains], self.alpha, DType::Float32)?;
        let weights = ops::random_gamma(&seed_of(scope)?, &alpha)?;
        let weights = ops::divide(&weights, &ops::sum(&weights, &[0], true)?)?;
        let weights = ops::cast(&weights, x.dtype())?;
        let alpha = ops::full(x.builder(), Vec::<ops::Size>::new(), self.alpha, DType::Float32)?;
        let share = ops::cast(&ops::random_beta(&seed_of(scope)?, &alpha, &alpha)?, x.dtype())?;
        // One number more than there are changes: none.
        let (length, ends) = (self.num_chains * self.chain_depth, changes.len() as i64 + 1);
        let chosen = ops::random_integers(&seed_of(scope)?, [length], 0, ends, DType::Int32)?;
        let mut sum = ops::zeros_like(x)?;
        for chain in 0..self.num_chains {
            let mut changed = x.clone();
            for link in 0..self.chain_depth {
                let which = ops::index(&chosen, 0, (chain * self.chain_depth + link) as i64)?;
                changed = changes.apply(scope, &changed, &which, &mut Vec::new())?;
            }
            sum = ops::add(&sum, &ops::multiply(&changed, &ops::index(&weights, 0, chain as i64)?)?)?;
        }
        let range = range_of(&self.value_range)?;
        ops::clip(&blend(&share, x, &sum)?, range[0], range[1])
    }
}
