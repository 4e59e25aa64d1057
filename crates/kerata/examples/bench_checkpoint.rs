//! The Rust side of `scripts/bench/checkpoint`: one JSON object on standard output.
//!
//!     bench_checkpoint state DIR VARIABLES BYTES ROUNDS     a state of so many bytes: memcpy, blocking save, durable, raw write
//!     bench_checkpoint train DIR WIDTH STEPS EVERY ROUNDS   steps a second with and without a checkpoint every EVERY steps
//!
//! Times are seconds, lists of one a round.

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kerata::callbacks::{Callback, SaveCheckpoints, Training};
use kerata::checkpoint::{CheckpointManager, CheckpointOptions, Keep, Moment, SaveWhen};
use kerata::nn::layers::core::{Dense, InputLayer};
use kerata::nn::models::Sequential;
use kerata::nn::training::Compile;
use kerata::{Fit, FitOptions, Model};
use kerata_core::array::Array;
use kerata_core::{Artifact, Error, Limits, Result, Shape, Tree};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number =
        |word: &str| word.parse::<usize>().map_err(|_| Error::usage(format!("`{word}` is no number")));
    match words[..] {
        ["state", folder, variables, bytes, rounds] => {
            state(Path::new(folder), number(variables)?, number(bytes)?, number(rounds)?)
        }
        ["train", folder, width, steps, every, rounds] => {
            train(Path::new(folder), number(width)?, number(steps)?, number(every)?, number(rounds)?)
        }
        _ => Err(Error::usage("see the head of this file")),
    }
}

/// Saves a state again and again, beside a copy and a plain write of the same bytes.
fn state(folder: &Path, variables: usize, bytes: usize, rounds: usize) -> Result<()> {
    let mut artifact = Artifact::new();
    let config = br#"{"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": []}}"#;
    artifact.config = Some(Tree::parse(config, &Limits::default())?);
    let each = bytes / variables / 4;
    let mut arrays = Vec::new();
    for index in 0..variables {
        let values = (0..each).map(|at| (at * 31 + index) as f32).collect();
        let array = Array::from_f32([each], values)?;
        artifact.variables.insert(format!("layers/dense_{index}/vars/0"), array.to_variable()?)?;
        arrays.push(array);
    }
    let total = each * 4 * variables;
    let mut copy = vec![1u8; total];
    let mut manager =
        CheckpointManager::open(folder.join("steps"), CheckpointOptions::new().keep(Keep::Last(1)))?;
    manager.reserve(&artifact)?;
    let mut times = [const { Vec::new() }; 4];
    for round in 0..rounds {
        let start = Instant::now();
        let mut at = 0;
        for array in &arrays {
            let source: &[u8] = array_bytes(array)?;
            copy[at..at + source.len()].copy_from_slice(source);
            at += source.len();
        }
        black_box(&mut copy);
        times[0].push(start.elapsed());

        let start = Instant::now();
        manager.save(&artifact, &Moment::new(round as u64, 0))?;
        times[1].push(start.elapsed());
        manager.wait_until_finished()?;
        times[2].push(start.elapsed());

        let start = Instant::now();
        raw_write(&folder.join("raw"), &copy).map_err(|error| Error::io("write", &error))?;
        times[3].push(start.elapsed());
    }
    let [memcpy, blocking, durable, raw] = times;
    report(&[
        ("bytes", Tree::from(total)),
        ("variables", Tree::from(variables)),
        ("memcpy", seconds(&memcpy)),
        ("blocking", seconds(&blocking)),
        ("durable", seconds(&durable)),
        ("raw", seconds(&raw)),
    ]);
    Ok(())
}

