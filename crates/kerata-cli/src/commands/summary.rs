//! `kerata summary FILE`.

use std::path::PathBuf;

use clap::Args;
use kerata::summary::Report;
use kerata::{OpenOptions, Registry};
use kerata_core::{Result, ResultExt, Tree};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Summary {
    /// A model file of any format.
    file: PathBuf,
    /// Show the layers of inner models too.
    #[arg(long)]
    expand_nested: bool,
    /// Characters of a line.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(30..))]
    line_length: Option<u16>,
}

impl Run for Summary {
    fn run(self, _: &Context) -> Result<Answer> {
        let artifact = kerata::open(&self.file, &OpenOptions::new())?;
        let report = Report::of(&artifact, Registry::built_in(), self.expand_nested)
            .at(|| self.file.display().to_string())?;
        let rows = report.summary.rows.iter().map(|row| {
            Tree::from([
                ("name", Tree::from(row.name.as_str())),
                ("class_name", Tree::from(row.class_name.as_str())),
                ("depth", Tree::from(row.depth)),
                ("output_shape", Tree::from(row.output_shape.as_str())),
                ("parameters", Tree::from(row.parameters)),
                ("bytes", Tree::from(row.bytes)),
                ("connected_to", Tree::from(row.connected_to.clone())),
            ])
        });
        let summary = &report.summary;
        let json = Tree::from([
            ("name", Tree::from(summary.name.as_str())),
            ("layers", Tree::List(rows.collect())),
            ("trainable", Tree::from(summary.trainable)),
            ("non_trainable", Tree::from(summary.non_trainable)),
            ("optimizer", Tree::from(report.optimizer)),
            ("trainable_bytes", Tree::from(summary.trainable_bytes)),
            ("non_trainable_bytes", Tree::from(summary.non_trainable_bytes)),
            ("optimizer_bytes", Tree::from(report.optimizer_bytes)),
        ]);
        Ok(Answer::new(json, report.text(self.line_length.map(usize::from))))
    }
}
