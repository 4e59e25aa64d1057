//! `kerata tour [DIR]`: a model is made, saved in every format, loaded again, and each copy gives the same numbers.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kerata::core::DType;
use kerata::core::array::Array;
use kerata::diff::diff;
use kerata::nn::layers::AnyLayer;
use kerata::nn::layers::convolutional::Conv2D;
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::pooling::MaxPooling2D;
use kerata::nn::layers::reshaping::Flatten;
use kerata::nn::models::Sequential;
use kerata::{Model, OpenOptions, PredictOptions, Predictor, Registry, SaveOptions};
use kerata_core::{Artifact, Error, Result, Shape, Tree};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Tour {
    /// Folder that the files are written into.
    #[arg(default_value = "kerata-tour")]
    dir: PathBuf,
}

/// What each step leaves, and the command that does the same.
struct Step {
    file: &'static str,
    command: &'static str,
    /// Whether the file holds the whole model, so that it can be run again.
    runs: bool,
}

const STEPS: &[Step] = &[
    Step { file: "digits.keras", command: "kerata::save(&model.to_artifact(), \"digits.keras\", ..)", runs: true },
    Step { file: "digits.h5", command: "kerata convert digits.keras digits.h5", runs: true },
    Step { file: "digits.safetensors", command: "kerata convert digits.keras digits.safetensors", runs: true },
    Step { file: "digits.weights.h5", command: "kerata convert digits.keras digits.weights.h5", runs: false },
    Step { file: "digits.npz", command: "kerata convert digits.keras digits.npz", runs: false },
];

impl Run for Tour {
    fn run(self, _: &Context) -> Result<Answer> {
        std::fs::create_dir_all(&self.dir)
            .map_err(|error| Error::io("cannot make the folder", &error).at(self.dir.display().to_string()))?;
        let model = digits()?;
        let images = images()?;
        let expected = answers(&model, &images)?;
        let mut text = format!(
            "A convolutional network for digits, made in Rust: {} parameters.\n\n",
            kerata::text::thousands(model.count_params())
        );
        let artifact = model.to_artifact();
        let mut entries = Vec::new();
        for step in STEPS {
            let path = self.dir.join(step.file);
            let start = Instant::now();
            let saved = kerata::save(&artifact, &path, &SaveOptions::new().overwrite(true))?;
            let milliseconds = start.elapsed().as_secs_f64() * 1e3;
            let checked = check(&path, step, &artifact, &images, &expected)?;
            text.push_str(&format!(
                "{}\n  {}\n  {} in {milliseconds:.1} ms, durable; {checked}\n",
                path.display(),
                step.command,
                kerata::text::memory(saved.bytes)
            ));
            entries.push(Tree::from([
                ("path", Tree::from(path.display().to_string())),
                ("format", Tree::from(saved.format)),
                ("bytes", Tree::from(saved.bytes)),
                ("milliseconds", Tree::from(milliseconds)),
                ("checked", Tree::from(checked)),
            ]));
        }
        text.push_str("\nNext: kerata inspect, kerata summary, kerata tree --stats on any of these, or on a file of yours.\n");
        Ok(Answer::new(Tree::from([("files", Tree::List(entries))]), text))
    }
}

/// A small convolutional network over pictures of 8 x 8 pixels.
fn digits() -> Result<Model> {
    let batch_shape = Shape::new([None, Some(8), Some(8), Some(1)]);
    let layers: [AnyLayer; 6] = [
        InputLayer::new(batch_shape).into(),
        Conv2D::new(16usize, [3usize, 3]).activation("relu").into(),
        MaxPooling2D::new().into(),
        Flatten::new().into(),
        Dense::new(32usize).activation("relu").into(),
        Dense::new(10usize).activation("softmax").into(),
    ];
    Model::new(AnyLayer::new(Sequential::new(layers)).named("digits"), 42)
}

/// A ring, a stroke and a slope: pictures as the network takes them.
fn images() -> Result<Array> {
    let ring = |row: i32, column: i32| ((row - 4).pow(2) + (column - 4).pow(2) - 9).abs() < 5;
    let stroke = |_: i32, column: i32| column == 3 || column == 4;
    let slope = |row: i32, column: i32| (row - column).abs() < 2;
    let mut pixels = Vec::new();
    for shape in [&ring as &dyn Fn(i32, i32) -> bool, &stroke, &slope] {
        pixels.extend((0..64).map(|at| if shape(at / 8, at % 8) { 1.0f32 } else { 0.0 }));
    }
    Array::from_f32([3, 8, 8, 1], pixels)
}

fn answers(model: &Model, images: &Array) -> Result<Vec<Array>> {
    Predictor::new(model, &PredictOptions::new())?.run(std::slice::from_ref(images))
}

/// Reads the file again and says what was found equal.
fn check(path: &Path, step: &Step, artifact: &Artifact, images: &Array, expected: &[Array]) -> Result<&'static str> {
    let loaded = kerata::open(path, &OpenOptions::new())?;
    let differences = diff(artifact, &loaded)?;
    if let Some(change) = differences.variables.first() {
        return Err(Error::internal(format!("the tensor `{}` came back different", change.path)));
    }
    if !step.runs {
        return Ok("loaded again: every tensor equal");
    }
    let found = answers(&Model::from_artifact(&loaded, Registry::built_in())?, images)?;
    let is_equal = expected.iter().zip(&found).all(|(a, b)| a.to_data().bytes().ok() == b.to_data().bytes().ok());
    let is_float = expected.iter().all(|output| output.dtype() == DType::Float32);
    if !is_equal || !is_float || expected.len() != found.len() {
        return Err(Error::internal("the loaded model gives other numbers"));
    }
    Ok("loaded again: every tensor and every output equal, bit for bit")
}
