//! `ProgressBar`: the lines that Keras shows while it trains.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kerata_core::{Error, Result};
use kerata_engine::Session;
use kerata_nn::training::StepGraph;

use super::measures::{mean_loss, measured};
use crate::callbacks::Logs;

/// When something is heard of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Moment {
    /// A step is done.
    Step,
    /// An epoch is done, with its evaluation.
    Epoch,
}

/// How far the training is.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// What has just been done.
    pub moment: Moment,
    /// Steps done.
    pub step: u64,
    /// Steps in all; 0 when that is not known.
    pub steps: u64,
    /// The epoch, from 0 on.
    pub epoch: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of an epoch, when that is known.
    pub batches: Option<usize>,
    /// The mean loss of the epoch so far.
    pub loss: f64,
    pub(super) means: Means<'a>,
}

/// Where the means of the epoch come from.
#[derive(Clone, Copy)]
pub(super) enum Means<'a> {
    /// From what is measured so far.
    Running(&'a StepGraph, &'a dyn Session),
    /// They are done.
    Done(&'a Logs),
}

impl Means<'_> {
    /// The mean loss.
    pub fn loss(&self) -> Result<f64> {
        match self {
            Self::Running(step, session) => mean_loss(step, *session),
            Self::Done(logs) => Ok(logs.get("loss").copied().unwrap_or(f64::NAN)),
        }
    }
}

impl Progress<'_> {
    /// The loss and the metrics of the epoch so far; those of the evaluation too when the epoch is done.
    pub fn logs(&self) -> Result<Logs> {
        match self.means {
            Means::Running(step, session) => measured(step, session),
            Means::Done(logs) => Ok(logs.clone()),
        }
    }
}

/// Cells of the bar.
const CELLS: usize = 20;

/// Terminal codes.
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// How often the line is written anew at most.
const PAUSE: Duration = Duration::from_millis(50);

/// A bar for each epoch, as Keras's: nothing is written when it does not go to a terminal.
#[derive(Debug)]
pub struct ProgressBar {
    state: Option<Mutex<State>>,
    is_plain: bool,
}

#[derive(Debug)]
struct State {
    epoch: Option<usize>,
    started: Instant,
    first: usize,
    shown: Option<Instant>,
}

impl ProgressBar {
    /// A bar on the standard error stream, if that is a terminal that knows how to write a line anew; without colors where
    /// `NO_COLOR` asks for none.
    pub fn stderr() -> Self {
        let state = || Mutex::new(State { epoch: None, started: Instant::now(), first: 0, shown: None });
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_shown = std::io::stderr().is_terminal() && !is_dumb;
        Self { state: is_shown.then(state), is_plain: is_set("NO_COLOR") }
    }

    /// A bar that shows nothing.
    pub fn hidden() -> Self {
        Self { state: None, is_plain: true }
    }

    /// Shows how far a training is.
    pub fn show(&self, progress: &Progress<'_>) -> Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        if state.epoch != Some(progress.epoch) {
            // The first step of an epoch is over when it is first heard of.
            let first = progress.batch.saturating_sub(1);
            *state = State { epoch: Some(progress.epoch), started: Instant::now(), first, shown: None };
            text.push_str(&format!("Epoch {}/{}\n", progress.epoch + 1, progress.epochs));
        }
        let is_done = progress.moment == Moment::Epoch;
        if !is_done && state.shown.is_some_and(|shown| shown.elapsed() < PAUSE) {
            return Ok(());
        }
        state.shown = Some(Instant::now());
        text.push_str("\r\u{1b}[K");
        let done = progress.batch - state.first.min(progress.batch);
        let line = line(progress, state.started.elapsed(), done)?;
        // A line that is longer than the terminal is wide cannot be written anew; the last one stays whole.
        let columns =
            terminal_size::terminal_size_of(std::io::stderr()).map(|(width, _)| usize::from(width.0));
        let room =
            columns.filter(|columns| *columns > 0 && !is_done).map_or(usize::MAX, |columns| columns - 1);
        text.push_str(&cut(&line, room, self.is_plain));
        if is_done {
            text.push('\n');
        }
        let mut out = std::io::stderr().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(|error| Error::io("show the progress", &error))
    }
}

