//! Readers and writers of every Keras file format, bytes to [`Artifact`](kerata_core::Artifact) and back.
//!
//! [`detect`] finds the format of an [`Input`] by its content; [`by_name`] and [`by_extension`] choose one to write.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod containers;
mod content;
pub mod era;
mod format;
pub mod graph_def;
pub mod h5;
mod input;
mod joined;
pub mod keras;
pub mod npz;
pub mod onnx;
mod originals;
pub mod safetensors;
pub mod saved_model;
mod shards;
pub mod tensorflow;
pub mod walk;
pub mod weights_h5;
pub mod weights_json;

pub use format::{Compression, Format, Layout, Output, WriteOptions};
pub use input::{FolderRef, Input, MemoryFolder};
pub use joined::{Architecture, read_with};

use kerata_core::{Error, Result, ResultExt};

/// Every format, sorted by name. Detection asks them in this order; the answers exclude each other.
#[rustfmt::skip]
pub static FORMATS: &[&dyn Format] = &[
    &checkpoint::Checkpoint,
    &graph_def::GraphDef,
    &h5::H5,
    &keras::Keras,
    &keras::KerasFolder,
    &npz::Npz,
    &onnx::Onnx,
    &safetensors::Safetensors,
    &safetensors::SafetensorsSharded,
    &saved_model::SavedModel,
    &weights_h5::WeightsH5,
    &weights_json::WeightsJson,
];

/// The format of an input, found by its content.
///
/// When nothing fits, the error says what the content looks like (an empty file, a picture, a web page, ...).
pub fn detect(input: &Input) -> Result<&'static dyn Format> {
    let mut damaged = None;
    for format in FORMATS {
        match format.detect(input) {
            Ok(true) => return Ok(*format),
            Ok(false) => {}
            Err(error) => damaged = damaged.or(Some(error)),
        }
    }
    Err(damaged.unwrap_or_else(|| content::unknown(input))).at(|| input.name())
}

/// The format of this name.
pub fn by_name(name: &str) -> Result<&'static dyn Format> {
    FORMATS.iter().find(|format| format.name() == name).copied().ok_or_else(|| {
        let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
        Error::usage(format!("unknown format `{name}`")).hint(format!("known formats: {}", names.join(", ")))
    })
}

/// The format that a file of this name is written in: the one with the longest fitting ending.
pub fn by_extension(file_name: &str) -> Result<&'static dyn Format> {
    let lower = file_name.to_ascii_lowercase();
    let endings =
        FORMATS.iter().flat_map(|format| format.extensions().iter().map(move |end| (*end, *format)));
    let fitting = endings.filter(|(end, _)| lower.ends_with(end)).max_by_key(|(end, _)| end.len());
    fitting.map(|(_, format)| format).ok_or_else(|| {
        let all: Vec<&str> = FORMATS.iter().flat_map(|format| format.extensions()).copied().collect();
        Error::usage(format!("no format ends like `{file_name}`"))
            .hint(format!("known endings: {}; or name the format", all.join(", ")))
    })
}
