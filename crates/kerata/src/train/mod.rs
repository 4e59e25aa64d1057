//! `fit`, `evaluate`, `predict`: training of compiled models on arrays or batches, as Keras does it.

mod arrays;
mod batches;
mod evaluator;
mod feed;
mod history;
mod measures;
mod options;
mod plot;
mod position;
mod prepare;
mod progress;
mod recompile;
mod samples;
mod trainer;

pub use arrays::{Arrays, Named};
pub use batches::{Batch, Batches, EpochBatches};
pub use history::History;
pub use options::{Checkpoints, FitOptions, StepObserver};
pub use progress::{Moment, Progress, ProgressBar};
pub use recompile::Recompile;

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Result};
use kerata_nn::{Model, Registry};

use crate::callbacks::{Callback, CallbackList};
use crate::predict::{PredictOptions, Predictor};
use evaluator::Evaluator;
use trainer::Trainer;

/// Samples of one run of `predict` and `evaluate`.
const RUN_SIZE: usize = 256;

/// What Keras's models can do beside being called.
pub trait Fit {
    /// Trains the compiled model on arrays, from its present weights and optimizer state on.
    ///
    /// When it fails the model is as before.
    ///
    /// ```
    /// use kerata::nn::layers::core::{Dense, InputLayer};
    /// use kerata::nn::layers::reshaping::Flatten;
    /// use kerata::nn::models::Sequential;
    /// use kerata::nn::training::Compile;
    /// use kerata::{Fit, FitOptions, Model, core::Shape, datasets};
    ///
    /// # fn main() -> kerata::core::Result<()> {
    /// let layers = Sequential::new([
    ///     InputLayer::new(Shape::new([None, Some(8), Some(8), Some(1)])).into(),
    ///     Flatten::new().into(),
    ///     Dense::new(10).activation("softmax").into(),
    /// ]);
    /// let mut model = Model::new(layers, 1)?;
    /// model.compile(&Compile::new().optimizer("adam").loss("sparse_categorical_crossentropy").metrics(["accuracy"]))?;
    ///
    /// let digits = datasets::digits()?;
    /// let options = FitOptions::new().epochs(3).batch_size(8).validation_split(0.1);
    /// let history = model.fit(&digits.x_train, &digits.y_train, &options)?;
    /// assert_eq!(history.get("val_accuracy").len(), 3);
    /// let logs = model.evaluate(&digits.x_test, &digits.y_test)?;
    /// assert!(logs["accuracy"] > 0.8);
    /// # Ok(())
    /// # }
    /// ```
    fn fit(&mut self, x: impl Into<Arrays>, y: impl Into<Arrays>, options: &FitOptions) -> Result<History>;

    /// The same with callbacks, in the order in which they hear of each moment.
    ///
    /// A callback that is asked something afterwards is lent: `vec![Box::new(&mut stopping)]`.
    fn fit_with<'a>(
        &mut self,
        x: impl Into<Arrays>,
        y: impl Into<Arrays>,
        options: &'a FitOptions,
        callbacks: Vec<Box<dyn Callback + 'a>>,
    ) -> Result<History>;

    /// The same on batches that come from elsewhere. Of the options those on samples and their order mean nothing here.
    fn fit_batches<'a>(
        &mut self,
        batches: &'a mut dyn Batches,
        options: &'a FitOptions,
        callbacks: Vec<Box<dyn Callback + 'a>>,
    ) -> Result<History>;

    /// The loss and the metrics of the compiled model on samples.
    fn evaluate(&self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Result<IndexMap<String, f64>>;

    /// What the model gives for samples, in the order of its outputs.
    fn predict(&self, x: impl Into<Arrays>) -> Result<Vec<Array>>;
}

impl Fit for Model {
    fn fit(&mut self, x: impl Into<Arrays>, y: impl Into<Arrays>, options: &FitOptions) -> Result<History> {
        self.fit_with(x, y, options, Vec::new())
    }

    fn fit_with<'a>(
        &mut self,
        x: impl Into<Arrays>,
        y: impl Into<Arrays>,
        options: &'a FitOptions,
        callbacks: Vec<Box<dyn Callback + 'a>>,
    ) -> Result<History> {
        let mut all = Batch::new(x, y);
        all.sample_weight = options.sample_weight.clone();
        let callbacks = CallbackList::new(callbacks);
        let fitted = Trainer::of_samples(self.clone(), &all, self.registry(), options, callbacks)?.run()?;
        self.replace(fitted.artifact)?;
        Ok(fitted.history)
    }

    fn fit_batches<'a>(
        &mut self,
        batches: &'a mut dyn Batches,
        options: &'a FitOptions,
        callbacks: Vec<Box<dyn Callback + 'a>>,
    ) -> Result<History> {
        let callbacks = CallbackList::new(callbacks);
        let trainer = Trainer::of_batches(self.clone(), batches, self.registry(), options, callbacks)?;
        let fitted = trainer.run()?;
        self.replace(fitted.artifact)?;
        Ok(fitted.history)
    }

    fn evaluate(&self, x: impl Into<Arrays>, y: impl Into<Arrays>) -> Result<IndexMap<String, f64>> {
        let options = FitOptions::new().batch_size(RUN_SIZE);
        Evaluator::of(self, &Batch::new(x, y), self.registry(), &options)
    }

    fn predict(&self, x: impl Into<Arrays>) -> Result<Vec<Array>> {
        let predictor = Predictor::new(self, &PredictOptions::new())?;
        let names: Vec<&str> = predictor.inputs().iter().map(|(name, _)| name.as_str()).collect();
        let inputs = x.into().arrange(&names, "in")?;
        predictor.run_in_batches(&inputs, RUN_SIZE)
    }
}

/// A trained model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fitted {
    /// The model with its new weights and optimizer state.
    pub artifact: Artifact,
    /// Losses and metrics by name, a value for each epoch.
    pub history: History,
    /// Metrics of the compile config that are not known, and were not measured.
    pub left_out: Vec<String>,
}

/// Trains a model by its compile config, from its stored optimizer state on; an optimizer that is not built is built.
///
/// `x` holds the inputs by name, or as `in_0`, ...; `y` the targets by name of the output, or as `out_0`, ... A single
/// array may have any name. Classes of one's own are found in the registry.
pub fn fit(
    artifact: &Artifact,
    x: &Named,
    y: &Named,
    registry: &Registry,
    options: &FitOptions,
) -> Result<Fitted> {
    fit_with(artifact, x, y, registry, options, Vec::new())
}

/// [`fit`] with callbacks, in the order in which they hear of each moment.
///
/// A callback that is asked something afterwards is lent: `vec![Box::new(&mut stopping)]`.
pub fn fit_with<'a>(
    artifact: &Artifact,
    x: &Named,
    y: &Named,
    registry: &Registry,
    options: &'a FitOptions,
    callbacks: Vec<Box<dyn Callback + 'a>>,
) -> Result<Fitted> {
    let model = crate::modern::model(artifact, registry)?;
    let mut all = Batch::new(x, y);
    all.sample_weight = options.sample_weight.clone();
    Trainer::of_samples(model, &all, registry, options, CallbackList::new(callbacks))?.run()
}
