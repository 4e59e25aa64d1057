//! `docs/support.md` says what of Keras loads, runs, trains and exports, and is current. `scripts/support` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use kerata::formats::{self, Output, WriteOptions, npz};
use kerata::nn::training::{self, Compile, Compiled, Feeds};
use kerata::{Model, OpenOptions, PredictOptions, Predictor, Registry};
use kerata_core::array::Array;
use kerata_core::{Artifact, DType, Error, FolderSink, Limits, Result, Sink, Tree};

use crate::closeness::{compare, narrowest};
use crate::custom;

/// What is known of a class, over all golden models that it stands in.
#[derive(Default)]
struct Seen {
    runs: bool,
    trains: bool,
    exports: bool,
    /// The largest difference from Keras relative to one or the number itself, in models of float32.
    worst: f64,
}

#[test]
fn the_page_of_support_is_current() {
    let page = page();
    let path = root().join("docs/support.md");
    if std::env::var_os("SUPPORT").is_some_and(|value| value == "write") {
        fs::write(&path, page).unwrap();
        return;
    }
    let stored = fs::read_to_string(&path).unwrap();
    let changed = stored.lines().zip(page.lines()).find(|(stored, made)| stored != made);
    assert!(
        changed.is_none() && stored.len() == page.len(),
        "run scripts/support; first change: {changed:?}"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    let text = fs::read(root().join("fixtures/classes.json")).unwrap();
    let keras = Tree::parse(&text, &Limits::default()).unwrap();
    let seen = seen();
    let known: BTreeMap<&str, Vec<&str>> = Registry::classes().into_iter().collect();
    let mut page = String::from(HEAD);
    let mut summary = String::from(
        "| kind | of Keras 3.15 | load | run in a golden model | also of other eras |\n|---|---|---|---|---|\n",
    );
    let mut tables = String::new();
    for (kind, names) in keras.as_object().unwrap() {
        let of_keras: BTreeSet<&str> = names.as_list().unwrap().iter().filter_map(Tree::as_str).collect();
        let ours: BTreeSet<&str> = known.get(kind.as_str()).into_iter().flatten().copied().collect();
        let loads = of_keras.iter().filter(|name| ours.contains(*name)).count();
        let does_run = |name: &&&str| ours.contains(*name) && seen.get(**name).is_some_and(|seen| seen.runs);
        let runs = of_keras.iter().filter(does_run).count();
        let others = ours.difference(&of_keras).count();
        let _ = writeln!(summary, "| {kind} | {} | {loads} | {runs} | {others} |", of_keras.len());
        let _ = write!(
            tables,
            "\n## {kind}\n\n| class | loads | runs | trains | exports | worst |\n|---|---|---|---|---|---|\n"
        );
        for name in of_keras.union(&ours) {
            let loads = ours.contains(name);
            let _ = writeln!(tables, "{}", row(name, loads, seen.get(*name).filter(|_| loads)));
        }
    }
    page.push_str(&summary);
    page.push_str(&tables);
    page
}

const HEAD: &str = "# What is supported\n
Made by `scripts/support` from the lists in the code and the golden models that Keras 3.15 wrote (`fixtures/golden`); a test fails
when it is stale.\n
- **loads**: kerata has the class. Any other class is kept when a file is opened, converted and saved, and runs when the file
  carries a trace of it.
- **runs**: it stands in a golden model that gives Keras's numbers on both engines.
- **trains**: a step of training can be made for such a model: gradients and updates. Losses, metrics, optimizers and schedules that
  load are used by `kerata train`; the others are kept in the file.
- **exports**: such a model is written as a SavedModel.
- **worst**: the largest difference from Keras in float32 models that it stands in, `|a - b| / max(1, |b|)`, rounded up to a power
  of ten.\n
Functions of `keras.ops` that are called with Python functions (`cond`, `while_loop`, `scan`, `map`, ...) are not listed: Keras cannot
write them into a file. In a SavedModel or a trace they are graphs, and run.\n
";

fn row(name: &str, loads: bool, seen: Option<&Seen>) -> String {
    let word = |is: bool| if is { "yes" } else { "-" };
    let (runs, trains, exports) = seen.map_or((false, false, false), |s| (s.runs, s.trains, s.exports));
    let worst = match seen.filter(|seen| seen.runs) {
        Some(seen) if seen.worst == 0.0 => "0".to_owned(),
        Some(seen) => format!("1e{}", seen.worst.log10().ceil().max(-8.0)),
        None => "-".to_owned(),
    };
    let worst = if worst.contains("inf") { "-".to_owned() } else { worst };
    format!("| {name} | {} | {} | {} | {} | {worst} |", word(loads), word(runs), word(trains), word(exports))
}

/// Everything that the golden models name.
fn seen() -> BTreeMap<String, Seen> {
    let mut all: BTreeMap<String, Seen> = BTreeMap::new();
    let era = root().join("fixtures/golden/keras-3.15");
    let mut folders: Vec<PathBuf> = fs::read_dir(era).unwrap().flatten().map(|entry| entry.path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("io.npz").exists()) {
        let Ok(artifact) = kerata::open(folder.join("model.keras"), &OpenOptions::new()) else { continue };
        let mut names = BTreeSet::new();
        for tree in artifact.config.iter().chain(&artifact.compile_config) {
            collect(tree, &mut names);
        }
        let worst = worst(&artifact, folder).ok();
        let trains = worst.is_some() && trains(&artifact).is_ok();
        let exports = worst.is_some() && exports(&artifact).is_ok();
        for name in names {
            let entry = all.entry(name).or_default();
            entry.runs |= worst.is_some();
            entry.trains |= trains;
            entry.exports |= exports;
            entry.worst = entry.worst.max(worst.flatten().unwrap_or(0.0));
        }
    }
    all
}

/// Classes and names of functions in a config.
fn collect(tree: &Tree, names: &mut BTreeSet<String>) {
    if let Some(class) = tree.class_name() {
        let name = match (class, tree.get("config")) {
            ("function", Some(Tree::Text(name))) => name.clone(),
            _ => class.to_owned(),
        };
        names.insert(name);
    }
    for (key, value) in tree.as_object().into_iter().flatten() {
        match value {
            Tree::Text(name) if key.ends_with("activation") || key == "optimizer" || key == "loss" => {
                names.insert(name.clone());
            }
            _ => collect(value, names),
        }
    }
    tree.as_list().into_iter().flatten().for_each(|item| collect(item, names));
}

/// The largest difference on both engines; nothing when the model computes in something else than float32.
fn worst(artifact: &Artifact, folder: &Path) -> Result<Option<f64>> {
    let model = Model::from_artifact(artifact, &custom::registry())?;
    let graph = model.trace(false)?;
    let narrowest = narrowest(&graph);
    let input = kerata::input(folder.join("io.npz"))?;
    let stored = npz::read_arrays(input.require_source()?, &Limits::default())?;
    let arrays = |prefix: &str| -> Result<Vec<Array>> {
        (0..).map_while(|at| stored.get(&format!("{prefix}_{at}"))).map(Array::from_variable).collect()
    };
    let (inputs, expected) = (arrays("in")?, arrays("out")?);
    let mut worst = 0.0f64;
    for engine in ["cpu", "reference"] {
        let predictor = Predictor::new(&model, &PredictOptions::new().engine(engine))?;
        let outputs = predictor.run(&inputs)?;
        if outputs.len() != expected.len() {
            return Err(Error::mismatch("another number of outputs"));
        }
        for (found, expected) in outputs.iter().zip(&expected) {
            compare(found, expected, narrowest)?;
            if expected.dtype() == DType::String {
                continue;
            }
            for (a, b) in found.to_f64s()?.into_iter().zip(expected.to_f64s()?) {
                let is_same = a == b || a.is_nan() && b.is_nan();
                worst = worst.max(if is_same { 0.0 } else { (a - b).abs() / b.abs().max(1.0) });
            }
        }
    }
    Ok(Some(worst).filter(|_| narrowest == DType::Float32))
}

fn trains(artifact: &Artifact) -> Result<()> {
    let registry = custom::registry();
    let mut model = Model::from_artifact(artifact, &registry)?;
    model.compile_with(&Compile::new().optimizer("sgd").loss("mean_squared_error"), &registry)?;
    let outputs = model.trace(false)?.output_specs()?;
    let compiled = Compiled::of(&model, &registry)?;
    training::step(&model, &compiled, &Feeds::new(outputs)).map(drop)
}

fn exports(artifact: &Artifact) -> Result<()> {
    let traced = kerata::traced(artifact, &custom::registry())?;
    let format = formats::by_name("saved_model")?;
    format.write(&traced, &mut Output::Folder(&mut Nothing(0)), &WriteOptions::default()).map(drop)
}

/// Keeps nothing of what is written.
struct Nothing(u64);

impl Sink for Nothing {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0 += bytes.len() as u64;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.0
    }

    fn patch(&mut self, _: u64, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

impl FolderSink for Nothing {
    fn create(&mut self, _: &str) -> Result<Box<dyn Sink + '_>> {
        Ok(Box::new(Nothing(0)))
    }
}
