//! `verify`: the inputs and outputs that an export has kept, run again.

use indexmap::IndexMap;
use kerata_core::array::Array;
use kerata_core::{Artifact, Data, Error, ErrorKind, Limits, MemorySource, Result, ResultExt};
use kerata_formats::npz;
use kerata_nn::Registry;

use super::check::{FOLDER, apart};
use crate::predict::PredictOptions;

/// What became of one kept pair.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verified {
    /// The signature that was run.
    pub signature: String,
    /// The largest difference from what was kept.
    pub difference: Option<f64>,
    /// Where they differ, when that is more than rounding.
    pub reason: Option<String>,
}

/// Runs every signature of which inputs and outputs were kept, and compares.
///
/// # Errors
///
/// `NotFound` when no pair is kept; what else keeps a signature from running.
pub fn verify(artifact: &Artifact, registry: &Registry, options: &PredictOptions) -> Result<Vec<Verified>> {
    let signature =
        |name: &str| name.strip_prefix(FOLDER)?.strip_prefix('/')?.strip_suffix(".in.npz").map(str::to_owned);
    let kept: Vec<String> = artifact.extras.keys().filter_map(|name| signature(name)).collect();
    if kept.is_empty() {
        return Err(Error::not_found("no inputs and outputs are kept beside the model")
            .hint("`kerata export` keeps those that it has compared"));
    }
    kept.into_iter().map(|name| one(artifact, name, registry, options)).collect()
}

fn one(artifact: &Artifact, name: String, registry: &Registry, options: &PredictOptions) -> Result<Verified> {
    let predictor = crate::predictor(artifact, Some(&name), registry, options)?;
    let inputs = predictor.arrange(arrays(artifact, &format!("{FOLDER}/{name}.in.npz"))?)?;
    let found = predictor.run(&inputs).at(|| format!("signature `{name}`"))?;
    let expected = arrays(artifact, &format!("{FOLDER}/{name}.out.npz"))?;
    let (mut difference, mut reason) = (0f64, None);
    for ((output, _), found) in predictor.outputs().iter().zip(&found) {
        let compared = match expected.get(output) {
            // Small floats are kept as float32.
            Some(kept) if kept.dtype() != found.dtype() => apart(&kept.cast(found.dtype())?, found),
            Some(kept) => apart(kept, found),
            None => Err(Error::mismatch("no such output was kept")),
        };
        match compared {
            Ok(most) => difference = difference.max(most),
            Err(error) if error.kind() == ErrorKind::Mismatch => {
                reason.get_or_insert(format!("output `{output}`: {}", error.message()));
            }
            Err(error) => return Err(error.at(format!("output `{output}`"))),
        }
    }
    Ok(Verified { signature: name, difference: reason.is_none().then_some(difference), reason })
}

/// The arrays of a kept file.
fn arrays(artifact: &Artifact, name: &str) -> Result<IndexMap<String, Array>> {
    let data: &Data = artifact.extras.get(name).ok_or_else(|| Error::not_found(name.to_owned()))?;
    let source = MemorySource::shared(data.bytes()?.into_owned());
    let stored = npz::read_arrays(&source, &Limits::default()).at(|| name.to_owned())?;
    stored.into_iter().map(|(key, variable)| Ok((key, Array::from_variable(&variable)?))).collect()
}
