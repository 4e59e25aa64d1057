//! `kerata optimize SRC DST`.

use std::path::{Path, PathBuf};

use clap::Args;
use kerata::optimize::{Activations, Quantization};
use kerata::text::memory;
use kerata::{OpenOptions, OptimizeOptions, SaveOptions};
use kerata_core::{DType, Result, Tree};

use super::Run;
use super::target::Target;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Optimize {
    /// The model to read, of any format; it is not touched.
    src: PathBuf,
    /// The file or folder to write; its ending chooses the format.
    dst: PathBuf,
    #[command(flatten)]
    target: Target,
    /// Leave the optimizer's state out.
    #[arg(long)]
    drop_optimizer: bool,
    /// Store float weights in half precision.
    #[arg(long, value_parser = parse_half, value_name = "float16|bfloat16")]
    dtype: Option<DType>,
    /// Quantize dense layers and embeddings, in Keras's own layouts.
    #[arg(long, value_name = "int8|int4|float8", value_parser = ["int8", "int4", "float8"])]
    quantize: Option<String>,
    /// Weights that share a scale with int4; -1 for a whole channel.
    #[arg(long, value_name = "N", default_value_t = 128, allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-1..))]
    block_size: i64,
    /// With int8, quantize weights only: inputs of layers stay floats.
    #[arg(long)]
    weights_only: bool,
}

impl Optimize {
    fn options(&self) -> OptimizeOptions {
        let mut options = OptimizeOptions::new().drop_optimizer(self.drop_optimizer);
        if let Some(dtype) = self.dtype {
            options = options.dtype(dtype);
        }
        let quantization = self.quantize.as_deref().map(|mode| match mode {
            "int8" if self.weights_only => Quantization::Int8(Activations::Float),
            "int8" => Quantization::INT8,
            "int4" => Quantization::Int4 { block_size: usize::try_from(self.block_size).ok().filter(|size| *size > 0) },
            _ => Quantization::Float8,
        });
        if let Some(quantization) = quantization {
            options = options.quantize(quantization);
        }
        options
    }
}

impl Run for Optimize {
    fn run(self, context: &Context) -> Result<Answer> {
        let before = bytes_at(&self.src);
        let artifact = kerata::open(&self.src, &OpenOptions::new())?;
        let (smaller, report) = kerata::optimize(&artifact, &self.options())?;
        let saved = self.target.save(&smaller, &self.dst, SaveOptions::new(), context)?;
        let percent = if before == 0 { 0.0 } else { 100.0 * (1.0 - saved.bytes as f64 / before as f64) };

        let json = Tree::from([
            ("format", Tree::from(saved.format)),
            ("file_bytes_before", Tree::from(before)),
            ("file_bytes_after", Tree::from(saved.bytes)),
            ("file_percent_saved", Tree::from(percent)),
            ("variables", report.to_tree()),
            ("lost", Tree::from(saved.losses.losses().to_vec())),
        ]);
        let mut text = report.to_text();
        for loss in saved.losses.losses() {
            text.push_str(&format!("  not kept: {loss}\n"));
        }
        text.push_str(&format!(
            "wrote {} ({}): {} -> {}, {percent:.1}% saved\n",
            self.dst.display(),
            saved.format,
            memory(before),
            memory(saved.bytes)
        ));
        Ok(Answer::new(json, text))
    }
}

/// Bytes of a file, of all files of a folder, or of the files of a checkpoint prefix.
fn bytes_at(path: &Path) -> u64 {
    let Ok(found) = std::fs::metadata(path) else {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let prefix = path.file_name().map(|name| format!("{}.", name.to_string_lossy())).unwrap_or_default();
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
        return ours.map(|entry| bytes_at(&entry.path())).sum();
    };
    if !found.is_dir() {
        return found.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    // Links are not followed: a folder may hold one to itself.
    let own = entries.filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()));
    own.map(|entry| bytes_at(&entry.path())).sum()
}

fn parse_half(text: &str) -> Result<DType, String> {
    match text.parse() {
        Ok(dtype @ (DType::Float16 | DType::Bfloat16)) => Ok(dtype),
        _ => Err("expected float16 or bfloat16".to_owned()),
    }
}
