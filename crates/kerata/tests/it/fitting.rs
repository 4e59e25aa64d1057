//! `fit` through the public API, where visible arithmetic says what must come out.

use kerata::core::Shape;
use kerata::core::array::Array;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Optimize, SGD};
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model};

#[test]
fn class_weights_are_for_training_and_not_for_the_share_that_is_kept() {
    let layers = Sequential::new([InputLayer::new(Shape::new([None, Some(2)])).into(), Dense::new(1).into()]);
    let mut model = Model::new(layers, 1).unwrap();
    // Nothing is learned, so that both losses are of the same weights.
    let compile = Compile::new().optimizer(SGD::new().learning_rate(0.0)).loss("mse");
    model.compile(&compile).unwrap();
    let x = Array::from_f32([8, 2], [1.0, 2.0].repeat(8)).unwrap();
    let y = Array::from_f32([8, 1], vec![1.0; 8]).unwrap();
    let options = FitOptions::new().validation_split(0.5).class_weight([(1, 3.0)]);
    let history = model.fit(&x, &y, &options).unwrap();
    let (loss, kept) = (history.last("loss").unwrap(), history.last("val_loss").unwrap());
    assert!(kept > 0.0 && (loss - 3.0 * kept).abs() < 1e-5 * loss, "{loss} is three times {kept}");
}
