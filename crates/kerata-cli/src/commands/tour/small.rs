//! Chapter 5: smaller files, with what each costs in accuracy.

use std::time::Instant;

use kerata::formats::Compression;
use kerata::optimize::{Quantization, Target};
use kerata::{Model, OpenOptions, OptimizeOptions, Registry, SaveOptions, optimize};
use kerata_core::{DType, Result};

use super::story::{Form, Story, largest_difference, outputs};
use crate::table::render_within;
use crate::terminal::columns;

/// Name, file, what does it, how, and how it is compressed.
type Smaller = (&'static str, &'static str, &'static str, fn(OptimizeOptions) -> OptimizeOptions, Compression);

const FORMS: &[Smaller] = &[
    (
        "without optimizer",
        "small/inference.keras",
        "kerata optimize digits.keras small/inference.keras --drop-optimizer",
        |options| options.drop_optimizer(true),
        Compression::None,
    ),
    (
        "float16",
        "small/float16.keras",
        "kerata optimize digits.keras small/float16.keras --drop-optimizer --dtype float16",
        |options| options.drop_optimizer(true).dtype(DType::Float16),
        Compression::None,
    ),
    (
        "int8",
        "small/int8.keras",
        "kerata optimize digits.keras small/int8.keras --quantize int8",
        |options| options.quantize(Quantization::INT8),
        Compression::None,
    ),
    (
        "int4",
        "small/int4.keras",
        "kerata optimize digits.keras small/int4.keras --quantize int4",
        |options| options.quantize(Quantization::INT4),
        Compression::None,
    ),
    (
        "int4, compressed",
        "small/smallest.keras",
        "kerata optimize digits.keras small/smallest.keras --for smallest",
        |_| Target::Smallest.options(),
        Compression::Deflate,
    ),
];

pub fn tell(story: &mut Story) -> Result<()> {
    story.chapter("Small files: what is saved, what it costs");
    let original = kerata::open(story.path("digits.keras"), &OpenOptions::new())?;
    let whole = std::fs::metadata(story.path("digits.keras")).map_or(0, |found| found.len());
    let accuracy = story.accuracy(&story.expected)?;
    story.forms.push(Form { name: "as trained", bytes: whole, accuracy, largest_difference: 0.0 });
    std::fs::create_dir_all(story.path("small"))
        .map_err(|error| kerata_core::Error::io("make the folder", &error))?;

    for (name, file, how, set, compression) in FORMS {
        let path = story.path(file);
        let start = Instant::now();
        let (smaller, _) = optimize(&original, &set(OptimizeOptions::new()))?;
        let saved = story.save(&smaller, &path, SaveOptions::new().compression(*compression))?;
        let loaded = Model::from_artifact(&kerata::open(&path, &OpenOptions::new())?, Registry::built_in())?;
        let output = outputs(&loaded, &story.digits.x_test)?;
        let form = Form {
            name,
            bytes: saved.bytes,
            accuracy: story.accuracy(&output)?,
            largest_difference: largest_difference(&output, &story.expected)?,
        };
        let found = format!("{:.1} % smaller, {:.2} % right", percent_saved(&form, whole), 100.0 * form.accuracy);
        story.step_with(how, start, &path, found);
        story.forms.push(form);
    }
    let rows: Vec<Vec<String>> = story.forms.iter().map(|form| row(form, whole)).collect();
    let header = ["form", "size", "saved", "accuracy", "largest difference"];
    story.say(&indented(&render_within(columns().map(|columns| columns.saturating_sub(3)), &header, &rows, &[1, 2, 3, 4])));
    Ok(())
}

pub fn percent_saved(form: &Form, whole: u64) -> f64 {
    100.0 * (1.0 - form.bytes as f64 / whole.max(1) as f64)
}

pub fn row(form: &Form, whole: u64) -> Vec<String> {
    vec![
        form.name.to_owned(),
        kerata::text::memory(form.bytes),
        format!("{:.1} %", percent_saved(form, whole)),
        format!("{:.2} %", 100.0 * form.accuracy),
        if form.largest_difference == 0.0 { "none".to_owned() } else { format!("{:.1e}", form.largest_difference) },
    ]
}

fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("   {line}\n"));
    std::iter::once("\n".to_owned()).chain(lines).collect()
}
