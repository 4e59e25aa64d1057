//! `kerata train MODEL --x X --y Y --save OUT`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use kerata::train::{FitOptions, ProgressBar, Recompile};
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata_core::ops::Generator;
use kerata_core::{Error, Result, ResultExt, Tree};

use super::Run;
use super::checkpointing::Checkpointing;
use super::samples::read_arrays;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render;

#[derive(Args)]
pub struct Train {
    /// The compiled model.
    model: PathBuf,
    /// Inputs: `.npy`, `.csv`, or `.npz` with the input names, or `in_0`, `in_1`, ... as keys.
    #[arg(long, value_name = "X")]
    x: PathBuf,
    /// Targets: `.npy`, `.csv`, or `.npz` with the output names, or `out_0`, `out_1`, ... as keys.
    #[arg(long, value_name = "Y")]
    y: PathBuf,
    /// Where the trained model is written; what is there is replaced when the training is done.
    #[arg(long, value_name = "OUT.keras")]
    save: PathBuf,
    /// How often all samples are gone through.
    #[arg(long, default_value_t = 1, value_name = "N")]
    epochs: usize,
    /// Samples of one step.
    #[arg(long, default_value_t = 32, value_name = "N")]
    batch_size: usize,
    /// Keep the samples in their order.
    #[arg(long)]
    no_shuffle: bool,
    /// Where the order of the samples starts.
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Share of the samples, from the end, to evaluate after each epoch instead of training on it.
    #[arg(long, default_value_t = 0.0, value_name = "V")]
    validation_split: f64,
    /// Another optimizer than that of the model, which starts anew: `adam`, `sgd`, ...
    #[arg(long, value_name = "NAME")]
    optimizer: Option<String>,
    /// Another loss, for all outputs: `mse`, `sparse_categorical_crossentropy`, ...
    #[arg(long, value_name = "NAME")]
    loss: Option<String>,
    /// Another learning rate.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    learning_rate: Option<f64>,
    /// Where a picture of the losses and metrics over the epochs is written.
    #[arg(long, value_name = "OUT.svg")]
    history_svg: Option<PathBuf>,
    /// The same, as its name ends: `.svg` or `.png`.
    #[arg(long, value_name = "OUT.png")]
    history_plot: Option<PathBuf>,
    /// Whose random numbers layers draw from their seeds: `tensorflow` or `jax`, as Keras on that backend.
    #[arg(long, default_value = "tensorflow", value_name = "BACKEND")]
    random_numbers: Generator,
    /// Go on with a loss that is not a number, and save weights that are none.
    #[arg(long)]
    allow_nan: bool,
    /// Most threads to use.
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    /// The engine: `cpu`, or `reference` for the plain definitions.
    #[arg(long, default_value = "cpu")]
    engine: String,
    #[command(flatten)]
    checkpointing: Checkpointing,
}

