//! `kerata export MODEL DST --to saved_model`.

use std::path::PathBuf;

use clap::Args;
use kerata::export::{Check, ExportOptions, Signature};
use kerata::text::memory;
use kerata::{OpenOptions, Registry, SaveOptions};
use kerata_core::{Error, Result, ResultExt, Tree};

use super::Run;
use super::arrays::read_arrays;
use super::target::Target;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Export {
    /// The model to read, of any format.
    model: PathBuf,
    /// The folder to write.
    dst: PathBuf,
    #[command(flatten)]
    target: Target,
    /// A signature; `NAME=TRACE` for another call than that for inference (`training`, a signature of the file).
    #[arg(long = "signature", value_name = "NAME[=TRACE]")]
    signatures: Vec<String>,
    /// Size of the first axis of all inputs; open without it.
    #[arg(long, value_name = "N")]
    batch: Option<u64>,
    /// Names of the arguments, in the model's order.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    input_names: Vec<String>,
    /// Names of the results, in the model's order.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    output_names: Vec<String>,
    /// Add the signature `train_step`: one step of training, from the compile config.
    #[arg(long)]
    train_step: bool,
    /// Keep the optimizer's variables.
    #[arg(long)]
    include_optimizer: bool,
    /// Keep what the model computes; with `false` only its config and variables.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    save_traces: bool,
    /// Compare the model and what was written on these inputs, instead of random numbers.
    #[arg(long, value_name = "IN.npz", conflicts_with = "no_check")]
    check: Option<PathBuf>,
    /// Compare nothing.
    #[arg(long)]
    no_check: bool,
}

impl Run for Export {
    fn run(self, context: &Context) -> Result<Answer> {
        if !self.target.keeps_graphs() {
            return Err(Error::usage("export writes graphs").hint("add --to saved_model"));
        }
        let artifact = kerata::open(&self.model, &OpenOptions::new())?;
        let mut options = ExportOptions::new();
        options.signatures = self.signatures();
        options.train_step = self.train_step;
        options.include_optimizer = self.include_optimizer;
        options.without_traces = !self.save_traces;
        options.check = match &self.check {
            Some(path) => Check::Inputs(read_arrays(path)?),
            None if self.no_check => Check::Off,
            None => Check::Random,
        };
        let registry = Registry::new();
        let place = || self.model.display().to_string();
        let exported = self.target.watched(&artifact, &self.dst, SaveOptions::new(), context, |save| {
            kerata::export::export(&artifact, &self.dst, &registry, &options.save(save)).at(place)
        })?;
        let saved = &exported.saved;
        let json = Tree::from([
            ("format", Tree::from(saved.format)),
            ("bytes", Tree::from(saved.bytes)),
            ("signatures", Tree::from(exported.signatures.clone())),
            ("difference", exported.difference.map_or(Tree::Null, Tree::from)),
            ("unchecked", exported.unchecked.clone().map_or(Tree::Null, Tree::from)),
        ]);
        let mut text = format!("wrote {} ({}, {})\n", self.dst.display(), saved.format, memory(saved.bytes));
        if !exported.signatures.is_empty() {
            text.push_str(&format!("  signatures: {}\n", exported.signatures.join(", ")));
        }
        match (exported.difference, &exported.unchecked) {
            (Some(most), _) => text.push_str(&format!("  checked: the largest difference is {most:e}\n")),
            (None, Some(reason)) => text.push_str(&format!("  not checked: {reason}\n")),
            _ => {}
        }
        Ok(Answer::new(json, text))
    }
}

impl Export {
    fn signatures(&self) -> Vec<Signature> {
        let is_plain = self.batch.is_none() && self.input_names.is_empty() && self.output_names.is_empty();
        let named = match &self.signatures[..] {
            [] if is_plain => return Vec::new(),
            [] => vec!["serving_default".to_owned()],
            named => named.to_vec(),
        };
        let signature = |text: String| {
            let mut signature = match text.split_once('=') {
                Some((name, trace)) => Signature::new(name).trace(trace),
                None => Signature::new(text),
            };
            signature.batch = self.batch;
            signature.inputs.clone_from(&self.input_names);
            signature.outputs.clone_from(&self.output_names);
            signature
        };
        named.into_iter().map(signature).collect()
    }
}
