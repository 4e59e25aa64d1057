//! A training is killed at random moments and continued: it ends with the bytes of one that was not, and nothing that was
//! acknowledged is lost. `scripts/kill-train` runs this with many kills.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kerata::callbacks::{CSVLogger, Callback, EarlyStopping, ModelCheckpoint, SaveCheckpoints, Training};
use kerata::checkpoint::{BackPressure, CheckpointManager, CheckpointOptions, Keep, SaveWhen, Which};
use kerata::core::array::Array;
use kerata::core::{Artifact, Result, Shape, Tree};
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::layers::normalization::BatchNormalization;
use kerata::nn::layers::regularization::Dropout;
use kerata::nn::models::Sequential;
use kerata::nn::optimizers::{Adam, Optimize};
use kerata::nn::schedules::ExponentialDecay;
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model, SaveOptions};

const KILLS: u32 = 8;
const SAMPLES: usize = 72;
const EVERY: u64 = 3;

/// A model with everything that a continued training may forget: Adam's slots, a schedule, seeds, moving statistics.
fn model() -> Result<Model> {
    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(6)])).into(),
        Dense::new(16).activation("relu").into(),
        BatchNormalization::new().into(),
        Dropout::new(0.3).into(),
        Dense::new(3).activation("softmax").into(),
    ]);
    let mut model = Model::new(layers, 7)?;
    let rate = ExponentialDecay::new(0.02, 10.0, 0.9);
    model.compile(
        &Compile::new()
            .optimizer(Adam::new().learning_rate(rate))
            .loss("sparse_categorical_crossentropy")
            .metrics(["accuracy"]),
    )?;
    Ok(model)
}

/// Inputs and classes from a small generator.
fn samples() -> Result<(Array, Array)> {
    let mut state = 12345u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let x = (0..SAMPLES * 6).map(|_| f32::from(next() as u16) / 32768.0 - 1.0).collect();
    let y = (0..SAMPLES).map(|_| (next() % 3) as f32).collect();
    Ok((Array::from_f32([SAMPLES, 6], x)?, Array::from_f32([SAMPLES, 1], y)?))
}

/// Waits until each checkpoint is durable and says so, when it acknowledges at all.
struct Acknowledging {
    saver: SaveCheckpoints,
    acknowledges: bool,
}

impl Callback for Acknowledging {
    fn name(&self) -> &str {
        self.saver.name()
    }

    fn resume_from(&mut self) -> Result<Option<Artifact>> {
        self.saver.resume_from()
    }

    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.saver.on_train_begin(training)
    }

    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.saver.on_settled(training)?;
        if self.acknowledges && training.step().is_multiple_of(EVERY) {
            self.saver.manager().wait_until_finished()?;
            println!("durable {}", training.step());
        }
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        self.saver.on_train_end(training)
    }

    fn state(&self) -> Tree {
        self.saver.state()
    }

    fn restore(&mut self, state: &Tree) -> Result<()> {
        self.saver.restore(state)
    }
}

/// Trains in a folder to the end, from its newest checkpoint on.
fn train(folder: &Path, acknowledges: bool) -> Result<()> {
    let options = CheckpointOptions::new()
        .save_when(SaveWhen::EverySteps(EVERY))
        .keep(Keep::Any(vec![Keep::Last(2), Keep::best(1, "loss")]))
        .background(if acknowledges { BackPressure::Wait } else { BackPressure::ReplacePending });
    let manager = CheckpointManager::open(folder.join("checkpoints"), options)?;
    let mut saver = Acknowledging { saver: SaveCheckpoints::new(manager).resume(true), acknowledges };
    let mut log = CSVLogger::new(folder.join("log.csv"));
    let mut stopping = EarlyStopping::new("val_loss").patience(4).restore_best_weights(true);
    let best = folder.join("best-{epoch:02d}.keras").display().to_string();
    let mut best = ModelCheckpoint::new(best).save_best_only(true);
    let callbacks: Vec<Box<dyn Callback + '_>> =
        vec![Box::new(&mut log), Box::new(&mut stopping), Box::new(&mut best), Box::new(&mut saver)];
    let (x, y) = samples()?;
    let fit = FitOptions::new().epochs(9).batch_size(8).seed(3).validation_split(0.25);
    let mut model = model()?;
    model.fit_with(&x, &y, &fit, callbacks)?;
    kerata::save(&model.to_artifact(), folder.join("out.keras"), &SaveOptions::new().overwrite(true))?;
    Ok(())
}

/// The process that is killed; it runs only when started by the test below.
#[test]
#[ignore = "is started by the test that kills it"]
fn victim() {
    let folder = std::env::var("KERATA_KILL_FOLDER").expect("started by the test");
    train(Path::new(&folder), std::env::var_os("KERATA_KILL_ACKNOWLEDGE").is_some()).unwrap();
}

