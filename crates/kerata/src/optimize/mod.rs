//! `optimize`: a smaller or faster form of a saved model, and a report of what each pass brought.
//!
//! One file a pass. The artifact that is given stays as it is; the result goes through `save` like any other.

mod calibrate;
mod drop_optimizer;
mod fold;
mod half;
mod layers;
mod options;
mod prune;
mod quantize;
mod report;
mod search;
mod size;
mod target;

pub use options::{Activations, OptimizeOptions, Quantization};
pub use report::{OptimizeReport, Pass};
pub use search::{Evaluation, Measured, Samples, Search, Tried, search};
pub use size::stored_bytes;
pub use target::{TARGETS, Target};

use kerata_core::{Artifact, Error, Result};
use kerata_nn::Registry;

/// Makes the artifact that the options ask for, and says what each pass did.
///
/// Only what is asked for is done. The result is as Keras 3.15 would have saved it.
pub fn optimize(artifact: &Artifact, options: &OptimizeOptions) -> Result<(Artifact, OptimizeReport)> {
    optimize_with(artifact, options, &Registry::new())
}

/// The same with layers that are not Keras's own.
pub fn optimize_with(
    artifact: &Artifact,
    options: &OptimizeOptions,
    registry: &Registry,
) -> Result<(Artifact, OptimizeReport)> {
    let mut result = artifact.clone();
    let mut report = OptimizeReport::new(artifact);
    let mut run = |name: &'static str, pass: &mut dyn FnMut(&mut Artifact, &mut Pass) -> Result<()>| {
        let mut entry = Pass::start(name, &result);
        pass(&mut result, &mut entry)?;
        entry.end(&result);
        report.passes.push(entry);
        Ok::<(), kerata_core::Error>(())
    };
    if options.drops_optimizer() {
        run("drop the optimizer", &mut |artifact, pass| drop_optimizer::run(artifact, options, pass))?;
    }
    if options.prune {
        run("prune variables", &mut |artifact, pass| prune::run(artifact, pass))?;
    }
    if options.fold {
        run("fold BatchNormalization", &mut |artifact, pass| fold::run(artifact, registry, pass))?;
    }
    if let Some(quantization) = &options.quantize {
        run("quantize", &mut |artifact, pass| quantize::run(artifact, quantization, registry, pass))?;
    }
    match (&options.calibrate, &options.quantize) {
        (Some(inputs), Some(quantization)) => run("calibrate", &mut |artifact, pass| {
            calibrate::run(artifact, quantization, inputs, registry, pass)
        })?,
        (Some(_), None) => {
            return Err(Error::usage("there is nothing to calibrate").hint("ask for float8"));
        }
        _ => {}
    }
    if let Some(dtype) = options.dtype {
        run("half precision", &mut |artifact, pass| half::run(artifact, dtype, pass))?;
    }
    report.end(&result);
    Ok((result, report))
}
