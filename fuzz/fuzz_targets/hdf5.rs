//! The HDF5 reader, strict and lenient: every dataset of whatever it accepts is read.
#![no_main]

use kerata_core::{Limits, MemorySource};
use kerata_formats::containers::hdf5::File;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let source = MemorySource::shared(bytes.to_vec());
    let limits = Limits::default();
    for file in [File::open(&source, &limits), File::open_lenient(&source, &limits)].into_iter().flatten() {
        for dataset in file.datasets.values() {
            if dataset.data.as_strings().is_none() {
                let _ = dataset.data.stream(&mut |_| Ok(()));
            }
        }
    }
});
