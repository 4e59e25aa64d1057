//! Damaged files: thousands of deterministic mutants of the fixtures neither panic nor take long.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kerata_core::{Limits, MemorySource};

use super::File;

thread_local! {
    /// Checksums count as right, so that mutants get past them, as an attacker's file does.
    pub(super) static CHECKSUMS_FIT: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn two_thousand_mutants_neither_panic_nor_hang() {
    storm(7, rounds(2_000));
}

#[test]
fn two_thousand_mutants_with_fitting_checksums_neither_panic_nor_hang() {
    CHECKSUMS_FIT.set(true);
    storm(8, rounds(2_000));
    CHECKSUMS_FIT.set(false);
}

/// `KERATA_MUTANTS=1000000` makes a longer storm.
fn rounds(usual: u64) -> u64 {
    std::env::var("KERATA_MUTANTS").map_or(usual, |count| count.parse().unwrap())
}

fn storm(mut state: u64, rounds: u64) {
    let files = fixtures();
    for round in 0..rounds {
        let mutant = mutant(&mut state, &files);
        let start = Instant::now();
        exercise(mutant);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(5), "mutant {round} took {took:?}");
    }
}

fn fixtures() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hdf5");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "h5"));
    paths.sort();
    assert!(paths.len() > 20);
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn mutant(state: &mut u64, files: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = files[below(state, files.len())].clone();
    for _ in 0..=below(state, 4) {
        let at = below(state, bytes.len());
        match below(state, 9) {
            0 | 1 => bytes[at] ^= 1 << below(state, 8),
            2 | 3 => bytes[at] = splitmix64(state) as u8,
            4 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
            // An address or a length becomes another place of the file.
            5 | 6 => {
                let place = (below(state, bytes.len()) as u64).to_le_bytes();
                bytes[at & !7..].iter_mut().zip(place).for_each(|(target, byte)| *target = byte);
            }
            // A part is repeated elsewhere.
            7 => {
                let len = 1 + below(state, 64.min(bytes.len() - at));
                let to = below(state, bytes.len() - len + 1);
                bytes.copy_within(at..at + len, to);
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

/// Opens both ways and reads all that is offered.
fn exercise(bytes: Vec<u8>) {
    let source = MemorySource::shared(bytes);
    for file in [File::open(&source, &Limits::default()), File::open_lenient(&source, &Limits::default())] {
        for dataset in file.iter().flat_map(|file| file.datasets.values()) {
            let _ = dataset.data.stream(&mut |_| Ok(()));
        }
    }
}

fn below(state: &mut u64, count: usize) -> usize {
    (splitmix64(state) % count as u64) as usize
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
