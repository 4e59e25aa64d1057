//! `Story`: what the tour has made so far, and its telling.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kerata::core::array::Array;
use kerata::datasets::Split;
use kerata::text::memory;
use kerata::train::History;
use kerata::{Model, PredictOptions, Predictor, SaveOptions, Saved};
use kerata_core::{Artifact, Error, Result, Tree};

use super::network::accuracy;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render_within;
use crate::terminal::{columns, wrapped};

/// What the chapters share.
pub struct Story {
    pub dir: PathBuf,
    pub context: Context,
    pub digits: Split,
    /// The trained model.
    pub model: Model,
    pub history: History,
    /// Its answers for the images to test with.
    pub expected: Array,
    pub chapters: Vec<Told>,
    pub forms: Vec<Form>,
    /// The file that says whose folder it is.
    pub mark: Option<PathBuf>,
    started: Instant,
}

/// A chapter as it was told.
pub struct Told {
    pub title: &'static str,
    pub steps: Vec<Step>,
}

/// One step: what it took, what it left, what was found.
pub struct Step {
    /// The command, or the lines of Rust, that do it.
    pub how: &'static str,
    pub seconds: f64,
    /// The file or folder that it leaves, if any, with its bytes.
    pub left: Option<(PathBuf, u64)>,
    pub found: String,
}

/// A form of the model by size: for the chart and the table.
pub struct Form {
    pub name: &'static str,
    pub bytes: u64,
    pub accuracy: f64,
    pub largest_difference: f64,
}

impl Story {
    pub fn new(dir: PathBuf, context: Context, digits: Split, model: Model, history: History) -> Result<Self> {
        let expected = outputs(&model, &digits.x_test)?;
        let started = Instant::now();
        let (chapters, forms) = (Vec::new(), Vec::new());
        Ok(Self { dir, context, digits, model, history, expected, chapters, forms, mark: None, started })
    }

    /// Tells of the time before the story had a model.
    pub fn started(mut self, started: Instant) -> Self {
        self.started = started;
        self
    }

    /// Begins a chapter.
    pub fn chapter(&mut self, title: &'static str) {
        self.say(&format!("\n{}. {title}\n", self.chapters.len() + 1));
        self.chapters.push(Told { title, steps: Vec::new() });
    }

    /// Tells a step that began at a time and leaves nothing.
    pub fn step(&mut self, how: &'static str, start: Instant, found: impl Into<String>) {
        self.tell(Step { how, seconds: start.elapsed().as_secs_f64(), left: None, found: found.into() });
    }

    /// Tells a step that left a file or folder.
    pub fn step_with(&mut self, how: &'static str, start: Instant, path: &Path, found: impl Into<String>) {
        let left = Some((path.to_owned(), bytes_at(path)));
        self.tell(Step { how, seconds: start.elapsed().as_secs_f64(), left, found: found.into() });
    }

    fn tell(&mut self, step: Step) {
        let mut text = String::new();
        for line in step.how.lines() {
            text.push_str(&format!("   {line}\n"));
        }
        let time = time(step.seconds);
        let line = match &step.left {
            Some((path, bytes)) => format!("{}  {}  {time}  {}", path.display(), memory(*bytes), step.found),
            None => format!("{time}  {}", step.found),
        };
        text.push_str(&wrapped(&line, 5, columns()));
        text.push('\n');
        self.say(&text);
        if let Some(told) = self.chapters.last_mut() {
            told.steps.push(step);
        }
    }

    /// Shows text as it comes, unless the answer is JSON.
    pub fn say(&self, text: &str) {
        say(&self.context, text);
    }

    /// A path in the folder of the tour.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Saves over what an earlier tour left.
    pub fn save(&self, artifact: &Artifact, path: &Path, options: SaveOptions) -> Result<Saved> {
        kerata::save(artifact, path, &options.overwrite(true))
    }

    /// Whether Ctrl-C was pressed.
    pub fn check_stop(&self) -> Result<()> {
        match self.context.stop.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err(Error::interrupted("interrupted: what is there already stays")),
            false => Ok(()),
        }
    }

    /// The share of the test images that these answers get right.
    pub fn accuracy(&self, outputs: &Array) -> Result<f64> {
        accuracy(outputs, &self.digits.y_test)
    }

    /// The end: all that was left, in a table.
    pub fn end(self) -> Answer {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut files = Vec::new();
        let mut rows = Vec::new();
        let mark = self.mark.as_ref().map(|path| (path.clone(), bytes_at(path)));
        for (path, bytes) in mark.iter().chain(self.chapters.iter().flat_map(|told| &told.steps).filter_map(|step| step.left.as_ref())) {
            rows.push(vec![path.display().to_string(), memory(*bytes)]);
            files.push(Tree::from([
                ("path", Tree::from(path.display().to_string())),
                ("bytes", Tree::from(*bytes)),
            ]));
        }
        let forms = self.forms.iter().map(|form| {
            Tree::from([
                ("name", Tree::from(form.name)),
                ("bytes", Tree::from(form.bytes)),
                ("accuracy", Tree::from(form.accuracy)),
                ("largest_difference", Tree::from(form.largest_difference)),
            ])
        });
        let json = Tree::from([
            ("files", Tree::List(files)),
            ("forms", Tree::List(forms.collect())),
            ("history", self.history.to_tree()),
            ("seconds", Tree::from(seconds)),
        ]);
        let mut text = format!("\n{}", render_within(columns(), &["left behind", "size"], &rows, &[1]));
        let page = self.path("report.html");
        text.push_str(&format!(
            "\n{}\n{}\n",
            wrapped(&format!("All of it in {seconds:.1} s. Open {} in a browser, or try", page.display()), 0, columns()),
            wrapped("kerata inspect | summary | tree --stats | plot  on any of these, or on a file of yours.", 2, columns())
        ));
        Answer::new(json, text)
    }
}

/// Shows text as it comes, unless the answer is JSON.
pub fn say(context: &Context, text: &str) {
    use std::io::Write;
    if !context.json {
        // A reader that has gone away is no failure.
        let _ = anstream::stdout().write_all(text.as_bytes());
    }
}

/// What a model gives for images.
pub fn outputs(model: &Model, images: &Array) -> Result<Array> {
    let outputs = Predictor::new(model, &PredictOptions::new())?.run(std::slice::from_ref(images))?;
    outputs.into_iter().next().ok_or_else(|| Error::internal("the model has no output"))
}

/// The largest difference of two answers.
pub fn largest_difference(a: &Array, b: &Array) -> Result<f64> {
    let (a, b) = (a.to_f64s()?, b.to_f64s()?);
    if a.len() != b.len() {
        return Err(Error::internal("two forms of a model give answers of two shapes"));
    }
    Ok(a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max))
}

/// Bytes of a file, or of all files in a folder.
fn bytes_at(path: &Path) -> u64 {
    let Ok(found) = std::fs::metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes_at(&entry.path())).sum()
}

/// A time for people.
pub fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}
