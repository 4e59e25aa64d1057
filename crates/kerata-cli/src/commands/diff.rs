//! `kerata diff A B`.

use std::path::PathBuf;

use clap::Args;
use kerata::diff::{Change, Diff as Differences, VariableChange, VariableChangeKind};
use kerata_core::{Result, Tree};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Diff {
    /// The first model.
    a: PathBuf,
    /// The second model.
    b: PathBuf,
}

impl Run for Diff {
    fn run(self, _: &Context) -> Result<Answer> {
        let options = kerata::OpenOptions::new();
        let (a, b) = (kerata::open(&self.a, &options)?, kerata::open(&self.b, &options)?);
        let diff = kerata::diff::diff(&a, &b)?;
        let json = Tree::from([
            ("equal", Tree::from(diff.is_empty())),
            ("config", changes_json(&diff.config)),
            ("compile_config", changes_json(&diff.compile_config)),
            ("variables", Tree::List(diff.variables.iter().map(variable_json).collect())),
            ("assets", changes_json(&diff.assets)),
            ("equal_variables", Tree::from(diff.equal_variables)),
        ]);
        let mut answer = Answer::new(json, text(&diff));
        answer.is_negative = !diff.is_empty();
        Ok(answer)
    }
}

fn changes_json(changes: &[Change]) -> Tree {
    let entry = |change: &Change| {
        Tree::from([
            ("place", Tree::from(change.place.as_str())),
            ("change", Tree::from(kind(change))),
            ("before", change.before.clone().unwrap_or_default()),
            ("after", change.after.clone().unwrap_or_default()),
        ])
    };
    Tree::List(changes.iter().map(entry).collect())
}

fn variable_json(change: &VariableChange) -> Tree {
    let (kind, before, after, numbers) = match &change.kind {
        VariableChangeKind::Added(after) => ("added", None, Some(after), None),
        VariableChangeKind::Removed(before) => ("removed", Some(before), None, None),
        VariableChangeKind::Retyped(before, after) => ("retyped", Some(before), Some(after), None),
        VariableChangeKind::Changed { max_abs, cosine } => ("changed", None, None, Some((*max_abs, *cosine))),
        _ => ("other", None, None, None),
    };
    Tree::from([
        ("path", Tree::from(change.path.as_str())),
        ("change", Tree::from(kind)),
        ("before", Tree::from(before.cloned())),
        ("after", Tree::from(after.cloned())),
        ("max_abs", Tree::from(numbers.map(|numbers| numbers.0))),
        ("cosine", Tree::from(numbers.map(|numbers| numbers.1))),
    ])
}

fn kind(change: &Change) -> &'static str {
    match (&change.before, &change.after) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    }
}

fn text(diff: &Differences) -> String {
    if diff.is_empty() {
        return format!("equal: config and {} variables\n", diff.equal_variables);
    }
    let mut out = String::new();
    for (title, changes) in [("config", &diff.config), ("compile config", &diff.compile_config), ("asset", &diff.assets)] {
        for change in changes {
            let show = |tree: &Option<Tree>| tree.as_ref().map_or("(none)".to_owned(), |tree| short(&tree.to_json()));
            out.push_str(&format!("{title} {}: {} -> {}\n", change.place, show(&change.before), show(&change.after)));
        }
    }
    for change in &diff.variables {
        let what = match &change.kind {
            VariableChangeKind::Added(after) => format!("added, {after}"),
            VariableChangeKind::Removed(before) => format!("removed, {before}"),
            VariableChangeKind::Retyped(before, after) => format!("{before} -> {after}"),
            VariableChangeKind::Changed { max_abs, cosine } => {
                format!("max abs {max_abs:.6e}, cosine {cosine:.9}")
            }
            _ => "differs".to_owned(),
        };
        out.push_str(&format!("variable {}: {what}\n", change.path));
    }
    out.push_str(&format!(
        "{} places of the config, {} variables and {} assets differ; {} variables are equal\n",
        diff.config.len() + diff.compile_config.len(),
        diff.variables.len(),
        diff.assets.len(),
        diff.equal_variables
    ));
    out
}

fn short(json: &str) -> String {
    const MAX_CHARS: usize = 60;
    match json.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.to_owned(),
    }
}
