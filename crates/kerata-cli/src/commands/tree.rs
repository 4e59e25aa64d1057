//! `kerata tree FILE`.

use std::path::PathBuf;

use clap::Args;
use kerata::stats::Stats;
use kerata::text::thousands;
use kerata_core::{Result, ResultExt, Role, Shape, Tree as Json, Variable};

use super::Run;
use crate::answer::Answer;
use crate::context::Context;
use crate::table::render;

#[derive(Args)]
pub struct Tree {
    /// A model file of any format.
    file: PathBuf,
    /// Read every value: mean, standard deviation, minimum, maximum, NaN and infinite counts.
    #[arg(long)]
    stats: bool,
}

impl Run for Tree {
    fn run(self, context: &Context) -> Result<Answer> {
        let artifact = kerata::open(&self.file, &kerata::OpenOptions::new())?;
        let total = artifact.variables.iter().map(|(_, variable)| variable.data.len()).sum();
        let bar = context.progress("reading", if self.stats { total } else { 0 });
        let mut json = Vec::new();
        let mut rows = Vec::new();
        for (path, variable) in artifact.variables.iter() {
            let stats = match self.stats && variable.dtype.size().is_some() {
                true => Some(Stats::of(variable).at(|| format!("variable `{path}`"))?),
                false => None,
            };
            bar.inc(variable.data.len());
            json.push(entry(path, variable, stats.as_ref()));
            rows.push(row(path, variable, stats.as_ref()));
        }
        bar.finish_and_clear();

        let mut header = vec!["path", "dtype", "shape", "bytes", "offset", "name"];
        if self.stats {
            header.extend(["mean", "std", "min", "max", "NaN", "inf"]);
        }
        let right: Vec<usize> = [3, 4].into_iter().chain(6..header.len()).collect();
        let mut text = render(&header, &rows, &right);
        text.push_str(&format!("{} variables, {} bytes\n", rows.len(), thousands(total)));
        Ok(Answer::new(Json::from([("variables", Json::List(json)), ("bytes", Json::from(total))]), text))
    }
}

fn entry(path: &str, variable: &Variable, stats: Option<&Stats>) -> Json {
    let offset = variable.data.as_range().map(|(_, offset, _)| offset);
    let mut entry = vec![
        ("path", Json::from(path)),
        ("dtype", Json::from(variable.dtype.to_string())),
        ("shape", Json::from(variable.shape.clone())),
        ("bytes", Json::from(variable.data.len())),
        ("offset", Json::from(offset)),
        ("role", Json::from(role(variable.role))),
        ("name", Json::from(variable.name.as_deref())),
        ("trainable", Json::from(variable.trainable)),
        ("origin", Json::from(variable.origin.as_deref())),
    ];
    if let Some(stats) = stats {
        entry.extend([
            ("mean", Json::from(stats.mean)),
            ("std", Json::from(stats.std)),
            ("min", Json::from(stats.min)),
            ("max", Json::from(stats.max)),
            ("nan", Json::from(stats.nan)),
            ("infinite", Json::from(stats.infinite)),
            ("zero", Json::from(stats.zero)),
        ]);
    }
    Json::Object(entry.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn row(path: &str, variable: &Variable, stats: Option<&Stats>) -> Vec<String> {
    let mut row = vec![
        path.to_owned(),
        variable.dtype.to_string(),
        Shape::known(variable.shape.iter().copied()).to_string(),
        thousands(variable.data.len()),
        variable.data.as_range().map_or_else(|| "-".to_owned(), |(_, offset, _)| offset.to_string()),
        variable.name.clone().or(variable.origin.clone()).unwrap_or_default(),
    ];
    if let Some(stats) = stats {
        let numbers = [stats.mean, stats.std, stats.min, stats.max].map(|number| format!("{number:.6}"));
        row.extend(numbers);
        row.extend([stats.nan, stats.infinite].map(|count| count.to_string()));
    }
    row
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Weight => "weight",
        Role::Optimizer => "optimizer",
        Role::Metric => "metric",
        Role::Seed => "seed",
        _ => "state",
    }
}
