//! Leaves out the optimizer's state; the compile config stays, so the model can be trained again from a fresh optimizer.

use kerata_core::{Artifact, Result};

use super::{OptimizeOptions, Pass};

pub(super) fn run(artifact: &mut Artifact, options: &OptimizeOptions, pass: &mut Pass) -> Result<()> {
    pass.changed = artifact.optimizer().count() as u64;
    artifact.drop_optimizer();
    if pass.changed > 0 && !options.drop_optimizer {
        pass.note("the optimizer's slots belong to the float weights and do not fit what they become");
    }
    Ok(())
}
