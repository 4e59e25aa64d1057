//! `kerata optimize SRC DST`.

use std::path::{Path, PathBuf};

use clap::Args;
use kerata::optimize::{Activations, Evaluation, Quantization, Samples, TARGETS, Target, search};
use kerata::text::memory;
use kerata::formats::Compression;
use kerata::{OpenOptions, OptimizeOptions, OptimizeReport, Registry, SaveOptions};
use kerata_core::{Artifact, DType, Error, Result, ResultExt, Tree};

use super::Run;
use super::arrays::read_arrays;
use super::target::Target as Written;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Optimize {
    /// The model to read, of any format; it is not touched.
    src: PathBuf,
    /// The file or folder to write; its ending chooses the format.
    dst: PathBuf,
    #[command(flatten)]
    target: Written,
    /// What the model is to be good at; chooses the steps and says why. Steps that are named come on top.
    #[arg(long = "for", value_name = "TARGET", value_parser = TARGETS.iter().map(|entry| entry.0).collect::<Vec<_>>())]
    purpose: Option<String>,
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
    #[arg(long, value_name = "N", default_value_t = 128, allow_negative_numbers = true, value_parser = parse_block)]
    block_size: i64,
    /// With int8, quantize weights only: inputs of layers stay floats.
    #[arg(long)]
    weights_only: bool,
    /// Inputs (`.npz`) to take the scales of activations from, with float8.
    #[arg(long, value_name = "X.npz")]
    calibrate: Option<PathBuf>,
    /// Fold BatchNormalization into the layer before it.
    #[arg(long)]
    fold: bool,
    /// Leave out variables that nothing reads, and second copies.
    #[arg(long)]
    prune: bool,
    /// Compress tensors and config, without loss: `deflate` is what Keras reads, `zstd` what only kerata reads.
    #[arg(long, value_name = "deflate|zstd", num_args = 0..=1, require_equals = true, default_missing_value = "deflate",
          value_parser = ["deflate", "zstd"])]
    compress: Option<String>,
    /// Inputs and expected classes to measure on.
    #[arg(long, value_name = "X.npz,Y.npz", value_parser = parse_pair)]
    eval: Option<(PathBuf, PathBuf)>,
    /// Find the smallest form that loses at most this much accuracy on --eval (`0.5%` or `0.005`).
    #[arg(long, value_name = "SHARE", value_parser = parse_share, requires = "eval")]
    max_accuracy_drop: Option<f64>,
}

/// What was made, and how it was found.
struct Made {
    artifact: Artifact,
    report: OptimizeReport,
    search: Option<(Tree, String)>,
}

impl Run for Optimize {
    fn run(self, context: &Context) -> Result<Answer> {
        let before = bytes_at(&self.src);
        let registry = Registry::new();
        let artifact = kerata::open(&self.src, &OpenOptions::new())?;
        let samples = self.eval.as_ref().map(|(x, y)| read_samples(x, y)).transpose()?;
        let original = samples.as_ref().map(|samples| samples.evaluate(&artifact, &registry)).transpose()?;
        let target = self.purpose.as_deref().map(Target::named).transpose()?;
        let made = self.make(&artifact, samples.as_ref(), target, &registry)?;
        let after = samples.as_ref().map(|samples| samples.evaluate(&made.artifact, &registry)).transpose()?;

        let mut written = made.artifact;
        if self.target.keeps_graphs() {
            written = kerata::traced(&written, &registry)?;
        }
        let options = SaveOptions::new().compression(self.compression(target));
        let saved = self.target.save(&written, &self.dst, options, context)?;
        let percent = if before == 0 { 0.0 } else { 100.0 * (1.0 - saved.bytes as f64 / before as f64) };

        let reasons = target.map_or(&[][..], Target::reasons);
        let mut json = vec![
            ("format".to_owned(), Tree::from(saved.format)),
            ("file_bytes_before".to_owned(), Tree::from(before)),
            ("file_bytes_after".to_owned(), Tree::from(saved.bytes)),
            ("file_percent_saved".to_owned(), Tree::from(percent)),
            ("variables".to_owned(), made.report.to_tree()),
            ("reasons".to_owned(), Tree::from(reasons.to_vec())),
            ("lost".to_owned(), Tree::from(saved.losses.losses().to_vec())),
        ];
        let mut text = String::new();
        for reason in reasons {
            text.push_str(&format!("  - {reason}\n"));
        }
        if let Some((tree, lines)) = made.search {
            json.push(("tried".to_owned(), tree));
            text.push_str(&lines);
        }
        text.push_str(&made.report.to_text());
        for loss in saved.losses.losses() {
            text.push_str(&format!("  not kept: {loss}\n"));
        }
        if let (Some(original), Some(after)) = (original, after) {
            let (tree, line) = compared(&original, &after)?;
            json.push(("eval".to_owned(), tree));
            text.push_str(&line);
        }
        text.push_str(&format!(
            "wrote {} ({}): {} -> {}, {percent:.1}% saved\n",
            self.dst.display(),
            saved.format,
            memory(before),
            memory(saved.bytes)
        ));
        Ok(Answer::new(Tree::Object(json.into_iter().collect()), text))
    }
}

