//! `Contents`: how much of a model a step holds, and in which format.

use kerata_core::{Artifact, DType, Data, Error, Result, Role, Variable};
use kerata_formats::{Format, by_extension};

/// Variables of a weights file below this are members that have no other place there.
const MEMBERS: &str = "kerata/members/";

/// What a step holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Contents {
    /// Model, weights, optimizer, assets, position: `.keras`.
    #[default]
    Everything,
    /// Weights, optimizer and position: `.weights.h5`.
    WeightsAndOptimizer,
    /// Weights alone: `.weights.h5`, without what it takes to continue to the same end.
    Weights,
}

impl Contents {
    /// The ending of a step's file.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Everything => ".keras",
            Self::WeightsAndOptimizer | Self::Weights => ".weights.h5",
        }
    }

    /// The name in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::WeightsAndOptimizer => "weights and optimizer",
            Self::Weights => "weights",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let all = [Self::Everything, Self::WeightsAndOptimizer, Self::Weights];
        all.into_iter().find(|contents| contents.name() == name)
    }

    pub(super) fn format(self) -> Result<&'static dyn Format> {
        by_extension(&format!("step{}", self.extension()))
    }

    /// Leaves out what is not to be stored. Members go into weights files as variables, where Keras does not look.
    pub(super) fn select(self, artifact: &mut Artifact) -> Result<()> {
        if self == Self::Weights {
            artifact.drop_optimizer();
            artifact.extras.clear();
        }
        Ok(())
    }

    /// Moves members to where the format can hold them; the last thing before writing.
    pub(super) fn pack(self, artifact: &mut Artifact) -> Result<()> {
        if self == Self::Everything {
            return Ok(());
        }
        for (name, data) in std::mem::take(&mut artifact.extras) {
            let variable = Variable::new(DType::Uint8, [data.len()], data)?.with_role(Role::State);
            artifact.variables.insert(format!("{MEMBERS}{name}"), variable)?;
        }
        Ok(())
    }

    /// Undoes [`pack`](Self::pack).
    pub(super) fn unpack(artifact: &mut Artifact) -> Result<()> {
        let names: Vec<String> = artifact
            .variables
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(MEMBERS).map(str::to_owned))
            .collect();
        for name in names {
            if let Some(variable) = artifact.variables.remove(&format!("{MEMBERS}{name}")) {
                if variable.dtype != DType::Uint8 {
                    return Err(Error::corrupt(format!("member `{name}` is no bytes")));
                }
                artifact.extras.insert(name, Data::owned(variable.data.bytes()?.into_owned()));
            }
        }
        Ok(())
    }
}
