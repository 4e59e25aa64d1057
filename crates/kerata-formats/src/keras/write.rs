//! Writing a `.keras` model.

use std::borrow::Cow;

use kerata_core::{Artifact, Data, Error, FolderSink, LossReport, Object, Result, Sink, Tree};

use super::kept::Kept;
use super::{ALIGN_BYTES, ASSETS, CONFIG, CONSTANTS, METADATA, TRACE, WEIGHTS, WEIGHTS_PACKED, trace};
use crate::containers::hdf5::Plan;
use crate::containers::zip::{MemberOptions, ZipWriter};
use crate::{Compression, WriteOptions, weights_h5};

/// Most bytes of weights that are deflated as a whole, over tensors that are deflated already: what is left to gain is the
/// space between them, and h5py reads such a member from its start each time it goes back.
const MAX_DEFLATED_BYTES: u64 = 4 << 20;
/// The version noted when the artifact knows none: the dialect that is written.
const KERAS_VERSION: &str = "3.15.1";
/// The date noted when none is known, as the zip members have it.
const NO_DATE: &str = "1980-01-01@00:00:00";
/// Keys that stand behind `compile_config`.
const AFTER_COMPILE: [&str; 3] = ["shared_object_id", "name", "inbound_nodes"];

pub(super) fn write_zip(
    artifact: &Artifact,
    sink: &mut dyn Sink,
    options: &WriteOptions,
) -> Result<LossReport> {
    let mut losses = options.compression.losses();
    let trace = trace::Plan::of(artifact, config_tree(artifact)?, &mut losses)?;
    let kept = Kept::of(artifact, options)?;
    let mut parts = parts(artifact, trace.as_ref(), options)?;
    if let Some(kept) = &kept {
        // In the order of the file that is written back; what is new comes last.
        parts.sort_by_key(|(name, _)| kept.position(name).unwrap_or(usize::MAX));
    }
    let mut zip = ZipWriter::new(sink);
    for (name, part) in &parts {
        let is_kept = match &kept {
            None => false,
            Some(kept) => match part {
                Part::Text(text) => kept.put_text(&mut zip, name, text)?,
                Part::Weights => kept.put_weights(&mut zip, name)?,
                Part::File(data) => kept.put_file(&mut zip, name, data)?,
                Part::Constants(trace) => {
                    kept.is_text(TRACE, trace.json())? && kept.put_constants(&mut zip, name)?
                }
            },
        };
        if !is_kept {
            put(&mut zip, name, part, artifact, options)?;
        }
    }
    zip.finish()?;
    Ok(losses)
}

