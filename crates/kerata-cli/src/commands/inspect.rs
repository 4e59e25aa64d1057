//! `kerata inspect FILE`.

use std::path::PathBuf;

use clap::Args;
use kerata::inspect::Report;
use kerata::text::{memory, thousands};
use kerata_core::Result;

use super::Run;
use crate::answer::Answer;
use crate::context::Context;


#[derive(Args)]
pub struct Inspect {
    /// A model file, an unzipped .keras folder, a SavedModel folder, a checkpoint prefix.
    file: PathBuf,
}

impl Run for Inspect {
    fn run(self, _: &Context) -> Result<Answer> {
        let report = kerata::inspect::inspect(&self.file, &kerata::OpenOptions::new())?;
        Ok(Answer::new(report.to_tree(), text(&self.file.display().to_string(), &report)))
    }
}

fn text(file: &str, report: &Report) -> String {
    let mut out = format!("{file}\n");
    let mut line = |label: &str, value: String| out.push_str(&format!("  {label:<12} {value}\n"));

    let writer = report.keras_version.as_ref().map(|version| format!(", written by Keras {version}"));
    let date = report.date_saved.as_ref().map(|date| format!(", {date}"));
    line("format", format!("{}{}{}", report.format, writer.unwrap_or_default(), date.unwrap_or_default()));
    if let Some(class) = &report.class_name {
        let name = report.name.as_ref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
        line("model", format!("{class}{name}, {} layers", report.layers));
        let classes: Vec<String> =
            report.layer_classes.iter().map(|(class, count)| format!("{class} {count}")).collect();
        line("layers", wrapped(&classes));
    }
    let split = report.trainable.map(|trainable| {
        let fixed = report.parameters.saturating_sub(trainable);
        format!(" ({} trainable, {} non-trainable)", thousands(trainable), thousands(fixed))
    });
    line("parameters", format!("{}{}", thousands(report.parameters), split.unwrap_or_default()));
    if report.optimizer.is_some() || report.optimizer_parameters > 0 {
        let class = report.optimizer.as_deref().unwrap_or("unknown class");
        line("optimizer", format!("{class}, {} values of state", thousands(report.optimizer_parameters)));
    }
    let dtypes: Vec<String> =
        report.bytes_by_dtype.iter().map(|(dtype, size)| format!("{dtype} {}", memory(*size))).collect();
    line("variables", format!("{}, {} ({})", report.variables, memory(report.variable_bytes), dtypes.join(", ")));
    if !report.assets.is_empty() {
        line("assets", wrapped(&report.assets));
    }
    if !report.custom_objects.is_empty() {
        line("custom", wrapped(&report.custom_objects));
    }
    for note in &report.notes {
        line("note", note.clone());
    }
    out
}

/// A list on lines of about 90 characters, later lines under the first.
fn wrapped(items: &[String]) -> String {
    const WIDTH: usize = 90;
    let mut out = String::new();
    let mut used = 0;
    for (position, item) in items.iter().enumerate() {
        let separator = if position + 1 < items.len() { ", " } else { "" };
        if used > 0 && used + item.len() > WIDTH {
            out.push_str(&format!("\n{:15}", ""));
            used = 0;
        }
        out.push_str(item);
        out.push_str(separator);
        used += item.len() + separator.len();
    }
    out
}
