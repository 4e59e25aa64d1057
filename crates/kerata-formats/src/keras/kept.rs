//! A `.keras` file that is written back: members that say what has not changed keep their bytes, place and date.

use std::collections::HashSet;

use kerata_core::artifact::Original;
use kerata_core::{Artifact, Data, Limits, Result, ResultExt, Tree, Variable};

use super::{ALIGN_BYTES, CONSTANTS, WEIGHTS};
use crate::containers::zip::{Archive, Member, MemberOptions, ZipWriter};
use crate::originals;
use crate::{Compression, WriteOptions};

/// Name under which the whole file stands among the files of an original.
const WHOLE: &str = "";

/// The file that an artifact came from.
pub(super) struct Kept<'a> {
    archive: Archive,
    artifact: &'a Artifact,
    original: &'a Original,
    weights: Weights,
}

/// What has become of the weights.
enum Weights {
    Same,
    /// Values of the same size at some places of the member.
    Changed(Vec<(u64, Data)>),
    Other,
}

/// Keeps what a file held, for the way back.
pub(super) fn keep(artifact: &mut Artifact, archive: &Archive) -> Result<()> {
    let files = vec![(WHOLE.to_owned(), archive.whole()?)];
    let mut original = Original::new(files, &artifact.variables, artifact.traces.as_ref());
    original.objects = artifact.objects.clone();
    artifact.original = Some(std::sync::Arc::new(original));
    Ok(())
}

impl<'a> Kept<'a> {
    /// `None` where an artifact came from no such file, or its bytes are asked for in another form than it has.
    pub(super) fn of(artifact: &'a Artifact, options: &WriteOptions) -> Result<Option<Self>> {
        let is_own = artifact.metadata.format.as_deref() == Some("keras");
        let Some(original) = artifact.original.as_deref().filter(|_| is_own) else { return Ok(None) };
        let [(WHOLE, whole)] =
            original.files.iter().map(|(name, data)| (name.as_str(), data)).collect::<Vec<_>>()[..]
        else {
            return Ok(None);
        };
        let Some((source, ..)) = whole.as_range().filter(|_| options.compression == Compression::None) else {
            return Ok(None);
        };
        // What wider limits than these have let in is written anew.
        let Ok(archive) = Archive::open(source.clone(), &Limits::default()) else { return Ok(None) };
        let Some(weights) =
            archive.get(WEIGHTS).filter(|member| member.is_stored() && is_plain(original, member))
        else {
            return Ok(None);
        };
        let weights = changes(artifact, original).at(|| weights.name().to_owned())?;
        Ok(Some(Self { archive, artifact, original, weights }))
    }

