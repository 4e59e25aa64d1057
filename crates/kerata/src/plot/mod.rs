//! `plot`: the architecture of a model as an SVG picture, laid out here: no other program is needed.
//!
//! Layers stand in rows by their distance from the inputs, nested models are boxes with their layers inside, long models
//! are broken into columns where a single tensor passes.

mod columns;
mod diagram;
mod kinds;
mod layout;
mod order;
mod place;
mod svg;
mod text_width;

use kerata_core::{Artifact, Result};
use kerata_nn::{Model, Registry};

use crate::summary::Report;
use diagram::Diagram;

/// How a picture looks.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PlotOptions {
    /// Its colours.
    pub theme: Theme,
    /// Whether layers of models inside the model are hidden.
    pub collapse_nested: bool,
}

/// The colours of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light or dark, as the reader's system has it.
    #[default]
    Auto,
    /// Dark on white.
    Light,
    /// Light on black.
    Dark,
}

impl PlotOptions {
    /// Light or dark by the reader's system, nested models open.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the colours.
    #[must_use]
    pub fn theme(mut self, theme: Theme) -> Self {
        self.theme = theme;
        self
    }

    /// Sets whether layers of models inside the model are hidden.
    #[must_use]
    pub fn collapse_nested(mut self, collapse: bool) -> Self {
        self.collapse_nested = collapse;
        self
    }
}

/// The architecture of a saved model as an SVG document. Models whose code is missing are drawn too, with what is known.
pub fn plot(artifact: &Artifact, options: &PlotOptions) -> Result<String> {
    let registry = Registry::new();
    let report = Report::of(artifact, &registry, !options.collapse_nested)?;
    let model = Model::from_artifact(artifact, &registry)?;
    let mut diagram = Diagram::of(&report.summary);
    diagram.add_inputs(&model);
    Ok(svg::draw(&diagram, &report.summary, options.theme))
}
