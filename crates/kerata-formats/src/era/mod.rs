//! Configs of older Keras eras, brought to the Keras 3 dialect without changing what they mean.
//!
//! The rules are rows of one table ([`rows`]): era, class, field, what is done. `docs/formats/eras.md` lists them.

mod activation;
mod compile;
mod compose;
mod graph;
mod known;
mod marks;
mod merge;
mod modules;
mod objects;
mod order;
mod relocate;
mod repair;
mod rows;
mod sequential;
mod symbolic;
mod tf;
mod upgrade;
mod version;

pub use activation::{HARD_SIGMOID_NAME, is_old_hard_sigmoid};
pub use known::Known;
pub(crate) use relocate::relocate;
pub use repair::{needs_repair, repair};
pub use rows::{Action, ROWS, Row, table};
pub use symbolic::{has_ops, resolve};
pub use upgrade::{Refused, express, upgrade};
pub use version::Era;

use kerata_core::{Artifact, Tree};

/// One thing that normalisation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Where in the model: `model/lstm_1`.
    pub place: String,
    /// What was done: "`alpha` is called `negative_slope`".
    pub what: String,
}

/// Brings an artifact's configs to the Keras 3 dialect, by the era of the Keras that wrote it; the originals are kept
/// beside when anything changed.
pub fn normalize(artifact: &mut Artifact) -> Vec<Change> {
    let era = Era::of(artifact.metadata.keras_version.as_deref());
    let mut changes = Vec::new();
    if let Some(config) = artifact.config.as_mut() {
        let original = config.clone();
        changes.extend(model(config, era));
        if *config != original {
            artifact.original_config.get_or_insert(original);
        }
    }
    if let Some(config) = artifact.compile_config.as_mut() {
        let original = config.clone();
        changes.extend(training(config, era));
        if *config != original {
            artifact.original_compile_config.get_or_insert(original);
        }
    }
    changes
}

/// Brings a model's config to the Keras 3 dialect.
pub fn model(config: &mut Tree, era: Era) -> Vec<Change> {
    let mut work = Work::new(era);
    if era == Era::Keras1 {
        objects::data_format_of_all(config, &mut work);
    }
    objects::layer(config, &mut work);
    work.changes
}

/// Brings a training config (`optimizer_config`, `loss`, `metrics`, ...) to the form of a compile config.
pub fn training(config: &mut Tree, era: Era) -> Vec<Change> {
    let mut work = Work::new(era);
    compile::training(config, &mut work);
    work.changes
}

/// What is carried along while a config is changed.
struct Work {
    era: Era,
    place: Vec<String>,
    changes: Vec<Change>,
}

impl Work {
    fn new(era: Era) -> Self {
        Self { era, place: Vec::new(), changes: Vec::new() }
    }

    /// Notes a change at the current place.
    fn note(&mut self, what: impl Into<String>) {
        self.changes.push(Change { place: self.place.join("/"), what: what.into() });
    }

    /// Does something one level deeper.
    fn inside<T>(&mut self, name: &str, act: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(name.to_owned());
        let result = act(self);
        self.place.pop();
        result
    }
}
