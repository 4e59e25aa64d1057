//! `EventFile`: scalars in TensorFlow's event file format (`docs/formats/event-file.md`).

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kerata_core::{Error, Result};

/// What TensorFlow adds to a checksum that lies beside checked bytes.
const MASK: u32 = 0xa282_ead8;

/// A file of events, being written.
pub(super) struct EventFile(File);

impl EventFile {
    /// A new file in a folder, which is made when it is not there.
    pub fn create(folder: &Path, now: Duration) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let failed = |error: std::io::Error| Error::io("make the event file", &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("events.out.tfevents.{}.kerata.{}.{count}.v2", now.as_secs(), std::process::id());
        let mut new = Self(File::create_new(folder.join(name)).map_err(failed)?);
        let mut event = Vec::new();
        double(&mut event, 1, now.as_secs_f64());
        bytes(&mut event, 3, b"brain.Event:2");
        new.record(&event)?;
        Ok(new)
    }

    /// Adds a scalar.
    pub fn scalar(&mut self, tag: &str, number: f64, step: u64, now: Duration) -> Result<()> {
        let mut plugin = Vec::new();
        bytes(&mut plugin, 1, b"scalars");
        let mut metadata = Vec::new();
        bytes(&mut metadata, 1, &plugin);
        // DATA_CLASS_SCALAR
        varint(&mut metadata, 4, 1);
        let mut tensor = Vec::new();
        // DT_FLOAT, no axes
        varint(&mut tensor, 1, 1);
        bytes(&mut tensor, 2, &[]);
        bytes(&mut tensor, 5, &(number as f32).to_le_bytes());
        let mut value = Vec::new();
        bytes(&mut value, 1, tag.as_bytes());
        bytes(&mut value, 8, &tensor);
        bytes(&mut value, 9, &metadata);
        let mut summary = Vec::new();
        bytes(&mut summary, 1, &value);
        let mut event = Vec::new();
        double(&mut event, 1, now.as_secs_f64());
        varint(&mut event, 2, step);
        bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    pub fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(failed)
    }

    /// Length, its checksum, bytes, their checksum.
    fn record(&mut self, event: &[u8]) -> Result<()> {
        let length = (event.len() as u64).to_le_bytes();
        let mut record = length.to_vec();
        record.extend(masked(&length).to_le_bytes());
        record.extend(event);
        record.extend(masked(event).to_le_bytes());
        self.0.write_all(&record).map_err(failed)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("write the event file", &error)
}

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

fn key(out: &mut Vec<u8>, field: u64, kind: u64) {
    number(out, field << 3 | kind);
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, 0);
    number(out, value);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    number(out, value.len() as u64);
    out.extend(value);
}
