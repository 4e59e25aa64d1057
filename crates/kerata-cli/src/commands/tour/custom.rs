//! Chapter 4: a layer of one's own; the saved model runs in a process that has no such class.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use kerata::core::graph::Tensor;
use kerata::formats::npz;
use kerata::nn::layers::convolutional::Conv2D;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::prelude::*;
use kerata::nn::layers::reshaping::Flatten;
use kerata::nn::models::Sequential;
use kerata::{Model, Registry, SaveOptions, fit_with};
use kerata_core::array::Array;
use kerata_core::{Error, Limits};

use super::complete::format;
use super::network;
use super::story::{Story, largest_difference, outputs};

/// Epochs that the network with the layer is trained.
const EPOCHS: usize = 2;

config! {
    /// Squeeze and excitation: each channel is weighted by what all of the picture says about it.
    pub struct ChannelAttention {
        /// Channels for one unit of the narrow layer.
        ratio: usize = 4,
    }
}

impl ChannelAttention {
    fn narrow(&self, channels: usize) -> AnyLayer {
        Dense::new((channels / self.ratio.max(1)).max(1)).activation("relu").into()
    }

    fn wide(channels: usize) -> AnyLayer {
        Dense::new(channels).activation("sigmoid").into()
    }
}

impl Layer for ChannelAttention {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let channels = inputs.only()?.known_axis(-1)?;
        let squeezed = [TensorSpec::new(inputs.only()?.dtype, Shape::new([None, Some(channels as u64)]))];
        let narrow = self.narrow(channels);
        scope.build("narrow", &narrow, &squeezed)?;
        let width = (channels / self.ratio.max(1)).max(1);
        let narrowed = [TensorSpec::new(inputs.only()?.dtype, Shape::new([None, Some(width as u64)]))];
        scope.build("wide", &Self::wide(channels), &narrowed)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let x = inputs.only()?;
        let channels = x.spec().known_axis(-1)?;
        let squeezed = ops::mean(x, &[1, 2], false)?;
        let narrowed = scope.call("narrow", &self.narrow(channels), &[squeezed])?;
        let weights = scope.call("wide", &Self::wide(channels), &narrowed)?;
        let weights = ops::expand_dims(&ops::expand_dims(weights.only()?, 1)?, 1)?;
        Ok(vec![ops::multiply(x, &weights)?])
    }
}

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("A layer of one's own: trained, saved, run without its code");
    let mut registry = Registry::new();
    registry.layer::<ChannelAttention>("tour");

    let start = Instant::now();
    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(8), Some(8), Some(1)])).into(),
        Conv2D::new(16, 3).activation("relu").into(),
        AnyLayer::new(ChannelAttention::new()).of_package("tour"),
        Flatten::new().into(),
        Dense::new(10).activation("softmax").into(),
    ]);
    let mut model = Model::new(layers, 3)?;
    model.compile_with(&network::compile(), &registry)?;
    let named = |array: &Array| [("array".to_owned(), array.clone())].into_iter().collect();
    let (x, y) = (named(&story.digits.x_train), named(&story.digits.y_train));
    let options = network::options(EPOCHS, &story.context);
    let fitted = fit_with(&model.to_artifact(), &x, &y, &registry, &options, Vec::new())?;
    let model = Model::from_artifact(&fitted.artifact, &registry)?;
    let expected = outputs(&model, &story.digits.x_test)?;
    let right = 100.0 * story.accuracy(&expected)?;
    story.step(
        "impl Layer for ChannelAttention { fn build(..) .. fn call(..) .. }      // 25 lines, no gradient code\n\
         registry.layer::<ChannelAttention>(\"tour\");",
        start,
        format!("{EPOCHS} epochs, {right:.1} % right"),
    );

    // A folder and not a `.keras` file: Keras loads it too, but only where the class is known.
    let path = story.path("attention");
    let start = Instant::now();
    let artifact = model.to_artifact();
    story.save(&artifact, &path, SaveOptions::new().format(format("keras-folder")?).registry(&registry))?;
    story.step_with(
        "kerata::save(&artifact, \"attention\", &SaveOptions::new().registry(&registry))?;",
        start,
        &path,
        "config and weights as Keras keeps them, and what the layer computes",
    );

    let start = Instant::now();
    let found = in_another_process(story, &path)?;
    match largest_difference(&found, &expected)? {
        0.0 => story.step(
            "kerata run attention --inputs inputs.npz --outputs outputs.npz",
            start,
            "a process that has no such class: every output the same, bit for bit",
        ),
        _ => return Err(Error::internal("the traced layer gives other numbers")),
    }

    let path = story.path("attention-saved-model");
    let start = Instant::now();
    let traced = kerata::traced(&artifact, &registry)?;
    story.save(&traced, &path, SaveOptions::new().format(format("saved_model")?))?;
    story.step_with(
        "kerata export attention attention-saved-model --to saved_model",
        start,
        &path,
        "for TensorFlow, its Serving and its C++ loader, which have no such class either",
    );
    Ok(())
}

/// What this program gives for the test images when it knows nothing but the file.
fn in_another_process(story: &Story, model: &Path) -> Result<Array> {
    let failed = |error: std::io::Error| Error::io("start a second process", &error);
    let answer = story.path("attention.outputs.npz");
    let program = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(program);
    command.arg("run").arg(model).arg("--inputs").arg(story.path("inputs.npz")).arg("--outputs").arg(&answer);
    let done = command.output().map_err(failed)?;
    story.check_stop()?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(Error::internal(format!("`kerata run` failed: {said}")));
    }
    let input = kerata::input(&answer)?;
    let arrays = npz::read_arrays(input.require_source()?, &Limits::default())?;
    let array = arrays.get("out_0").ok_or_else(|| Error::internal("`kerata run` gave no `out_0`"))?;
    let array = Array::from_variable(array);
    let _ = std::fs::remove_file(&answer);
    array
}