/// Trains with and without checkpoints by turns.
fn train(folder: &Path, width: usize, steps: usize, every: usize, rounds: usize) -> Result<()> {
    const BATCH: usize = 32;
    let layers = Sequential::new([
        InputLayer::new(Shape::new([None, Some(width as u64)])).into(),
        Dense::new(width).activation("relu").into(),
        Dense::new(width).activation("relu").into(),
        Dense::new(width).into(),
    ]);
    let mut model = Model::new(layers, 1)?;
    model.compile(&Compile::new().optimizer("adam").loss("mean_squared_error"))?;
    let values = (0..BATCH * width).map(|at| (at % 17) as f32 / 17.0).collect();
    let x = Array::from_f32([BATCH, width], values)?;
    // One batch an epoch: as many epochs as steps.
    let options = FitOptions::new().epochs(steps).batch_size(BATCH).shuffle(false);
    let mut bytes = 0;
    let (mut without, mut with, mut blocking, mut memcpy) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut trained = model.clone();
        let mut plain = Timed::new(None);
        trained.fit_with(&x, &x, &options, vec![Box::new(&mut plain)])?;
        without.push(plain.training);

        let mut trained = model.clone();
        let manager = CheckpointManager::open(
            folder.join(format!("train-{round}")),
            CheckpointOptions::new().save_when(SaveWhen::EverySteps(every as u64)).keep(Keep::Last(1)),
        )?;
        let mut saving = Timed::new(Some(SaveCheckpoints::new(manager)));
        trained.fit_with(&x, &x, &options, vec![Box::new(&mut saving)])?;
        with.push(saving.training);
        blocking.extend(saving.blocking);
        bytes = saving.bytes;

        let source = vec![1u8; bytes];
        let mut copy = vec![2u8; bytes];
        let start = Instant::now();
        copy.copy_from_slice(&source);
        black_box(&mut copy);
        memcpy.push(start.elapsed());
    }
    report(&[
        ("bytes", Tree::from(bytes)),
        ("steps", Tree::from(steps)),
        ("every", Tree::from(every)),
        ("without", seconds(&without)),
        ("with", seconds(&with)),
        ("blocking", seconds(&blocking)),
        ("memcpy", seconds(&memcpy)),
    ]);
    Ok(())
}

/// Times a training, and in it what saving takes of the loop.
struct Timed {
    saver: Option<SaveCheckpoints>,
    start: Instant,
    training: Duration,
    blocking: Vec<Duration>,
    bytes: usize,
}

impl Timed {
    fn new(saver: Option<SaveCheckpoints>) -> Self {
        Self { saver, start: Instant::now(), training: Duration::ZERO, blocking: Vec::new(), bytes: 0 }
    }
}

impl Callback for Timed {
    fn name(&self) -> &str {
        "Timed"
    }

    fn on_train_begin(&mut self, training: &mut Training<'_>) -> Result<()> {
        if let Some(saver) = &mut self.saver {
            saver.on_train_begin(training)?;
        }
        self.start = Instant::now();
        Ok(())
    }

    fn on_settled(&mut self, training: &mut Training<'_>) -> Result<()> {
        let Some(saver) = &mut self.saver else { return Ok(()) };
        let start = Instant::now();
        saver.on_settled(training)?;
        let moment = Moment::new(training.step(), 0);
        if saver.manager().is_due(&moment)? {
            self.blocking.push(start.elapsed());
            if self.bytes == 0 {
                let model = training.model()?;
                self.bytes = model.variables.iter().map(|(_, variable)| variable.data.len() as usize).sum();
            }
        }
        Ok(())
    }

    fn on_train_end(&mut self, training: &mut Training<'_>) -> Result<()> {
        if let Some(saver) = &mut self.saver {
            saver.on_train_end(training)?;
        }
        self.training = self.start.elapsed();
        Ok(())
    }
}

fn array_bytes(array: &Array) -> Result<&[u8]> {
    match array.elements() {
        kerata_core::array::Elements::Float32(buffer) => Ok(buffer.as_bytes()),
        _ => Err(Error::internal("the arrays are float32")),
    }
}

fn raw_write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    for block in bytes.chunks(8 << 20) {
        file.write_all(block)?;
    }
    file.sync_all()
}

fn seconds(times: &[Duration]) -> Tree {
    Tree::List(times.iter().map(|time| Tree::Float(time.as_secs_f64())).collect())
}

fn report(entries: &[(&str, Tree)]) {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    println!("{}", Tree::Object(entries.collect()).to_json());
}
