//! How many bytes an artifact takes in a format, measured by writing it nowhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kerata_core::{Artifact, FolderSink, Result, Sink};
use kerata_formats::{Compression, Format, Layout, Output, WriteOptions};

/// Bytes that an artifact takes in a format.
pub fn stored_bytes(artifact: &Artifact, format: &dyn Format, compression: Compression) -> Result<u64> {
    let options = WriteOptions::new().compression(compression);
    let total = Arc::new(AtomicU64::new(0));
    let mut counter = Counter { total: total.clone(), position: 0 };
    match format.layout() {
        Layout::File => format.write(artifact, &mut Output::File(&mut counter), &options)?,
        Layout::Folder => format.write(artifact, &mut Output::Folder(&mut counter), &options)?,
        Layout::FileWithSiblings => {
            let mut output = Output::Siblings { name: "model".to_owned(), folder: &mut counter };
            format.write(artifact, &mut output, &options)?
        }
    };
    Ok(total.load(Ordering::Relaxed))
}

/// Counts what is written and keeps nothing.
struct Counter {
    total: Arc<AtomicU64>,
    position: u64,
}

impl Sink for Counter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.position += bytes.len() as u64;
        self.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn patch(&mut self, _: u64, _: &[u8]) -> Result<()> {
        Ok(())
    }
}

impl FolderSink for Counter {
    fn create(&mut self, _: &str) -> Result<Box<dyn Sink + '_>> {
        Ok(Box::new(Self { total: self.total.clone(), position: 0 }))
    }
}
