//! Chapter 1: a model is made and trained in Rust; killed and started again, it ends in the same bits.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kerata::diff::diff;
use kerata::text::thousands;
use kerata::{Fit, OpenOptions, SaveOptions, datasets};
use kerata_core::{Error, Result, ResultExt};

use super::network;
use super::story::{Story, say};
use crate::context::Context;

/// Where the training that is killed keeps its checkpoints, and what it leaves at its end.
const CHECKPOINTS: &str = "checkpoints";
const RESUMED: &str = "resumed.keras";

/// Trains with checkpoints and saves: the process that is killed.
pub fn in_child(dir: &Path, out: &Path, epochs: usize) -> Result<()> {
    let digits = datasets::digits()?;
    let mut model = network::new()?;
    let options = network::options_with_checkpoints(epochs, &dir.join(CHECKPOINTS));
    model.fit(&digits.x_train, &digits.y_train, &options)?;
    kerata::save(&model.to_artifact(), out, &SaveOptions::new().overwrite(true)).map(drop)
}

pub fn tell(dir: PathBuf, epochs: usize, context: &Context) -> Result<Story> {
    let started = Instant::now();
    let digits = datasets::digits()?;
    let mut model = network::new()?;
    say(
        context,
        &format!(
            "Handwritten digits, {} to train on, {} to test with; a convolutional net made in Rust, {} parameters.\n\n",
            digits.y_train.len(),
            digits.y_test.len(),
            thousands(model.count_params())
        ),
    );
    let start = Instant::now();
    let options = network::options(epochs);
    let options = if context.json { options } else { options.progress_bar() };
    let history = model.fit(&digits.x_train, &digits.y_train, &options)?;

    let mut story = Story::new(dir, context.clone(), digits, model, history)?.started(started);
    story.chapter("Train; be killed; go on");
    let right = 100.0 * story.accuracy(&story.expected)?;
    story.step(
        "let compile = Compile::new().optimizer(Adam::new()).loss(\"sparse_categorical_crossentropy\");\n\
         model.compile(&compile.metrics([\"accuracy\"]))?;\n\
         let options = FitOptions::new().epochs(12).validation_split(0.1).progress_bar();\n\
         model.fit(&digits.x_train, &digits.y_train, &options)?;",
        start,
        format!("{epochs} epochs, {right:.2} % of the test images right"),
    );
    killed(&mut story, epochs)?;
    Ok(story)
}

/// The same training in a process that is killed in the middle of an epoch, and in one that goes on.
fn killed(story: &mut Story, epochs: usize) -> Result<()> {
    let (checkpoints, out) = (story.path(CHECKPOINTS), story.path(RESUMED));
    if checkpoints.exists() {
        std::fs::remove_dir_all(&checkpoints)
            .map_err(|error| Error::io("cannot clear the checkpoints of an earlier tour", &error))
            .at(|| checkpoints.display().to_string())?;
    }
    let start = Instant::now();
    let mut child = start_child(story, &out, epochs)?;
    // A third of the way, between two checkpoints.
    let enough = (epochs as u64 * 41 / 3).max(network::CHECKPOINT_EVERY);
    let reached = wait_for(story, &mut child, &checkpoints, enough)?;
    let _ = child.kill();
    let ended = child.wait().map_err(|error| Error::io("cannot wait for the training", &error))?;
    let found = match (ended.success(), reached) {
        (false, Some(step)) => format!("killed (SIGKILL) after the checkpoint of step {step}"),
        _ => "was done before it could be killed".to_owned(),
    };
    story.step_with(
        "FitOptions::new().epochs(12).checkpoints(Checkpoints::new(\"checkpoints\", 15).resume(true))",
        start,
        &checkpoints,
        found,
    );

    let start = Instant::now();
    let ended = start_child(story, &out, epochs)?.wait();
    if !ended.map_err(|error| Error::io("cannot wait for the training", &error))?.success() {
        return Err(Error::internal("the training that was to go on failed"));
    }
    let differences = diff(&story.model.to_artifact(), &kerata::open(&out, &OpenOptions::new())?)?;
    if let Some(change) = differences.variables.first() {
        return Err(Error::internal(format!("the resumed training differs in `{}`", change.path)));
    }
    let found = "started again; ends in the same bits: every weight, moment and counter";
    story.step_with("the same line once more", start, &out, found);
    Ok(())
}

fn start_child(story: &Story, out: &Path, epochs: usize) -> Result<Child> {
    let program = std::env::current_exe().map_err(|error| Error::io("cannot find this program", &error))?;
    let mut command = Command::new(program);
    command.arg("tour").arg(&story.dir).arg("--train-to").arg(out);
    if epochs < network::EPOCHS {
        command.arg("--quick");
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().map_err(|error| Error::io("cannot start a second process", &error))
}

/// Waits until a checkpoint of this step or a later one is there; `None` when the process ends before.
fn wait_for(story: &Story, child: &mut Child, folder: &Path, step: u64) -> Result<Option<u64>> {
    loop {
        let newest = newest_step(folder);
        if newest >= Some(step) {
            return Ok(newest);
        }
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return Ok(None);
        }
        if let Err(stopped) = story.check_stop() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(stopped);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn newest_step(folder: &Path) -> Option<u64> {
    let names = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name());
    let step = |name: &str| name.strip_prefix("ckpt-")?.strip_suffix(".keras")?.parse().ok();
    names.filter_map(|name| step(name.to_str()?)).max()
}
