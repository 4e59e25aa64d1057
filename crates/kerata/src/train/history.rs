//! `History`: losses and metrics of the epochs of a training.

use indexmap::IndexMap;
use kerata_core::Tree;

use super::plot;

/// Losses and metrics by name, in Keras's order, a value for each epoch.
///
/// Those of the validation have names that begin with `val_`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// The values by name.
    pub values: IndexMap<String, Vec<f64>>,
}

impl History {
    /// The values of a loss or metric; none when there is no such name.
    pub fn get(&self, name: &str) -> &[f64] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of the last epoch.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name).last().copied()
    }

    /// Number of epochs.
    pub fn epochs(&self) -> usize {
        self.values.values().map(Vec::len).max().unwrap_or(0)
    }

    /// A picture of the values over the epochs, as SVG: a diagram for each loss and metric, with its validation in it.
    pub fn to_svg(&self) -> String {
        plot::svg(&self.values)
    }

    /// The same as PNG, with so many pixels for one.
    #[cfg(feature = "png")]
    pub fn to_png(&self, scale: f32) -> kerata_core::Result<Vec<u8>> {
        crate::png(&self.to_svg(), scale)
    }

    /// As JSON: `{"loss": [...], ...}`.
    pub fn to_tree(&self) -> Tree {
        let list = |values: &Vec<f64>| Tree::List(values.iter().map(|value| Tree::Float(*value)).collect());
        Tree::Object(self.values.iter().map(|(name, values)| (name.clone(), list(values))).collect())
    }
}
