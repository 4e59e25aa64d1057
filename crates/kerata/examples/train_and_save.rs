//! Trains a small convolutional net on handwritten digits, saves it, loads it, and gets the same numbers.
//!
//! `cargo run --release -p kerata --example train_and_save [FOLDER]`

use std::path::PathBuf;

use kerata::core::{Result, Shape};
use kerata::nn::config::Padding;
use kerata::nn::layers::convolutional::Conv2D;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::pooling::MaxPooling2D;
use kerata::nn::layers::regularization::Dropout;
use kerata::nn::layers::reshaping::Flatten;
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Adam, Optimize};
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model, OpenOptions, Registry, SaveOptions, datasets};

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let digits = datasets::digits()?;

    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(8), Some(8), Some(1)])).into(),
        Conv2D::new(16, 3).padding(Padding::Same).activation("relu").into(),
        Conv2D::new(32, 3).padding(Padding::Same).activation("relu").into(),
        MaxPooling2D::new().into(),
        Flatten::new().into(),
        Dropout::new(0.25).into(),
        Dense::new(64).activation("relu").into(),
        Dense::new(10).activation("softmax").into(),
    ]);
    let mut model = Model::new(layers, 7)?;
    let compile = Compile::new()
        .optimizer(Adam::new().learning_rate(2e-3))
        .loss("sparse_categorical_crossentropy")
        .metrics(["accuracy"]);
    model.compile(&compile)?;

    let options = FitOptions::new().epochs(40).seed(1).validation_split(0.1).progress_bar();
    let history = model.fit(&digits.x_train, &digits.y_train, &options)?;
    let measured = model.evaluate(&digits.x_test, &digits.y_test)?;
    println!("{} images to test with: {:.2} % right", digits.y_test.len(), 100.0 * measured["accuracy"]);

    let path = folder.join("digits.keras");
    kerata::save(&model.to_artifact(), &path, &SaveOptions::new().overwrite(true))?;
    std::fs::write(folder.join("digits.svg"), history.to_svg())
        .map_err(|error| kerata::core::Error::io("write the picture", &error))?;
    let loaded = Model::from_artifact(&kerata::open(&path, &OpenOptions::new())?, &Registry::new())?;
    let (before, after) = (model.predict(&digits.x_test)?, loaded.predict(&digits.x_test)?);
    assert_eq!(before[0].as_f32()?, after[0].as_f32()?, "the loaded model gives other numbers");
    assert_eq!(measured, loaded.evaluate(&digits.x_test, &digits.y_test)?);
    println!("{} loads, with its optimizer, and gives the same numbers", path.display());
    Ok(())
}
