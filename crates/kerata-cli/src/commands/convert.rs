//! `kerata convert SRC DST`.

use std::path::PathBuf;

use clap::Args;
use kerata::text::memory;
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata_core::{Result, ResultExt, Tree};

use super::target::Target;
use super::{Run, upgrade};
use crate::answer::Answer;
use crate::context::Context;

/// Formats of whole models: one whose layers lack variables could not be loaded from them.
const WHOLE: &[&str] = &["h5", "keras", "keras-folder", "saved_model"];

#[derive(Args)]
pub struct Convert {
    /// The model to read, of any format.
    src: PathBuf,
    /// The file or folder to write; its ending chooses the format.
    dst: PathBuf,
    #[command(flatten)]
    target: Target,
    /// The model that SRC holds the weights of: a model file, `config.json`, or what `model.to_json()` gives.
    #[arg(long, value_name = "MODEL")]
    config: Option<PathBuf>,
    /// Leave the optimizer's state out.
    #[arg(long)]
    drop_optimizer: bool,
    /// Fail when the target cannot hold everything, instead of saying what is lost.
    #[arg(long)]
    strict: bool,
    /// Most bytes of one shard, for `.weights.json` and sharded safetensors (`500MB`, `2GB`).
    #[arg(long, value_parser = parse_bytes, value_name = "SIZE")]
    max_shard_size: Option<u64>,
}

impl Run for Convert {
    fn run(self, context: &Context) -> Result<Answer> {
        let mut artifact = match &self.config {
            Some(model) => kerata::open_with(&self.src, model, &OpenOptions::new())?,
            None => kerata::open(&self.src, &OpenOptions::new())?,
        };
        // SavedModels name their variables in their own way, and their graphs say what is needed.
        let is_keras = !matches!(artifact.metadata.format.as_deref(), Some("saved_model" | "checkpoint"));
        let (mut changes, mut refused) = (Vec::new(), Vec::new());
        let format = self.target.format(&self.dst);
        if format.is_some_and(|format| kerata::wants_modern(&artifact, format)) {
            (artifact, changes, refused) = kerata::modern(artifact, &Registry::new())?;
        }
        if is_keras && format.is_some_and(|format| WHOLE.contains(&format)) {
            kerata::formats::walk::check_variables(&artifact).at(|| self.src.display().to_string())?;
        }
        let dropped = if self.drop_optimizer { artifact.drop_optimizer() } else { 0 };
        if self.target.keeps_graphs() {
            artifact = kerata::traced(&artifact, &Registry::new())?;
        }
        let mut options = SaveOptions::new().strict(self.strict);
        options.max_shard_bytes = self.max_shard_size;
        let report = self.target.save(&artifact, &self.dst, options, context)?;

        let json = Tree::from([
            ("format", Tree::from(report.format)),
            ("bytes", Tree::from(report.bytes)),
            ("optimizer_bytes_dropped", Tree::from(dropped)),
            ("lost", Tree::from(report.losses.losses().to_vec())),
            ("notes", Tree::from(artifact.notes.clone())),
            ("changes", upgrade::entries(&changes)),
            ("not_loadable", Tree::List(refused.iter().map(|one| Tree::from(format!("{}: {}", one.place, one.why))).collect())),
        ]);
        let mut text = format!("wrote {} ({}, {})\n", self.dst.display(), report.format, memory(report.bytes));
        for change in &changes {
            text.push_str(&format!("  {}: {}\n", change.place, change.what));
        }
        for one in &refused {
            text.push_str(&format!("  Keras 3 cannot load it as it is: {}: {}\n", one.place, one.why));
        }
        for note in &artifact.notes {
            text.push_str(&format!("  note: {note}\n"));
        }
        for loss in report.losses.losses() {
            text.push_str(&format!("  not kept: {loss}\n"));
        }
        Ok(Answer::new(json, text))
    }
}

/// `500MB`, `2 GiB`, `1000000`: powers of 1024, as Keras counts shards.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().trim_end_matches('B').trim_end_matches('I') {
        "" => 1u64,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1 << 40,
        _ => return Err(format!("`{unit}` is no unit of bytes")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{number}` is no number"))?;
    let bytes = number * factor as f64;
    if bytes >= 1.0 && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err("expected at least one byte".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!(parse_bytes("500MB"), Ok(500 << 20));
        assert_eq!(parse_bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(parse_bytes("42"), Ok(42));
        assert!(parse_bytes("0").is_err() && parse_bytes("1 parsec").is_err());
    }
}
