//! Sealing: a step's file says what it is and carries a checksum over all of it; opening compares.

use std::time::Duration;

use kerata_core::{Artifact, Error, Limits, Result, ResultExt, SourceRef};
use kerata_formats::Input;

use super::info::{self, StepInfo};
use super::{Contents, Moment, checksum};

/// Makes an artifact the content of a step's file; gives what the manifest says of it, but for the size. Fails when weights or
/// optimizer hold NaN or infinity, unless that is allowed.
pub(crate) fn seal(
    artifact: &mut Artifact,
    file: &str,
    contents: Contents,
    moment: &Moment,
    now: Duration,
    allow_nan: bool,
) -> Result<StepInfo> {
    let mut info = StepInfo::new(moment.step, file.to_owned(), 0);
    info.epoch = moment.epoch;
    info.metrics.clone_from(&moment.metrics);
    info.saved_at = Duration::from_millis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    info.contents = contents;
    let checksums = match allow_nan {
        true => checksum::of_parts(artifact)?,
        false => checksum::of_finite_parts(artifact)?,
    };
    info.digest = Some(checksum::digest(&checksums, &info.about()));
    info.checksums = Some(checksums);
    info.put_into(artifact);
    contents.pack(artifact)?;
    Ok(info)
}

/// Opens a step's file without reading its tensors.
pub(crate) fn open(name: &str, source: SourceRef, limits: &Limits) -> Result<Artifact> {
    let input = Input::file(name, source);
    let format = kerata_formats::detect(&input)?;
    let mut artifact = format.read(&input, limits)?;
    artifact.metadata.format.get_or_insert_with(|| format.name().to_owned());
    Contents::unpack(&mut artifact)?;
    Ok(artifact)
}

/// Compares all of an opened file with what was sealed, and with what the manifest says of it.
pub(crate) fn unseal(artifact: &mut Artifact, known: Option<&StepInfo>) -> Result<()> {
    artifact.verify()?;
    let mut sealed = StepInfo::new(0, String::new(), 0);
    sealed.fill_from(artifact).at(|| info::MEMBER)?;
    artifact.extras.shift_remove(info::MEMBER);
    let found = checksum::of_parts(artifact)?;
    if let Some(known) = known
        && let Some(saved) = &known.checksums
        // The file may be newer than the manifest, when a save was cut between the two.
        && (sealed.digest.is_none() || sealed.digest == known.digest)
    {
        checksum::compare(artifact, &found, saved)?;
    }
    let digest = checksum::digest(&found, &sealed.about());
    if sealed.digest.is_some_and(|saved| saved != digest) {
        return Err(Error::corrupt("the checksum over all parts differs from the saved one"));
    }
    Ok(())
}
