//! Losses and metrics of one's own: compiled, trained, saved, loaded with their code and without.

use kerata::core::array::Array;
use kerata::core::graph::Tensor;
use kerata::core::{DType, ErrorKind, Result, Shape, ops};
use kerata::nn::config;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::losses::{Loss, LossFunction};
use kerata::nn::metrics::{Measure, Metric};
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Optimize, SGD};
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model, OpenOptions, Registry, SaveOptions};

config! {
    /// Errors above count more than errors below.
    pub struct Pinball {
        /// The share of labels that should be below.
        share: f64 = 0.5,
    }
}

impl LossFunction for Pinball {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        let error = ops::subtract(y_true, y_pred)?;
        let (above, below) = (ops::times(&error, self.share)?, ops::times(&error, self.share - 1.0)?);
        ops::mean(&ops::maximum(&above, &below)?, &[-1], false)
    }
}

config! {
    /// The share of labels that are at most the prediction.
    pub struct Covered {}
}

impl Measure for Covered {
    fn values(&self, y_true: &Tensor, y_pred: &Tensor) -> Result<Tensor> {
        ops::cast(&ops::less_equal(y_true, y_pred)?, DType::Float32)
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    registry.loss::<Pinball>("demo").metric::<Covered>("demo");
    registry
}

fn compiled() -> Model {
    let layers = Sequential::new([InputLayer::new(Shape::new([None, Some(1)])).into(), Dense::new(1).into()]);
    let mut model = Model::new(layers, 1).unwrap();
    model.set_variable("layers/dense/vars/0", &Array::from_f32([1, 1], vec![0.0]).unwrap()).unwrap();
    let compile = Compile::new()
        .optimizer(SGD::new().learning_rate(0.1))
        .loss(Loss::from(Pinball::new().share(0.75)).registered("demo>Pinball"))
        .metric(Metric::from(Covered::new()).registered("demo>Covered"));
    model.compile_with(&compile, &registry()).unwrap();
    model
}

fn samples() -> (Array, Array) {
    let x = Array::from_f32([4, 1], vec![1.0; 4]).unwrap();
    (x, Array::from_f32([4, 1], vec![-1.0, 1.0, 2.0, 3.0]).unwrap())
}

#[test]
fn they_train_by_their_own_arithmetic() {
    let mut model = compiled();
    let (x, y) = samples();
    // All predictions are 0: errors -1, 1, 2, 3 cost 0.25, 0.75, 1.5, 2.25, and one label of four is covered.
    let logs = model.evaluate(&x, &y).unwrap();
    assert!((logs["loss"] - 4.75 / 4.0).abs() < 1e-6, "{logs:?}");
    assert!((logs["covered"] - 0.25).abs() < 1e-6, "{logs:?}");
    // The slope of the mean by the bias is (0.25 - 3 * 0.75) / 4 = -0.5; a step of 0.1 makes it 0.05.
    model.fit(&x, &y, &FitOptions::new().batch_size(4)).unwrap();
    let bias = model.variable("layers/dense/vars/1").unwrap().to_f64s().unwrap();
    assert!((bias[0] - 0.05).abs() < 1e-6, "{bias:?}");
}

#[test]
fn a_saved_model_names_them_and_trains_again_only_with_their_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.keras");
    let (x, y) = samples();
    kerata::save(&compiled().to_artifact(), &path, &SaveOptions::new()).unwrap();

    let artifact = kerata::open(&path, &OpenOptions::new()).unwrap();
    let config = artifact.compile_config.as_ref().unwrap();
    assert_eq!(config.path(&["loss", "registered_name"]).unwrap().as_str(), Some("demo>Pinball"));
    assert_eq!(config.path(&["loss", "config", "share"]).unwrap().as_f64(), Some(0.75));

    // Without the code: it opens, predicts and keeps its config; training says what is missing.
    let mut foreign = Model::from_artifact(&artifact, &Registry::new()).unwrap();
    assert_eq!(foreign.predict(&x).unwrap()[0].shape(), [4, 1]);
    let error = foreign.fit(&x, &y, &FitOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("Pinball"), "{error}");
    let again = folder.path().join("again.keras");
    kerata::save(&foreign.to_artifact(), &again, &SaveOptions::new()).unwrap();
    let kept = kerata::open(&again, &OpenOptions::new()).unwrap();
    assert_eq!(kept.compile_config, artifact.compile_config);

    let mut own = Model::from_artifact(&kept, &registry()).unwrap();
    let history = own.fit(&x, &y, &FitOptions::new().batch_size(4)).unwrap();
    assert!((history.last("covered").unwrap() - 0.25).abs() < 1e-6);
}
