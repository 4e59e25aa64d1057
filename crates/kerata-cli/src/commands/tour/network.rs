//! The network of the tour: a small convolutional net for pictures of 8 x 8 pixels.

use std::path::Path;

use kerata::core::array::Array;
use kerata::nn::config::Padding;
use kerata::nn::layers::AnyLayer;
use kerata::nn::layers::convolutional::Conv2D;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::normalization::BatchNormalization;
use kerata::nn::layers::pooling::MaxPooling2D;
use kerata::nn::layers::regularization::Dropout;
use kerata::nn::layers::reshaping::Flatten;
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Adam, Optimize};
use kerata::nn::training::Compile;
use kerata::{Checkpoints, FitOptions, Model};
use kerata_core::{Error, Result, Shape};

use crate::context::Context;

/// How often the tour goes through the images.
pub const EPOCHS: usize = 12;

/// Steps between two checkpoints; an epoch has 41.
pub const CHECKPOINT_EVERY: u64 = 15;

/// The network, compiled, with the weights that the seed gives.
pub fn new() -> Result<Model> {
    let layers: [AnyLayer; 10] = [
        InputLayer::new(Shape::new([None, Some(8), Some(8), Some(1)])).into(),
        Conv2D::new(16, 3).padding(Padding::Same).activation("relu").into(),
        BatchNormalization::new().momentum(0.9).into(),
        Conv2D::new(32, 3).padding(Padding::Same).activation("relu").into(),
        MaxPooling2D::new().into(),
        Flatten::new().into(),
        Dropout::new(0.3).into(),
        Dense::new(256).activation("relu").into(),
        Dropout::new(0.3).into(),
        Dense::new(10).activation("softmax").into(),
    ];
    let mut model = Model::new(AnyLayer::new(Sequential::new(layers)).named("digits"), 42)?;
    model.compile(&compile())?;
    Ok(model)
}

/// What the networks of the tour are trained by.
pub fn compile() -> Compile {
    Compile::new()
        .optimizer(Adam::new().learning_rate(1e-3))
        .loss("sparse_categorical_crossentropy")
        .metrics(["accuracy"])
}

/// How the network is trained; the order of the images comes from the seed.
pub fn options(epochs: usize, context: &Context) -> FitOptions {
    FitOptions::new().epochs(epochs).seed(7).validation_split(0.1).interrupt(context.stop.clone())
}

/// The same with checkpoints, to go on from the newest when there is one.
pub fn options_with_checkpoints(epochs: usize, folder: &Path, context: &Context) -> FitOptions {
    options(epochs, context).checkpoints(Checkpoints::new(folder, CHECKPOINT_EVERY).resume(true))
}

/// The share of rows whose largest value stands at the label.
pub fn accuracy(outputs: &Array, labels: &Array) -> Result<f64> {
    let classes = *outputs.shape().last().ok_or_else(|| Error::internal("an answer without classes"))?;
    let (outputs, labels) = (outputs.to_f64s()?, labels.to_i64s()?);
    let guess = |row: &[f64]| row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(class, _)| class as i64);
    let right = outputs.chunks(classes.max(1)).zip(&labels).filter(|(row, label)| guess(row) == Some(**label));
    Ok(right.count() as f64 / labels.len().max(1) as f64)
}
