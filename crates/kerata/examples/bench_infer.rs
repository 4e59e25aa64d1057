//! The Rust side of `scripts/bench/infer`: `bench_infer FOLDER THREADS`.
//!
//! Reads lines `kerata MODEL BATCH CALLS` and answers each with one JSON object: CPU and wall seconds of all calls, wall
//! seconds of the fastest, how far the answer is beyond 1e-5 + 1e-4 |b| of Keras's, and memory of the process in bytes that
//! is not the mapped file.
//! Sessions are made from `MODEL.keras` and kept.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Instant;

use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Predictor, Registry};
use kerata_core::{Array, Error, Limits, Result};

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
    models: HashMap<String, Predictor>,
    cases: HashMap<(String, String), Case>,
}

impl Bench {
    fn answer(&mut self, line: &str) -> Result<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, model, batch, calls] = words[..] else { return Err(Error::usage("four words a line")) };
        let calls: usize = calls.parse().map_err(|_| Error::usage("CALLS is a number"))?;
        self.prepare(model, batch)?;
        let predictor = &self.models[model];
        let case = &self.cases[&(model.to_owned(), batch.to_owned())];
        let (cpu, clock, mut least) = (cpu_seconds(), Instant::now(), f64::INFINITY);
        for _ in 0..calls {
            let clock = Instant::now();
            std::hint::black_box(predictor.run(std::slice::from_ref(&case.input))?);
            least = least.min(clock.elapsed().as_secs_f64());
        }
        let (cpu, wall) = (cpu_seconds() - cpu, clock.elapsed().as_secs_f64());
        let (excess, memory) = (case.excess, anonymous_bytes());
        Ok(format!(
            r#"{{"cpu": {cpu:.7}, "wall": {wall:.7}, "least": {least:.7}, "excess": {excess:e}, "memory": {memory}}}"#
        ))
    }

    fn prepare(&mut self, model: &str, batch: &str) -> Result<()> {
        if !self.models.contains_key(model) {
            let artifact = kerata::open(self.folder.join(format!("{model}.keras")), &OpenOptions::new())?;
            let options = PredictOptions::new().threads(self.threads);
            let predictor = kerata::predictor(&artifact, None, &Registry::new(), &options)?;
            self.models.insert(model.to_owned(), predictor);
        }
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
        let predictor = &self.models[model];
        let output = predictor.run(std::slice::from_ref(&input))?;
        predictor.run(std::slice::from_ref(&input))?;
        let output = output.first().ok_or_else(|| Error::internal("no output"))?;
        let pairs = output.as_f32()?.iter().zip(expected.as_f32()?);
        let excess = pairs.map(|(a, b)| (a - b).abs() - (1e-5 + 1e-4 * b.abs())).fold(0.0, f32::max);
        self.cases.insert(key, Case { input, excess });
        Ok(())
    }
}

/// Memory of the process that no file stands behind.
fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Processor time of this process.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
