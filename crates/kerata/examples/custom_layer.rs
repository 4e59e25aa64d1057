//! A layer, an activation and an initializer of one's own: built, saved, loaded and run; exported for TensorFlow.
//!
//! `cargo run -p kerata --example custom_layer [FOLDER]` writes `custom_layer.keras` and the SavedModel `custom_layer`.

use kerata::core::array::Array;
use kerata::core::graph::Tensor;
use kerata::export::ExportOptions;
use kerata::nn::initializers::{Initialize, Start};
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::prelude::*;
use kerata::nn::models::Sequential;
use kerata::{Model, OpenOptions, PredictOptions, Predictor, SaveOptions};

config! {
    /// Mixes its input with what a dense layer makes of it.
    pub struct Highway {
        /// Applied to what the dense layer gives.
        activation: Activation = Activation::custom("demo>squash", squash),
    }
}

impl Highway {
    /// The layer inside, for inputs of a width.
    fn transform(width: usize) -> AnyLayer {
        Dense::new(width).kernel_initializer(Checkerboard::new()).into()
    }
}

impl Layer for Highway {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let width = inputs.only()?.known_axis(-1)?;
        scope.build("transform", &Self::transform(width), inputs)?;
        scope.variable("share", [width], &Initializer::constant(0.25))?;
        Ok(())
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let width = x.spec().known_axis(-1)?;
        let made = scope.call("transform", &Self::transform(width), inputs)?;
        let made = self.activation.call(made.only()?)?;
        let share = scope.get("share")?;
        let kept = ops::subtract(&ops::scalar(&share, 1.0)?, &share)?;
        Ok(vec![ops::add(&ops::multiply(&share, &made)?, &ops::multiply(&kept, x)?)?])
    }
}

/// `x / (1 + |x|)`.
fn squash(x: &Tensor) -> Result<Tensor> {
    ops::divide(x, &ops::add(&ops::absolute(x)?, &ops::scalar(x, 1.0)?)?)
}

config! {
    /// Ones and minus ones in turn.
    pub struct Checkerboard {}
}

impl Initialize for Checkerboard {
    fn call(&self, variable: &Start) -> Result<Tensor> {
        let count: usize = variable.shape.iter().product();
        let values = (0..count).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<f64>>();
        Ok(variable.builder.constant(Array::from_vec(variable.shape.clone(), values)?.cast(variable.dtype)?))
    }
}

/// What a reader of the file has to know: the layer, the activation and the initializer by their registered names.
fn registry() -> Registry {
    let mut registry = Registry::new();
    registry
        .layer::<Highway>("demo")
        .initializer::<Checkerboard>("demo")
        .activation("demo", "squash", squash);
    registry
}

fn main() -> Result<()> {
    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(3)])).into(),
        AnyLayer::new(Highway::new()).of_package("demo"),
        Dense::new(2).activation("softmax").into(),
    ]);
    let model = Model::new(layers, 7)?;
    println!("{} parameters", model.count_params());

    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, std::path::PathBuf::from);
    let path = folder.join("custom_layer.keras");
    kerata::save(&model.to_artifact(), &path, &SaveOptions::new().overwrite(true))?;
    let loaded = Model::from_artifact(&kerata::open(&path, &OpenOptions::new())?, &registry())?;

    let x = Array::from_f32([1, 3], vec![1.0, -2.0, 3.0])?;
    let before = Predictor::new(&model, &PredictOptions::new())?.run(std::slice::from_ref(&x))?;
    let after = Predictor::new(&loaded, &PredictOptions::new())?.run(&[x])?;
    println!("before saving {:?}, after loading {:?}", before.only()?, after.only()?);
    assert_eq!(before.only()?.as_f32()?, after.only()?.as_f32()?);

    // The file says what the layer computes, so the export needs no code of it.
    let options = ExportOptions::new().save(SaveOptions::new().overwrite(true));
    let artifact = kerata::open(&path, &OpenOptions::new())?;
    kerata::export::export(&artifact, folder.join("custom_layer"), &Registry::new(), &options)?;
    Ok(())
}
