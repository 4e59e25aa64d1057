//! Chapter 1: a model is made and trained in Rust; killed and started again, it ends in the same bits.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kerata::diff::diff;
use kerata::text::thousands;
use kerata::{Fit, OpenOptions, SaveOptions, datasets};
use kerata_core::{Error, ErrorKind, Result};

use super::network;
use super::story::{Story, say};
use crate::context::Context;
use crate::terminal::{columns, wrapped};

/// Where the training that is killed keeps its checkpoints, and what it leaves at its end.
const CHECKPOINTS: &str = "checkpoints";
const RESUMED: &str = "resumed.keras";
/// How long a training that is to end may tidy up.
const GRACE: Duration = Duration::from_secs(2);

/// Trains with checkpoints and saves: the process that is killed.
///
/// It ends with the process that started it, however that ends: then its standard input does.
pub fn in_child(dir: &Path, out: &Path, epochs: usize, context: &Context) -> Result<()> {
    let stop = context.stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        stop.store(true, Ordering::SeqCst);
        std::thread::sleep(GRACE);
        std::process::exit(ErrorKind::Io.exit_code().into());
    });
    let digits = datasets::digits()?;
    let mut model = network::new()?;
    let options = network::options_with_checkpoints(epochs, &dir.join(CHECKPOINTS), context);
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
            "{}\n\n",
            wrapped(
                &format!(
                    "Handwritten digits, {} to train on, {} to test with; a convolutional net made in Rust, {} parameters.",
                    digits.y_train.len(),
                    digits.y_test.len(),
                    thousands(model.count_params())
                ),
                0,
                columns()
            )
        ),
    );
    let start = Instant::now();
    let options = network::options(epochs, context);
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
    let start = Instant::now();
    let mut training = Training::start(story, &out, epochs)?;
    // A third of the way, between two checkpoints.
    let enough = (epochs as u64 * 41 / 3).max(network::CHECKPOINT_EVERY);
    let reached = training.wait(story, || newest_step(&checkpoints).filter(|step| *step >= enough))?;
    let found = match (training.end(), reached) {
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
    let mut training = Training::start(story, &out, epochs)?;
    training.wait(story, || None::<u64>)?;
    training.end();
    let differences = diff(&story.model.to_artifact(), &kerata::open(&out, &OpenOptions::new())?)?;
    if let Some(change) = differences.variables.first() {
        return Err(Error::internal(format!("the resumed training differs in `{}`", change.path)));
    }
    let found = "started again; ends in the same bits: every weight, moment and counter";
    story.step_with("the same line once more", start, &out, found);
    Ok(())
}

/// A training in another process, which ends when this is dropped.
struct Training {
    child: Child,
}

impl Training {
    fn start(story: &Story, out: &Path, epochs: usize) -> Result<Self> {
        let program = std::env::current_exe().map_err(|error| Error::io("find this program", &error))?;
        let mut command = Command::new(program);
        command.arg("tour").arg(&story.dir).arg("--train-to").arg(out);
        if epochs < network::EPOCHS {
            command.arg("--quick");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| Error::io("start a second process", &error))?;
        Ok(Self { child })
    }

    /// Waits until something is found; `None` when the process is done before. That it fails is an error.
    fn wait<T>(&mut self, story: &Story, found: impl Fn() -> Option<T>) -> Result<Option<T>> {
        loop {
            story.check_stop()?;
            if let Some(found) = found() {
                return Ok(Some(found));
            }
            let ended = self.child.try_wait().map_err(|error| Error::io("wait for the training", &error))?;
            match ended {
                None => std::thread::sleep(Duration::from_millis(5)),
                Some(status) if status.success() => return Ok(None),
                Some(status) => return Err(self.failure(status.code())),
            }
        }
    }

    /// Kills the process if it still runs; says whether it was done.
    fn end(&mut self) -> bool {
        let _ = self.child.kill();
        self.child.wait().is_ok_and(|status| status.success())
    }

    /// What the process said, with its own kind of error.
    fn failure(&mut self, code: Option<i32>) -> Error {
        let mut said = String::new();
        let _ = self.child.stderr.take().map(|mut stream| stream.read_to_string(&mut said));
        let is_io = code == Some(ErrorKind::Io.exit_code().into());
        let kind = if is_io { ErrorKind::Io } else { ErrorKind::Internal };
        let said = said.trim();
        let said = said.strip_prefix(kind.label()).map_or(said, |rest| rest.trim_start_matches(": "));
        let (message, rest) = said.split_once('\n').unwrap_or((said, ""));
        let message = if message.is_empty() { "the training in a second process failed" } else { message };
        let places = rest.trim().trim_start_matches("at ");
        let error = Error::new(kind, message.to_owned());
        if places.is_empty() { error } else { error.at(places.to_owned()) }
    }
}

impl Drop for Training {
    /// Asks it to end, so that it tidies up; kills it when it does not.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let start = Instant::now();
        while start.elapsed() < GRACE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.end();
    }
}

fn newest_step(folder: &Path) -> Option<u64> {
    let names = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.file_name());
    let step = |name: &str| name.strip_prefix("ckpt-")?.strip_suffix(".keras")?.parse().ok();
    names.filter_map(|name| step(name.to_str()?)).max()
}
