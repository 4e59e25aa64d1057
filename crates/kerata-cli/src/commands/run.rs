//! `kerata run MODEL --inputs IN.npz --outputs OUT.npz`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use kerata::formats::containers::npy::TextKind;
use kerata::export::Verified;
use kerata::formats::npz;
use kerata::{OpenOptions, PredictOptions, Predictor, Registry};
use kerata_core::array::Array;
use kerata_core::{DType, Result, ResultExt, Shape, Tree};

use super::arrays::read_arrays;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render;

#[derive(Args)]
pub struct Run {
    /// The model, of any format.
    model: PathBuf,
    /// Inputs: `.npz` with the input names, or `in_0`, `in_1`, ... as keys.
    #[arg(long, value_name = "IN.npz", required_unless_present = "verify")]
    inputs: Option<PathBuf>,
    /// Where the outputs `out_0`, `out_1`, ... are written.
    #[arg(long, value_name = "OUT.npz", required_unless_present = "verify")]
    outputs: Option<PathBuf>,
    /// Run the inputs that `export` has kept beside the model, and compare with the outputs that it has kept.
    #[arg(long, conflicts_with_all = ["inputs", "outputs", "signature", "batch_size", "bench"])]
    verify: bool,
    /// The signature to run, for files that have several.
    #[arg(long)]
    signature: Option<String>,
    /// Most threads to use.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Run in parts of so many samples.
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Run the prepared model so often; the last answer is written.
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: usize,
    /// Measure so many runs: median, 95th percentile, throughput.
    #[arg(long, value_name = "N")]
    bench: Option<usize>,
    /// Take one function or class for another, for code that is lost: `<lambda>=relu`.
    #[arg(long, value_name = "OLD=NEW", value_parser = parse_map)]
    map: Vec<(String, String)>,
    /// The engine: `cpu`, or `reference` for the plain definitions.
    #[arg(long, default_value = "cpu")]
    engine: String,
}

impl super::Run for Run {
    fn run(self, _: &Context) -> Result<Answer> {
        let mut registry = Registry::new();
        for (old, new) in &self.map {
            registry.map(old, new);
        }
        let options = PredictOptions::new().engine(self.engine.as_str()).threads(self.threads);
        let artifact = kerata::open(&self.model, &OpenOptions::new())?;
        let model_path = || self.model.display().to_string();
        let (Some(inputs_path), Some(outputs_path)) = (&self.inputs, &self.outputs) else {
            return verified(&kerata::export::verify(&artifact, &registry, &options).at(model_path)?);
        };
        let named = read_arrays(inputs_path)?;
        let options = options.ranks(named.iter().map(|(name, array)| (name.clone(), array.rank())));
        let predictor = kerata::predictor(artifact, self.signature.as_deref(), &registry, &options).at(model_path)?;

        let inputs = predictor.arrange(named).at(|| inputs_path.display().to_string())?;
        let run = || match self.batch_size {
            Some(size) => predictor.run_in_batches(&inputs, size),
            None => predictor.run(&inputs),
        };
        let mut outputs = run()?;
        for _ in 1..self.repeat {
            outputs = run()?;
        }
        let times = self.bench.map(|count| measure(count, &run)).transpose()?;
        write_outputs(&outputs, outputs_path)?;
        Ok(answer(&predictor, &outputs, outputs_path, times))
    }
}

fn verified(all: &[Verified]) -> Result<Answer> {
    let entry = |one: &Verified| {
        Tree::from([
            ("signature", Tree::from(one.signature.as_str())),
            ("same", Tree::from(one.reason.is_none())),
            ("difference", one.difference.map_or(Tree::Null, Tree::from)),
            ("reason", one.reason.clone().map_or(Tree::Null, Tree::from)),
        ])
    };
    let line = |one: &Verified| match &one.reason {
        None => format!("{}: same, the largest difference is {:e}\n", one.signature, one.difference.unwrap_or(0.0)),
        Some(reason) => format!("{}: {reason}\n", one.signature),
    };
    let json = Tree::from([("verified", Tree::List(all.iter().map(entry).collect()))]);
    let mut answer = Answer::new(json, all.iter().map(line).collect::<String>());
    answer.is_negative = all.iter().any(|one| one.reason.is_some());
    Ok(answer)
}

fn answer(predictor: &Predictor, outputs: &[Array], path: &Path, times: Option<Times>) -> Answer {
    let mut entries = Vec::new();
    let mut rows = Vec::new();
    for ((name, _), output) in predictor.outputs().iter().zip(outputs) {
        let shape: Vec<u64> = output.shape().iter().map(|size| *size as u64).collect();
        rows.push(vec![name.clone(), output.dtype().to_string(), Shape::from(shape.clone()).to_string()]);
        entries.push(Tree::from([
            ("name", Tree::from(name.as_str())),
            ("dtype", Tree::from(output.dtype().to_string())),
            ("shape", Tree::from(shape)),
        ]));
    }
    let mut json = vec![("outputs".to_owned(), Tree::List(entries))];
    let mut text = render(&["output", "dtype", "shape"], &rows, &[]);
    if let Some(times) = times {
        text.push_str(&format!(
            "{} runs: median {:.3} ms, p95 {:.3} ms, {:.1} runs a second\n",
            times.runs, times.median_ms, times.p95_ms, times.runs_a_second
        ));
        json.push((
            "bench".to_owned(),
            Tree::from([
                ("runs", Tree::from(times.runs)),
                ("median_ms", Tree::from(times.median_ms)),
                ("p95_ms", Tree::from(times.p95_ms)),
                ("runs_per_second", Tree::from(times.runs_a_second)),
            ]),
        ));
    }
    text.push_str(&format!("wrote {}\n", path.display()));
    Answer::new(Tree::Object(json.into_iter().collect()), text)
}

fn write_outputs(outputs: &[Array], path: &Path) -> Result<()> {
    let mut variables = Vec::with_capacity(outputs.len());
    for (position, output) in outputs.iter().enumerate() {
        // NumPy has no name for the small floats: they are written as float32, which holds them all.
        let is_foreign = matches!(output.dtype(), DType::Bfloat16 | DType::Float8E4m3fn | DType::Float8E5m2);
        let output = if is_foreign { output.cast(DType::Float32)? } else { output.clone() };
        variables.push((format!("out_{position}"), output.to_variable()?));
    }
    kerata::save_with(path, true, |sink| {
        npz::write_arrays(variables.iter().map(|(name, variable)| (name.as_str(), variable)), TextKind::Unicode, sink)
    })
}

struct Times {
    runs: usize,
    median_ms: f64,
    p95_ms: f64,
    runs_a_second: f64,
}

fn measure(count: usize, run: &dyn Fn() -> Result<Vec<Array>>) -> Result<Times> {
    let count = count.max(1);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        std::hint::black_box(run()?);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get(((count - 1) as f64 * share).round() as usize).copied().unwrap_or(0.0);
    let total_seconds: f64 = times.iter().sum::<f64>() / 1e3;
    let runs_a_second = count as f64 / total_seconds;
    Ok(Times { runs: count, median_ms: at(0.5), p95_ms: at(0.95), runs_a_second })
}

fn parse_map(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => Ok((old.to_owned(), new.to_owned())),
        _ => Err("expected OLD=NEW".to_owned()),
    }
}
