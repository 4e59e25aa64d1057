//! `kerata train MODEL --x X --y Y --save OUT`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kerata::formats::containers::npy;
use kerata::formats::npz;
use kerata::train::{FitOptions, Named};
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata_core::array::Array;
use kerata_core::{Limits, Result, ResultExt, Tree};

use super::Run;
use super::checkpointing::Checkpointing;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render;

#[derive(Args)]
pub struct Train {
    /// The compiled model.
    model: PathBuf,
    /// Inputs: `.npy`, or `.npz` with the input names, or `in_0`, `in_1`, ... as keys.
    #[arg(long, value_name = "X")]
    x: PathBuf,
    /// Targets: `.npy`, or `.npz` with the output names, or `out_0`, `out_1`, ... as keys.
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
        let artifact = kerata::open(&self.model, &OpenOptions::new())?;
        let (x, y) = (read_arrays(&self.x)?, read_arrays(&self.y)?);

        let bar = bar(context);
        let shown = bar.clone();
        let options = FitOptions::new()
            .epochs(self.epochs)
            .batch_size(self.batch_size)
            .shuffle(!self.no_shuffle)
            .seed(self.seed)
            .validation_split(self.validation_split)
            .engine(self.engine)
            .threads(self.threads)
            .interrupt(context.stop.clone())
            .observer(move |progress| {
                shown.set_length(progress.steps);
                shown.set_position(progress.step);
                shown.set_message(format!("epoch {} loss {:.4}", progress.epoch + 1, progress.loss));
                Ok(())
            });
        let mut saver = self.checkpointing.saver(&self.save, self.validation_split > 0.0)?;
        let callbacks = vec![saver.callback()];
        let fitted = kerata::fit_with(&artifact, &x, &y, &Registry::new(), &options, callbacks);
        let fitted = match fitted {
            Err(error) if context.stop.load(Ordering::Relaxed) => {
                return Err(self.checkpointing.interrupted(error, &saver));
            }
            fitted => fitted.at(|| self.model.display().to_string())?,
        };
        bar.finish_and_clear();
        kerata::save(&fitted.artifact, &self.save, &SaveOptions::new().overwrite(true))?;

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

/// A bar over the steps, on a terminal only.
fn bar(context: &Context) -> ProgressBar {
    if context.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {eta}").expect("the template is fixed");
    ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style)
}

/// The arrays of a `.npz`, or the one array of a `.npy`.
fn read_arrays(path: &Path) -> Result<Named> {
    let shown = || path.display().to_string();
    let input = kerata::input(path)?;
    let source = input.require_source()?;
    let is_single = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"));
    if is_single {
        let array = npy::read(source, &Limits::default()).and_then(|variable| Array::from_variable(&variable));
        return Ok(Named::from_iter([("array".to_owned(), array.at(shown)?)]));
    }
    let arrays = npz::read_arrays(source, &Limits::default()).at(shown)?;
    let array = |(name, variable)| {
        let array = Array::from_variable(&variable).at(|| format!("array `{name}`")).at(shown)?;
        Ok((name, array))
    };
    arrays.into_iter().map(array).collect()
}
