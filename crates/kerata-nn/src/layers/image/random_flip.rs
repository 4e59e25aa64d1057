//! `RandomFlip`: mirrors images, in training.

use super::random::{build_seed, for_each_image, in_training};
use crate::layers::prelude::*;

config! {
    /// Mirrors half of the images, in training.
    pub struct RandomFlip {
        /// Where the channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// Start of the random numbers.
        seed: Seed = Seed::none(),
        /// `horizontal`, `vertical` or `horizontal_and_vertical`.
        mode: String = "horizontal_and_vertical".to_owned(),
    }
}

impl Layer for RandomFlip {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        build_seed(scope, &self.seed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        in_training(scope, inputs, self.data_format, |x| {
            let axes: &[i64] = match self.mode.as_str() {
                "horizontal" => &[2],
                "vertical" => &[1],
                // An image is mirrored along both axes or none.
                "horizontal_and_vertical" => &[1, 2],
                other => return Err(Error::unsupported(format!("mode `{other}`"))),
            };
            let share = for_each_image(scope, x, 0.0, 1.0)?;
            let is_flipped = ops::less_equal(&share, &ops::scalar(&share, 0.5)?)?;
            ops::select(&is_flipped, &ops::flip(x, axes)?, x)
        })
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::array::Array;

    use super::*;
    use crate::Model;
    use crate::layers::core::InputLayer;
    use crate::models::Sequential;

    #[test]
    fn images_are_mirrored_whole_or_not_at_all() {
        let shape = Shape::known([16, 1, 2, 1]);
        let layers = vec![InputLayer::new(shape).into(), RandomFlip::new().mode("horizontal").seed(1).into()];
        let model = Model::new(Sequential::new(layers), 0).unwrap();
        let images: Vec<f32> = (0..32).map(|at| at as f32).collect();
        let inputs = [Array::from_f32([16, 1, 2, 1], images.clone()).unwrap()];
        let run = |training| {
            let graph = model.trace(training).unwrap();
            let (outputs, _) = graph.evaluate(&inputs, &|path| model.variable(path)).unwrap();
            outputs[0].as_f32().unwrap().to_vec()
        };
        assert_eq!(run(false), images);
        let flipped = run(true);
        let count = flipped.chunks(2).zip(images.chunks(2)).filter(|(new, old)| {
            assert!(new == old || *new == [old[1], old[0]]);
            new != old
        });
        // Of 16 images, more than none and fewer than all but for one seed in 32768.
        assert!((1..16).contains(&count.count()));
    }
}