/// What a member is made of.
enum Part<'a> {
    Text(Cow<'a, str>),
    Weights,
    File(&'a Data),
    Constants(&'a trace::Plan),
}

/// All members by name, in the order of Keras.
fn parts<'a>(
    artifact: &'a Artifact,
    trace: Option<&'a trace::Plan>,
    options: &WriteOptions,
) -> Result<Vec<(String, Part<'a>)>> {
    let mut parts = vec![
        (METADATA.to_owned(), Part::Text(metadata_text(artifact, options).into())),
        (CONFIG.to_owned(), Part::Text(config_text(artifact)?.into())),
        (weights_name(options).to_owned(), Part::Weights),
    ];
    parts.extend(files(artifact).map(|(name, data)| (name, Part::File(data))));
    if let Some(trace) = trace {
        parts.push((TRACE.to_owned(), Part::Text(trace.json().into())));
        if trace.has_constants() {
            parts.push((CONSTANTS.to_owned(), Part::Constants(trace)));
        }
    }
    Ok(parts)
}

fn put(
    zip: &mut ZipWriter<'_>,
    name: &str,
    part: &Part<'_>,
    artifact: &Artifact,
    options: &WriteOptions,
) -> Result<()> {
    let compress = options.compression != Compression::None;
    match part {
        Part::Text(text) => {
            let member = MemberOptions::new().expected_bytes(text.len() as u64);
            let mut member = zip.start(name, &member.deflate(compress && name != TRACE))?;
            member.write(text.as_bytes())?;
            member.finish()
        }
        Part::Weights => {
            let plan = weights_plan(artifact, options)?;
            let member = MemberOptions::new().expected_bytes(plan.len());
            let member = match compress && plan.len() <= MAX_DEFLATED_BYTES {
                true => member.deflate(true),
                false => member.align(ALIGN_BYTES),
            };
            let mut member = zip.start(name, &member)?;
            plan.write(&mut member)?;
            member.finish()
        }
        Part::File(data) => {
            let member = MemberOptions::new().expected_bytes(data.len()).deflate(compress);
            let mut member = zip.start(name, &member)?;
            data.stream(&mut |part| member.write(part))?;
            member.finish()
        }
        Part::Constants(trace) => {
            let mut member = zip.start(name, &MemberOptions::new().align(ALIGN_BYTES))?;
            trace.write_constants(&mut member)?;
            member.finish()
        }
    }
}

pub(super) fn write_folder(
    artifact: &Artifact,
    folder: &mut dyn FolderSink,
    options: &WriteOptions,
) -> Result<LossReport> {
    let mut losses = options.compression.losses();
    let config = config_text(artifact)?;
    let trace = trace::Plan::of(artifact, config_tree(artifact)?, &mut losses)?;
    let plan = weights_plan(artifact, options)?;
    folder.create(METADATA)?.write(metadata_text(artifact, options).as_bytes())?;
    folder.create(CONFIG)?.write(config.as_bytes())?;
    plan.write(&mut *folder.create(weights_name(options))?)?;
    for (name, data) in files(artifact) {
        let mut file = folder.create(&name)?;
        data.stream(&mut |part| file.write(part))?;
    }
    if let Some(trace) = trace {
        folder.create(TRACE)?.write(trace.json().as_bytes())?;
        if trace.has_constants() {
            trace.write_constants(&mut *folder.create(CONSTANTS)?)?;
        }
    }
    Ok(losses)
}

fn files(artifact: &Artifact) -> impl Iterator<Item = (String, &Data)> {
    let assets = artifact.assets.iter().map(|(name, data)| (format!("{ASSETS}{name}"), data));
    assets.chain(artifact.extras.iter().map(|(name, data)| (name.clone(), data)))
}

/// Whether the file is written as the one that was read: a model that was brought up to date goes back as it was spelled
/// into the format it came from, unless its variables have changed since.
fn goes_back(artifact: &Artifact) -> bool {
    let is_same = artifact.metadata.format.as_deref() == Some("keras");
    is_same && (artifact.originals.is_none() || artifact.unchanged().is_some())
}

/// Name of the member with the weights.
fn weights_name(options: &WriteOptions) -> &'static str {
    if options.compression == Compression::Zstd { WEIGHTS_PACKED } else { WEIGHTS }
}

fn weights_plan(artifact: &Artifact, options: &WriteOptions) -> Result<Plan> {
    match artifact.unchanged().filter(|_| goes_back(artifact)) {
        Some(originals) => weights_h5::plan_originals(originals, options),
        None => weights_h5::plan(artifact, options),
    }
}

/// The config that is written.
fn config_tree(artifact: &Artifact) -> Result<&Tree> {
    let is_same = goes_back(artifact);
    let original = artifact.original_config.as_ref().filter(|_| is_same);
    original.or(artifact.config.as_ref()).ok_or_else(|| {
        Error::mismatch("there is no model config, only weights")
            .hint("write .weights.h5 or .safetensors, or give the model the weights belong to")
    })
}

/// The config with the compile config in the place where Keras has it.
fn config_text(artifact: &Artifact) -> Result<String> {
    let config = config_tree(artifact)?;
    let is_same = goes_back(artifact);
    let original = artifact.original_compile_config.as_ref().filter(|_| is_same);
    let Some(compile) = original.or(artifact.compile_config.as_ref()) else {
        return Ok(config.to_json());
    };
    let entries = config.as_object().ok_or_else(|| Error::mismatch("the model config is no object"))?;
    let mut whole = Object::new();
    let mut last = Object::new();
    for (key, value) in entries {
        let target = if AFTER_COMPILE.contains(&key.as_str()) { &mut last } else { &mut whole };
        target.insert(key.clone(), value.clone());
    }
    whole.insert("compile_config".to_owned(), compile.clone());
    whole.extend(last);
    Ok(Tree::Object(whole).to_json())
}

fn metadata_text(artifact: &Artifact, options: &WriteOptions) -> String {
    let metadata = &artifact.metadata;
    let is_same = goes_back(artifact);
    // What comes from another format is written in today's dialect.
    let is_current = |version: &&str| is_same || !version.starts_with(['1', '2']);
    let version = metadata.keras_version.as_deref().filter(is_current).unwrap_or(KERAS_VERSION);
    let date = options.date_saved.as_deref().or(metadata.date_saved.as_deref()).unwrap_or(NO_DATE);
    let mut entries = Object::new();
    entries.insert("keras_version".to_owned(), version.into());
    entries.insert("date_saved".to_owned(), date.into());
    if is_same {
        entries.extend(metadata.extra.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Tree::Object(entries).to_json()
}