#[test]
fn a_training_that_is_killed_ends_with_the_bytes_of_one_that_was_not() {
    let kills = std::env::var("KERATA_KILL_ROUNDS").map_or(KILLS, |kills| kills.parse().unwrap());
    let kept = std::env::var_os("KERATA_KILL_KEEP");
    let whole = tempfile::tempdir().unwrap();
    // The first run in a process is slower; it says how long the victims live.
    let start = Instant::now();
    run(whole.path(), false, None);
    let lifetime = start.elapsed();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let (mut done, mut trainings, mut acknowledged_saves) = (0, 0, 0);
    while done < kills || trainings == 0 {
        let folder = tempfile::tempdir().unwrap();
        let acknowledges = trainings % 2 == 0;
        let mut acknowledged = 0;
        while !folder.path().join("out.keras").exists() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Near the end of the quota trainings are let run to their end.
            let share = if done < kills { random % 1_600_000 } else { 1_000_000_000 };
            let delay = lifetime.mul_f64(share as f64 / 1_000_000.0);
            let (is_killed, durable) = run(folder.path(), acknowledges, Some(delay));
            acknowledged_saves += durable.len();
            acknowledged = durable.last().copied().unwrap_or(acknowledged);
            done += u32::from(is_killed);
            check(folder.path(), acknowledged, done);
            if let Some(kept) = kept.as_ref().filter(|_| is_killed && done % 10 == 0) {
                keep_newest(folder.path(), Path::new(kept), done);
            }
        }
        for name in ["out.keras", "log.csv"] {
            let bytes = |folder: &Path| fs::read(folder.join(name)).unwrap();
            assert!(
                bytes(folder.path()) == bytes(whole.path()),
                "training {trainings}: {name} differs after {done} kills"
            );
        }
        assert_eq!(
            best(folder.path()),
            best(whole.path()),
            "training {trainings}: other models were the best"
        );
        trainings += 1;
    }
    println!(
        "{done} kills, {trainings} trainings ended equal, {acknowledged_saves} acknowledged checkpoints, none lost"
    );
}

/// Runs the victim, kills it after a while; says whether it was killed, and what it acknowledged.
fn run(folder: &Path, acknowledges: bool, kill_after: Option<Duration>) -> (bool, Vec<u64>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["kill_train::victim", "--exact", "--ignored", "--nocapture"])
        .env("KERATA_KILL_FOLDER", folder)
        .stdout(Stdio::piped());
    if acknowledges {
        command.env("KERATA_KILL_ACKNOWLEDGE", "1");
    }
    let mut victim = command.spawn().unwrap();
    let start = Instant::now();
    let mut is_killed = false;
    let status = loop {
        if let Some(status) = victim.try_wait().unwrap() {
            break status;
        }
        if kill_after.is_some_and(|after| start.elapsed() >= after) && !is_killed {
            victim.kill().unwrap();
            is_killed = true;
        }
        std::thread::sleep(Duration::from_micros(300));
    };
    let output = BufReader::new(victim.stdout.take().unwrap());
    let durable = output.lines().map_while(std::io::Result::ok).filter_map(|line| {
        // The test runner puts its own words before the first line.
        line.rsplit_once("durable ").and_then(|(_, step)| step.parse().ok())
    });
    let durable = durable.collect();
    // A process that ended before the signal came was not killed.
    is_killed &= !status.success();
    assert!(is_killed || status.success(), "the victim failed by itself");
    (is_killed, durable)
}

/// The newest checkpoint is whole, and no older than what was acknowledged.
fn check(folder: &Path, acknowledged: u64, kill: u32) {
    let checkpoints = folder.join("checkpoints");
    if !checkpoints.is_dir() {
        assert_eq!(acknowledged, 0);
        return;
    }
    let manager = CheckpointManager::open(checkpoints, CheckpointOptions::new()).unwrap();
    if acknowledged == 0 && manager.steps().is_empty() {
        return;
    }
    let restored = manager.restore(&Which::Latest).unwrap_or_else(|error| panic!("kill {kill}: {error}"));
    assert!(restored.skipped.is_empty(), "kill {kill}: {:?} is damaged", restored.skipped);
    let step = restored.info.step;
    assert!(step >= acknowledged, "kill {kill}: step {acknowledged} was acknowledged, {step} is the newest");
}

fn keep_newest(folder: &Path, kept: &Path, kill: u32) {
    let manager = CheckpointManager::open(folder.join("checkpoints"), CheckpointOptions::new()).unwrap();
    if let Some(newest) = manager.latest() {
        fs::create_dir_all(kept).unwrap();
        let to = kept.join(format!("kill-{kill}.keras"));
        fs::copy(folder.join("checkpoints").join(newest.file), to).unwrap();
    }
}

fn best(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("best-")).collect();
    names.sort();
    names
}
