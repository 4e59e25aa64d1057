//! The strict zip reader: every member of whatever it accepts is read.
#![no_main]

use kerata_core::{Limits, MemorySource};
use kerata_formats::containers::zip::{Archive, remains};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let source = MemorySource::shared(bytes.to_vec());
    let limits = Limits::default();
    let _ = remains(&source, &limits);
    if let Ok(archive) = Archive::open(source, &limits) {
        for member in archive.members() {
            let _ = archive.read(member, 64 << 20);
        }
    }
});