impl Run for Train {
    fn run(self, context: &Context) -> Result<Answer> {
        self.history_plot.as_ref().map(|path| is_png(path)).transpose()?;
        let mut artifact = kerata::open(&self.model, &OpenOptions::new())?;
        if kerata::is_old(&artifact) {
            // What is trained on is written for Keras 3.
            artifact = kerata::modern(artifact, &Registry::new())?.0;
        }
        let (x, y) = (read_arrays(&self.x)?, read_arrays(&self.y)?);

        let mut recompile = Recompile::default();
        recompile.optimizer = self.optimizer;
        recompile.loss = self.loss;
        recompile.learning_rate = self.learning_rate;
        recompile.apply(&mut artifact, &Registry::new()).at(|| self.model.display().to_string())?;

        let allow_nan = self.allow_nan;
        let bar = if context.json { ProgressBar::hidden() } else { ProgressBar::stderr() };
        let options = FitOptions::new()
            .epochs(self.epochs)
            .batch_size(self.batch_size)
            .shuffle(!self.no_shuffle)
            .seed(self.seed)
            .validation_split(self.validation_split)
            .generator(self.random_numbers)
            .engine(self.engine)
            .threads(self.threads)
            .interrupt(context.stop.clone())
            .observer(move |progress| {
                bar.show(progress)?;
                match progress.loss.is_nan() && !allow_nan {
                    true => Err(not_a_number(progress.step)),
                    false => Ok(()),
                }
            });
        let mut saver = self.checkpointing.saver(&self.save, self.validation_split > 0.0, self.allow_nan)?;
        let callbacks = vec![saver.callback()];
        let fitted = kerata::fit_with(&artifact, &x, &y, &Registry::new(), &options, callbacks);
        let fitted = match fitted {
            Err(error) if context.stop.load(Ordering::Relaxed) => {
                return Err(self.checkpointing.interrupted(error, &saver));
            }
            fitted => fitted.at(|| self.model.display().to_string())?,
        };
        if !self.allow_nan {
            // The loss of the last step is that of the weights before it.
            kerata::require_finite(&fitted.artifact).at(|| format!("nothing is written to {}", self.save.display()))?;
        }
        kerata::save(&fitted.artifact, &self.save, &SaveOptions::new().overwrite(true))?;

        let write = |path: &PathBuf, bytes: Vec<u8>| {
            std::fs::write(path, bytes)
                .map_err(|error| Error::io("write the picture", &error))
                .at(|| path.display().to_string())
        };
        if let Some(path) = &self.history_svg {
            write(path, fitted.history.to_svg().into_bytes())?;
        }
        match &self.history_plot {
            Some(path) if is_png(path)? => write(path, fitted.history.to_png(PIXELS)?)?,
            Some(path) => write(path, fitted.history.to_svg().into_bytes())?,
            None => {}
        }
        let mut json = vec![("history".to_owned(), fitted.history.to_tree())];
        if !fitted.left_out.is_empty() {
            json.push(("not_measured".to_owned(), Tree::from(fitted.left_out.clone())));
        }
        json.extend(saver.json());
        let names: Vec<&str> =
            std::iter::once("epoch").chain(fitted.history.values.keys().map(String::as_str)).collect();
        let epochs = fitted.history.epochs();
        let row = |epoch: usize| {
            let cells = fitted.history.values.values();
            let cells = cells.map(|list| list.get(epoch).map_or_else(String::new, |value| format!("{value:.6}")));
            std::iter::once((epoch + 1).to_string()).chain(cells).collect()
        };
        let rows: Vec<Vec<String>> = (0..epochs).map(row).collect();
        let mut text = render(&names, &rows, &[]);
        text.push_str(&format!("wrote {}\n", self.save.display()));
        for name in &fitted.left_out {
            text.push_str(&format!("  not measured: {name}\n"));
        }
        for (what, lines) in saver.notes() {
            let what = what.replace('_', " ");
            lines.iter().for_each(|line| text.push_str(&format!("  {what}: {line}\n")));
        }
        Ok(Answer::new(Tree::Object(json.into_iter().collect()), text))
    }
}

/// Pixels for one of a picture.
const PIXELS: f32 = 2.0;

/// Whether a picture of this name is a PNG; it is an SVG otherwise, or no picture.
pub(super) fn is_png(path: &Path) -> Result<bool> {
    match path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
        Some("svg") => Ok(false),
        Some("png") => Ok(true),
        _ => Err(Error::usage(format!("`{}` is no name of a picture", path.display()))
            .hint("end it in .svg or .png")),
    }
}

/// The error of a loss that is no number any more: nothing that is learned from it is worth saving.
fn not_a_number(step: u64) -> Error {
    Error::mismatch(format!("the loss is not a number after step {step}"))
        .hint("look for NaN in the samples, lower `--learning-rate`, or compile with `clipnorm`")
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate >= 0.0 => Ok(rate),
        _ => Err("expected a number that is not negative".to_owned()),
    }
}
