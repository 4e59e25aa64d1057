//! Writing safetensors.

use indexmap::IndexMap;
use kerata_core::{Artifact, Error, FolderSink, LossReport, Object, Result, Sink, Tree, Variable};

use super::header::{MAX_HEADER_BYTES, METADATA};
use super::{dtype, note};
use crate::{WriteOptions, shards};

/// The data starts at a multiple of this.
const ALIGN_BYTES: usize = 8;

type Named<'a> = Vec<(String, &'a Variable)>;

/// Writes one file.
pub(super) fn one(artifact: &Artifact, sink: &mut dyn Sink) -> Result<LossReport> {
    let names = names(artifact);
    write_file(&tensors(artifact, &names), note::of(artifact, &names), sink)?;
    Ok(losses(artifact))
}

/// Writes several files and their index.
pub(super) fn sharded(
    artifact: &Artifact,
    index_name: &str,
    folder: &mut dyn FolderSink,
    options: &WriteOptions,
) -> Result<LossReport> {
    let names = names(artifact);
    let tensors = tensors(artifact, &names);
    let sizes = tensors.iter().map(|(_, variable)| variable.data.len());
    let shard_of = shards::split(sizes, options.max_shard_bytes).map_err(|position| {
        let name = tensors.get(position).map_or("", |(name, _)| name.as_str());
        Error::usage(format!("`{name}` alone is larger than a shard")).hint("raise the size of a shard")
    })?;
    let count = shard_of.last().map_or(1, |last| last + 1);
    let stem = index_name.strip_suffix(".safetensors.index.json").unwrap_or(index_name);
    let stem = options.shard_tag.as_ref().map_or(stem.to_owned(), |tag| format!("{stem}-{tag}"));
    let file_of = |shard: usize| format!("{stem}-{:05}-of-{count:05}.safetensors", shard + 1);
    for shard in 0..count {
        let own: Named<'_> =
            tensors.iter().zip(&shard_of).filter(|(_, of)| **of == shard).map(|(t, _)| t.clone()).collect();
        // The first file carries what is noted of the whole.
        let metadata = if shard == 0 { note::of(artifact, &names) } else { Object::new() };
        write_file(&own, metadata, &mut *folder.create(&file_of(shard))?)?;
    }
    let total: u64 = tensors.iter().map(|(_, variable)| variable.data.len()).sum();
    let mut map: Vec<(String, Tree)> = tensors
        .iter()
        .zip(&shard_of)
        .map(|((name, _), shard)| (name.clone(), file_of(*shard).into()))
        .collect();
    map.sort_by(|a, b| a.0.cmp(&b.0));
    let mut metadata = Object::new();
    metadata.insert("total_size".to_owned(), Tree::from(total));
    if tensors.is_empty() {
        // No tensor leads a reader to the first file.
        metadata.extend(note::of(artifact, &names));
    }
    let index = Tree::from([
        ("metadata", Tree::Object(metadata)),
        ("weight_map", Tree::Object(map.into_iter().collect())),
    ]);
    folder.create(index_name)?.write(format!("{}\n", index.to_pretty_json(2)).as_bytes())?;
    Ok(losses(artifact))
}

/// A readable name for each path: Keras's own name instead of a number where it is known and unique.
fn names(artifact: &Artifact) -> IndexMap<&str, String> {
    let readable = |path: &str, variable: &Variable| {
        let owner = path.rsplit_once("/vars/").map(|(owner, _)| owner)?;
        let name = variable.name.as_deref().filter(|name| !name.is_empty() && !name.contains('/'))?;
        Some(format!("{owner}/{name}"))
    };
    let mut uses: IndexMap<String, usize> = IndexMap::new();
    for (path, variable) in artifact.variables.iter() {
        *uses.entry(readable(path, variable).unwrap_or_else(|| path.to_owned())).or_default() += 1;
    }
    let name_of = |(path, variable)| {
        let name = readable(path, variable).filter(|name| uses.get(name) == Some(&1));
        (path, name.unwrap_or_else(|| path.to_owned()))
    };
    artifact.variables.iter().map(name_of).collect()
}

/// What is written, elements of many bytes first, so that each tensor is aligned.
fn tensors<'a>(artifact: &'a Artifact, names: &IndexMap<&str, String>) -> Named<'a> {
    let with_name = |(path, variable): (&str, &'a Variable)| Some((names.get(path)?.clone(), variable));
    let has_bytes = |(_, variable): &(String, &Variable)| variable.dtype.size().is_some();
    let mut tensors: Named<'a> = artifact.variables.iter().filter_map(with_name).filter(has_bytes).collect();
    tensors.sort_by_key(|(_, variable)| std::cmp::Reverse(variable.dtype.size()));
    tensors
}

fn write_file(tensors: &Named<'_>, metadata: Object, sink: &mut dyn Sink) -> Result<()> {
    let mut header = Object::new();
    if !metadata.is_empty() {
        header.insert(METADATA.to_owned(), Tree::Object(metadata));
    }
    let mut offset = 0;
    for (name, variable) in tensors {
        let (dtype, shape) = dtype::stored(variable.dtype, &variable.shape)
            .ok_or_else(|| Error::internal("strings are left out before"))?;
        let end = offset + variable.data.len();
        let entry =
            [("dtype", dtype.into()), ("shape", shape.into()), ("data_offsets", vec![offset, end].into())];
        if name == METADATA || header.insert(name.clone(), Tree::from(entry)).is_some() {
            return Err(Error::mismatch(format!("the name `{name}` is taken")));
        }
        offset = end;
    }
    let mut text = Tree::Object(header).to_json().into_bytes();
    text.resize(text.len().next_multiple_of(ALIGN_BYTES), b' ');
    if text.len() as u64 > MAX_HEADER_BYTES {
        return Err(Error::unsupported(format!(
            "a header of {} bytes; safetensors has {MAX_HEADER_BYTES} at most",
            text.len()
        )));
    }
    sink.write(&(text.len() as u64).to_le_bytes())?;
    sink.write(&text)?;
    tensors.iter().try_for_each(|(_, variable)| variable.data.stream(&mut |part| sink.write(part)))
}

fn losses(artifact: &Artifact) -> LossReport {
    let mut report = LossReport::new();
    let texts = artifact.variables.iter().filter(|(_, variable)| variable.dtype.size().is_none());
    let texts: Vec<String> = texts.map(|(path, _)| format!("`{path}`")).collect();
    if !texts.is_empty() {
        report.lose(format!("text tensors {}: safetensors keeps numbers only", texts.join(", ")));
    }
    if !artifact.assets.is_empty() {
        report.lose(format!("assets ({} files): safetensors keeps tensors only", artifact.assets.len()));
    }
    if !artifact.extras.is_empty() {
        report.lose(format!("other files ({}): safetensors keeps tensors only", artifact.extras.len()));
    }
    report
}