    /// The place of a member among the others.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.archive.members().position(|member| member.name() == name)
    }

    /// Whether a text says the same in the file.
    pub(super) fn is_text(&self, name: &str, text: &str) -> Result<bool> {
        let limits = Limits::default();
        let Some(member) = self.archive.get(name).filter(|member| member.len() <= limits.max_config_bytes)
        else {
            return Ok(false);
        };
        let old = self.archive.read(member, limits.max_config_bytes)?;
        let tree = |text: &[u8]| Tree::parse(text, &limits).ok();
        Ok(old == text.as_bytes() || tree(&old).is_some_and(|old| Some(old) == tree(text.as_bytes())))
    }

    /// Writes a text as it stands in the file, when it says the same there; else `false`, and nothing.
    pub(super) fn put_text(&self, zip: &mut ZipWriter<'_>, name: &str, text: &str) -> Result<bool> {
        let is_same = self.is_text(name, text)?;
        self.archive.get(name).map_or(Ok(false), |member| self.copy_if(zip, member, is_same))
    }

    /// The same of any bytes.
    pub(super) fn put_file(&self, zip: &mut ZipWriter<'_>, name: &str, data: &Data) -> Result<bool> {
        let Some(member) = self.archive.get(name).filter(|member| member.len() == data.len()) else {
            return Ok(false);
        };
        let old = self.archive.data(member)?;
        let is_same = old.is_same(data) || old.bytes()? == data.bytes()?;
        self.copy_if(zip, member, is_same)
    }

    /// The same of the constants of a trace, whose text has not changed.
    pub(super) fn put_constants(&self, zip: &mut ZipWriter<'_>, name: &str) -> Result<bool> {
        let has_traces = self.original.has_traces(self.artifact.traces.as_ref());
        self.archive.get(name).map_or(Ok(false), |member| self.copy_if(zip, member, has_traces))
    }

    /// The same of the weights; values that have changed are put in their places.
    pub(super) fn put_weights(&self, zip: &mut ZipWriter<'_>, name: &str) -> Result<bool> {
        let Some(member) = self.archive.get(name) else { return Ok(false) };
        let places = match &self.weights {
            Weights::Same => return self.copy_if(zip, member, true),
            Weights::Changed(places) => places,
            Weights::Other => return Ok(false),
        };
        let options =
            MemberOptions::new().expected_bytes(member.len()).align(ALIGN_BYTES).stamp(member.stamp());
        let mut sink = zip.start(name, &options)?;
        originals::write(&self.archive.data(member)?, places, &mut sink)?;
        sink.finish()?;
        Ok(true)
    }

    fn copy_if(&self, zip: &mut ZipWriter<'_>, member: &Member, is_same: bool) -> Result<bool> {
        if is_same {
            let is_mapped = matches!(member.name(), WEIGHTS | CONSTANTS) && member.is_stored();
            zip.copy(&self.archive, member, if is_mapped { ALIGN_BYTES } else { 1 })?;
        }
        Ok(is_same)
    }
}

/// Whether all variables lie in the weights as they are, so that one can be replaced by other bytes.
fn is_plain(original: &Original, weights: &Member) -> bool {
    let mut sources = Vec::new();
    for (_, variable) in original.variables.iter() {
        match variable.data.as_range() {
            Some((source, ..)) => sources.push(source),
            None if variable.data.is_empty() => {}
            None => return false,
        }
    }
    let is_one = sources.windows(2).all(|pair| matches!(pair, [a, b] if std::sync::Arc::ptr_eq(a, b)));
    is_one && sources.first().is_none_or(|source| source.len() == weights.len())
}

fn changes(artifact: &Artifact, original: &Original) -> Result<Weights> {
    let is_moved = artifact.originals.is_some();
    if artifact.objects != original.objects || (is_moved && artifact.unchanged().is_none()) {
        return Ok(Weights::Other);
    }
    // Values that only lie elsewhere now are written to their places like others: what comes out is the same.
    let changed = match is_moved {
        true => original.changed(&artifact.variables)?,
        false => original.replaced(&artifact.variables)?,
    };
    let Some(changed) = changed else { return Ok(Weights::Other) };
    if changed.is_empty() {
        return Ok(Weights::Same);
    }
    let mut places = Vec::new();
    let changed: HashSet<&str> = changed.into_iter().collect();
    let is_changed = |(path, old): &(&str, &Variable)| changed.contains(path) && !old.data.is_empty();
    for (path, old) in original.variables.iter().filter(is_changed) {
        let (Some((_, offset, len)), Some(new)) = (old.data.as_range(), artifact.variables.get(path)) else {
            return Ok(Weights::Other);
        };
        if is_moved || new.data.len() != len || new.data.as_strings().is_some() {
            return Ok(Weights::Other);
        }
        places.push((offset, new.data.clone()));
    }
    places.sort_by_key(|(offset, _)| *offset);
    let is_apart = |pair: &[(u64, Data)]| matches!(pair, [a, b] if a.0.saturating_add(a.1.len()) <= b.0);
    Ok(if places.windows(2).all(is_apart) { Weights::Changed(places) } else { Weights::Other })
}