impl Optimize {
    fn make(
        &self,
        artifact: &Artifact,
        samples: Option<&Samples>,
        target: Option<Target>,
        registry: &Registry,
    ) -> Result<Made> {
        if let (Some(samples), Some(max_drop)) = (samples, self.max_accuracy_drop) {
            let format = self.target.chosen_format(&self.dst)?;
            let found = search(artifact, samples, max_drop, format, registry)?;
            let (tree, text) = (found.to_tree(), found.to_text());
            return Ok(Made { artifact: found.artifact, report: found.report, search: Some((tree, text)) });
        }
        let (artifact, report) = kerata::optimize::optimize_with(artifact, &self.options(target)?, registry)?;
        Ok(Made { artifact, report, search: None })
    }

    fn options(&self, target: Option<Target>) -> Result<OptimizeOptions> {
        let mut options = target.map(Target::options).unwrap_or_default();
        options.drop_optimizer |= self.drop_optimizer;
        options.fold |= self.fold;
        options.prune |= self.prune;
        options.dtype = self.dtype.or(options.dtype);
        let block_size = usize::try_from(self.block_size).ok();
        let quantization = self.quantize.as_deref().map(|mode| match mode {
            "int8" if self.weights_only => Quantization::Int8(Activations::Float),
            "int8" => Quantization::INT8,
            "int4" => Quantization::Int4 { block_size },
            _ => Quantization::Float8,
        });
        options.quantize = quantization.or(options.quantize);
        if let Some(path) = &self.calibrate {
            options.calibrate = Some(read_arrays(path)?);
        }
        Ok(options)
    }

    fn compression(&self, target: Option<Target>) -> Compression {
        let by_itself = self.max_accuracy_drop.is_some() || target.is_some_and(Target::compresses);
        match self.compress.as_deref() {
            Some("zstd") => Compression::Zstd,
            Some(_) => Compression::Deflate,
            None if by_itself => Compression::Deflate,
            None => Compression::None,
        }
    }
}

/// Accuracy before and after, and how far outputs moved.
fn compared(original: &Evaluation, after: &Evaluation) -> Result<(Tree, String)> {
    let difference = after.largest_difference(original)?;
    let share = |accuracy: Option<f64>| accuracy.map_or(Tree::Null, Tree::from);
    let tree = Tree::from([
        ("accuracy_before", share(original.accuracy)),
        ("accuracy_after", share(after.accuracy)),
        ("largest_difference", Tree::from(difference)),
    ]);
    let accuracy = match (original.accuracy, after.accuracy) {
        (Some(before), Some(after)) => format!("accuracy {:.2}% -> {:.2}%, ", 100.0 * before, 100.0 * after),
        _ => String::new(),
    };
    Ok((tree, format!("  {accuracy}largest difference of an output {difference:.3e}\n")))
}

fn read_samples(x: &Path, y: &Path) -> Result<Samples> {
    let targets = read_arrays(y)?;
    let [targets] = &targets.values().collect::<Vec<_>>()[..] else {
        let found = targets.len();
        return Err(Error::mismatch(format!("expected one array of classes, found {found}")))
            .at(|| y.display().to_string());
    };
    Ok(Samples { inputs: read_arrays(x)?, targets: (*targets).clone() })
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

fn parse_block(text: &str) -> Result<i64, String> {
    match text.parse() {
        Ok(size) if size == -1 || size > 0 => Ok(size),
        _ => Err("expected a positive number, or -1".to_owned()),
    }
}

fn parse_pair(text: &str) -> Result<(PathBuf, PathBuf), String> {
    match text.split_once(',') {
        Some((x, y)) if !x.is_empty() && !y.is_empty() => Ok((x.into(), y.into())),
        _ => Err("expected X.npz,Y.npz".to_owned()),
    }
}

/// `0.5%` or `0.005`.
fn parse_share(text: &str) -> Result<f64, String> {
    let (number, factor) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 0.01));
    match number.trim().parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&(share * factor)) => Ok(share * factor),
        _ => Err("expected a share such as 0.5%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_block, parse_share};

    #[test]
    fn shares_are_percent_or_plain() {
        assert_eq!(parse_share("0.5%"), Ok(0.005));
        assert_eq!(parse_share("0.005"), Ok(0.005));
        assert!(parse_share("150%").is_err() && parse_share("-1").is_err() && parse_share("NaN").is_err());
    }

    #[test]
    fn a_block_has_weights() {
        assert_eq!(parse_block("-1"), Ok(-1));
        assert!(parse_block("0").is_err());
    }
}
