//! `kerata plot MODEL OUT.svg`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kerata::plot::{PlotOptions, Theme, plot};
use kerata::{OpenOptions, save_with};
use kerata_core::{ErrorKind, Result, Tree};

use super::Run;
use super::train::is_png;
use crate::answer::Answer;
use crate::context::Context;

#[derive(Args)]
pub struct Plot {
    /// The model, of any format.
    model: PathBuf,
    /// The picture to write: `.svg` or `.png`.
    out: PathBuf,
    /// Its colours; an SVG follows the reader's system by itself, a PNG is light.
    #[arg(long, value_enum, default_value_t = Colours::Auto)]
    theme: Colours,
    /// Draw models inside the model as one box each.
    #[arg(long)]
    collapse: bool,
    /// Pixels of a PNG for one of the SVG.
    #[arg(long, default_value_t = 2.0, value_name = "FACTOR")]
    scale: f32,
    /// Replace what is there.
    #[arg(long)]
    overwrite: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colours {
    Auto,
    Light,
    Dark,
}

impl Run for Plot {
    fn run(self, _: &Context) -> Result<Answer> {
        let is_png = is_png(&self.out)?;
        let theme = match self.theme {
            Colours::Auto if is_png => Theme::Light,
            Colours::Auto => Theme::Auto,
            Colours::Light => Theme::Light,
            Colours::Dark => Theme::Dark,
        };
        let artifact = kerata::open(&self.model, &OpenOptions::new())?;
        let options = PlotOptions::new().theme(theme).collapse_nested(self.collapse);
        let svg = plot(&artifact, &options)?;
        let bytes = if is_png { kerata::png(&svg, self.scale)? } else { svg.into_bytes() };
        save_with(&self.out, self.overwrite, |sink| sink.write(&bytes)).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => error.hint("add --overwrite to replace it, or choose another name"),
            _ => error,
        })?;
        let json = Tree::from([
            ("format", Tree::from(if is_png { "png" } else { "svg" })),
            ("bytes", Tree::from(bytes.len() as u64)),
        ]);
        Ok(Answer::new(json, format!("wrote {}\n", self.out.display())))
    }
}
