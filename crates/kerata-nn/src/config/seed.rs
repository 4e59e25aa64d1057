//! `Seed`: the start of a random sequence.

use kerata_core::{Result, Tree};

use super::Value;
use crate::Registry;

/// The `seed` argument: a number, none, or a `SeedGenerator` object.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    number: Option<i64>,
    spelled: Option<Tree>,
}

impl Seed {
    /// No fixed seed.
    pub fn none() -> Self {
        Self::default()
    }

    /// The number, when there is one.
    pub fn number(&self) -> Option<i64> {
        self.number
    }
}

impl From<i64> for Seed {
    fn from(number: i64) -> Self {
        Self { number: Some(number), spelled: None }
    }
}

impl Value for Seed {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let number = tree.path(&["config", "seed"]).unwrap_or(tree);
        Ok(Self {
            number: Option::read(number, registry)?,
            spelled: tree.as_object().is_some().then(|| tree.clone()),
        })
    }

    fn write(&self) -> Tree {
        self.spelled.clone().unwrap_or_else(|| self.number.write())
    }
}
