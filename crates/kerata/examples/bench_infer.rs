//! The Rust side of `scripts/bench/infer`: `bench_infer FOLDER THREADS`.
//!
//! Reads lines `kerata MODEL BATCH CALLS` and answers each with one JSON object: CPU and wall seconds of all calls, wall
//! seconds of the fastest, how far the answer is beyond 1e-5 + 1e-4 |b| of Keras's, and memory: by how many bytes that no
//! file stands behind the process grew at most, from before it opened the model until it had run twice.
//! Sessions are made from `MODEL.keras` and kept.

mod memory;

use std::collections::HashMap;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Predictor, Registry};
use kerata_core::{Array, Error, Limits, Result};
use memory::{start_peak, status};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, threads] = &arguments[..] else { return Err(Error::usage("see the head of this file")) };
    let threads = threads.parse().map_err(|_| Error::usage("THREADS is a number"))?;
    let mut bench =
        Bench { folder: PathBuf::from(folder), threads, models: HashMap::new(), cases: HashMap::new() };
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Error::io("read the standard input", &error))?;
        match bench.answer(&line) {
            Ok(answer) => println!("{answer}"),
            Err(error) => println!(r#"{{"error": {:?}}}"#, error.to_string()),
        }
    }
    Ok(())
}

/// An input, and how far the answer to it is from Keras's.
struct Case {
    input: Array,
    excess: f32,
}

struct Bench {
    folder: PathBuf,
    threads: usize,
    models: HashMap<String, Ready>,
    cases: HashMap<(String, String), Case>,
}

/// A model that has run, and the memory it took.
struct Ready {
    predictor: Predictor,
    memory: u64,
}

impl Bench {
    fn answer(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, model, batch, calls] = words[..] else { return Err(Error::usage("four words a line")) };
        let calls: usize = calls.parse().map_err(|_| Error::usage("CALLS is a number"))?;
        self.prepare(model, batch)?;
        let Ready { predictor, memory } = &self.models[model];
        let case = &self.cases[&(model.to_owned(), batch.to_owned())];
        let (cpu, clock, mut least) = (cpu_seconds(), Instant::now(), f64::INFINITY);
        for _ in 0..calls {
            let clock = Instant::now();
            std::hint::black_box(predictor.run(std::slice::from_ref(&case.input))?);
            least = least.min(clock.elapsed().as_secs_f64());
        }
        let (cpu, wall) = (cpu_seconds() - cpu, clock.elapsed().as_secs_f64());
        let excess = case.excess;
        Ok(format!(
            r#"{{"cpu": {cpu:.7}, "wall": {wall:.7}, "least": {least:.7}, "excess": {excess:e}, "memory": {memory}}}"#
        ))
    }

    fn prepare(&mut self, model: &str, batch: &str) -> Result<()> {
        let key = (model.to_owned(), batch.to_owned());
        if self.cases.contains_key(&key) {
            return Ok(());
        }
        let source = kerata::input(self.folder.join(format!("{model}-{batch}.npz")))?;
        let mut arrays = HashMap::new();
        for (name, variable) in npz::read_arrays(source.require_source()?, &Limits::default())? {
            arrays.insert(name, Array::from_variable(&variable)?);
        }
        let mut array = |name: &str| arrays.remove(name).ok_or_else(|| Error::not_found(name));
        let (input, expected) = (array("in_0")?, array("out_0")?);
        // Copied out of the file now, and not in the first run.
        input.as_f32()?;
        if !self.models.contains_key(model) {
            self.models.insert(model.to_owned(), self.ready(model, &input)?);
        }
        let output = self.models[model].predictor.run(std::slice::from_ref(&input))?;
        let output = output.first().ok_or_else(|| Error::internal("no output"))?;
        let pairs = output.as_f32()?.iter().zip(expected.as_f32()?);
        let excess = pairs.map(|(a, b)| (a - b).abs() - (1e-5 + 1e-4 * b.abs())).fold(0.0, f32::max);
        self.cases.insert(key, Case { input, excess });
        Ok(())
    }

    fn ready(&self, model: &str, input: &Array) -> Result<Ready> {
        let peak = Peak::watch()?;
        let artifact = kerata::open(self.folder.join(format!("{model}.keras")), &OpenOptions::new())?;
        let options = PredictOptions::new().threads(self.threads);
        let predictor = kerata::predictor(artifact, None, Registry::built_in(), &options)?;
        for _ in 0..2 {
            predictor.run(std::slice::from_ref(input))?;
        }
        Ok(Ready { predictor, memory: peak.end()? })
    }
}

/// Watches how much memory the process has that no file stands behind.
struct Peak {
    before: u64,
    is_over: Arc<AtomicBool>,
    watcher: JoinHandle<u64>,
}

/// The system notes the peak with files' pages only, and there are more of these as time goes on: a thread looks often.
const LOOKS: Duration = Duration::from_micros(100);

impl Peak {
    fn watch() -> Result<Peak> {
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = is_over.clone();
        let has_looked = Arc::new(Barrier::new(2));
        let ready = has_looked.clone();
        let watcher = thread::spawn(move || {
            // What looking takes is there before the first figure.
            let _ = status("RssAnon:");
            ready.wait();
            let mut most = 0;
            while !seen.load(Ordering::Relaxed) {
                most = most.max(status("RssAnon:").unwrap_or(0));
                thread::sleep(LOOKS);
            }
            most
        });
        has_looked.wait();
        start_peak()?;
        Ok(Peak { before: status("RssAnon:")?, is_over, watcher })
    }

    /// By how much it grew at most.
    fn end(self) -> Result<u64> {
        let (most, files) = (status("VmHWM:")?, status("RssFile:")?);
        self.is_over.store(true, Ordering::Relaxed);
        let seen = self.watcher.join().map_err(|_| Error::internal("the watcher"))?;
        Ok(seen.max(most.saturating_sub(files)).saturating_sub(self.before))
    }
}

/// Processor time of this process.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
