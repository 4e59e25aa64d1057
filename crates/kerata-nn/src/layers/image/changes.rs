//! The changes of which `RandAugment` and `AugMix` take some, one of them at a time.

use super::random::{build_seed, ends, random_state, rewind};
use super::{
    AutoContrast, Equalization, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomPosterization, RandomRotation, RandomSharpness, RandomShear, RandomTranslation, Solarization,
};
use crate::layers::prelude::*;

/// What all changes of a layer have in common.
pub(super) struct Common<'a> {
    pub factor: &'a Tree,
    pub value_range: &'a [f64],
    pub interpolation: &'a str,
    pub seed: &'a Seed,
}

impl Common<'_> {
    /// The change that a layer keeps as an attribute of this name.
    pub fn named(&self, name: &str) -> Result<AnyLayer> {
        let [low, high] = ends(self.factor, 0.0)?;
        let factor = || Tree::from(vec![low, high]);
        let (range, interpolation) = (|| self.value_range.to_vec(), || self.interpolation.to_owned());
        let seed = || self.seed.clone();
        Ok(match name {
            "auto_contrast" => AutoContrast::new().value_range(range()).into(),
            "equalization" => Equalization::new().value_range(range()).into(),
            "random_brightness" => RandomBrightness::new(factor()).value_range(range()).seed(seed()).into(),
            "random_color_degeneration" => {
                RandomColorDegeneration::new().factor(factor()).value_range(range()).seed(seed()).into()
            }
            "random_contrast" => RandomContrast::new(factor()).value_range(range()).seed(seed()).into(),
            "random_posterization" => {
                let bits = ((8.0 * high) as i64).max(1);
                RandomPosterization::new().factor(Tree::from(bits)).value_range(range()).seed(seed()).into()
            }
            "random_rotation" => {
                RandomRotation::new().factor(factor()).interpolation(interpolation()).seed(seed()).into()
            }
            "random_sharpness" => {
                RandomSharpness::new().factor(factor()).value_range(range()).seed(seed()).into()
            }
            "random_shear" => {
                let shear = RandomShear::new().x_factor(factor()).y_factor(factor());
                shear.interpolation(interpolation()).seed(seed()).into()
            }
            "random_translation" => {
                let moved = RandomTranslation::new().height_factor(factor()).width_factor(factor());
                moved.interpolation(interpolation()).seed(seed()).into()
            }
            "solarization" => {
                let made = Solarization::new().addition_factor(factor()).threshold_factor(factor());
                made.value_range(range()).seed(seed()).into()
            }
            other => return Err(Error::internal(format!("no change `{other}`"))),
        })
    }
}

/// Changes in an order.
pub(super) struct Changes(Vec<(&'static str, AnyLayer)>);

impl Changes {
    pub fn new(names: &[&'static str], common: &Common<'_>) -> Result<Self> {
        names.iter().map(|&name| Ok((name, common.named(name)?))).collect::<Result<_>>().map(Self)
    }

    /// Declares the states of the random numbers: those of the layer itself, and of the changes, which Keras stores, though
    /// they draw from the layer's.
    pub fn build(&self, scope: &mut Scope, seed: &Seed, inputs: &[TensorSpec]) -> Result<()> {
        build_seed(scope, seed)?;
        self.0.iter().try_for_each(|(name, layer)| scope.build(name, layer, inputs))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Images after the change of a number, none when there is none of that number. Only this change is computed, but each
    /// takes its random numbers; from those states where they are given, which are kept otherwise.
    pub fn apply(
        &self,
        scope: &Scope,
        x: &Tensor,
        which: &Tensor,
        states: &mut Vec<Tensor>,
    ) -> Result<Tensor> {
        let is_repeated = !states.is_empty();
        let mut x = x.clone();
        for (at, (_, layer)) in self.0.iter().enumerate() {
            match states.get(at).filter(|_| is_repeated) {
                Some(state) => rewind(scope, state)?,
                None => states.push(random_state(scope)?),
            }
            let is_this = ops::equal(which, &ops::scalar(which, at as i64)?)?;
            let changed = ops::cond(
                &is_this,
                |branch| layer.layer().call(scope, &[branch.local(&x)?]),
                |branch| Ok(vec![branch.local(&x)?]),
            )?;
            x = changed.only()?.clone();
        }
        Ok(x)
    }
}