/// The start of a line that takes so many columns, with or without its colors.
fn cut(line: &str, room: usize, is_plain: bool) -> String {
    let (mut out, mut used, mut is_code) = (String::new(), 0, false);
    for c in line.chars() {
        is_code |= c == '\u{1b}';
        if is_code {
            // Codes go on behind the end: they turn colors off.
            is_code = c != 'm';
            out.extend(Some(c).filter(|_| !is_plain));
        } else if used < room {
            used += 1;
            out.push(c);
        }
    }
    out
}

/// `45/45 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.9131 - loss: 0.3001`.
fn line(progress: &Progress<'_>, elapsed: Duration, done: usize) -> Result<String> {
    let mut logs: Vec<(String, f64)> = progress.logs()?.into_iter().collect();
    // Keras sorts them by name, the training's before those of the validation.
    logs.sort_by(|(a, _), (b, _)| (a.starts_with("val_"), a).cmp(&(b.starts_with("val_"), b)));
    let pace = elapsed.checked_div(u32::try_from(done).unwrap_or(u32::MAX)).unwrap_or_default();
    let mut line = match progress.batches.filter(|batches| *batches > 0) {
        Some(batches) => {
            let batch = progress.batch.min(batches);
            let full = CELLS * batch / batches;
            let digits = batches.to_string().len();
            let (done, rest) = ("━".repeat(full), "━".repeat(CELLS - full));
            let done = if full > 0 { format!("\u{1b}[32m{done}\u{1b}[0m") } else { done };
            let bar = format!("{done}\u{1b}[37m{rest}\u{1b}[0m");
            let left = pace.saturating_mul(u32::try_from(batches - batch).unwrap_or(u32::MAX));
            let time = if progress.moment == Moment::Epoch { elapsed } else { left };
            let (time, pace) = (clock(time), short(pace));
            format!("{BOLD}{batch:>digits$}/{batches}{PLAIN} {bar} {BOLD}{time}{PLAIN} {pace}/step")
        }
        None => format!("{}/Unknown {} {}/step", progress.batch, clock(elapsed), short(pace)),
    };
    for (name, value) in logs {
        let value = if value.abs() > 1e-3 || value.is_nan() { format!("{value:.4}") } else { small(value) };
        line.push_str(&format!(" - {name}: {value}"));
    }
    Ok(line)
}

/// `4.0000e-04`: at least two digits of exponent.
fn small(value: f64) -> String {
    let text = format!("{value:.4e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `12s`, `1:05`, `1:00:05`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

/// `3ms`, `410us`, `2s`.
fn short(time: Duration) -> String {
    match time.as_micros() {
        micros if micros < 1_000 => format!("{micros}us"),
        micros if micros < 1_000_000 => format!("{}ms", micros / 1_000),
        micros => format!("{}s", micros / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_to_its_room_and_ends_its_colors() {
        assert_eq!(cut("\u{1b}[1m45/45\u{1b}[0m ab", 6, false), "\u{1b}[1m45/45\u{1b}[0m ");
        assert_eq!(cut("\u{1b}[1m45/45\u{1b}[0m ab", 7, true), "45/45 a");
    }

    #[test]
    fn lines_read_as_those_of_keras() {
        let logs = [("loss", 0.3), ("accuracy", 0.9131), ("val_loss", 0.0004)];
        let logs: Logs = logs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
        let progress = Progress {
            moment: Moment::Epoch,
            step: 45,
            steps: 90,
            epoch: 0,
            epochs: 2,
            batch: 45,
            batches: Some(45),
            loss: 0.3,
            means: Means::Done(&logs),
        };
        // What `keras.utils.Progbar(45).update(45, [...])` prints, but for the time.
        let bar = format!("\u{1b}[32m{}\u{1b}[0m\u{1b}[37m\u{1b}[0m", "━".repeat(20));
        let logs = "accuracy: 0.9131 - loss: 0.3000 - val_loss: 4.0000e-04";
        assert_eq!(
            line(&progress, Duration::from_millis(1350), 45).unwrap(),
            format!("\u{1b}[1m45/45\u{1b}[0m {bar} \u{1b}[1m1s\u{1b}[0m 30ms/step - {logs}")
        );
    }
}
