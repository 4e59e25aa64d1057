//! The mutation storm: opens N deterministic mutants of real files and demands an answer or a clean error of each.
//!
//!     storm N [FOLDER]
//!
//! Fails on a panic, on an answer that takes over 2 s of processor time, and when the process ever holds over 256 MB.
//! A failure prints seed file and mutant number; the same number makes the same mutant again.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kerata::formats::{self, Input, MemoryFolder};
use kerata::nn::models::RecordedTraces;
use kerata_core::{Limits, Result};

const MAX_TIME: Duration = Duration::from_secs(2);
const MAX_MEMORY_KB: u64 = 256 << 10;
/// Larger files would make the storm slow without meeting other code.
const MAX_SEED_BYTES: u64 = 128 << 10;
/// Seeds: the first few files of each kind, over all producers.
const KINDS: &[&str] = &[
    "kerata/trace.json",
    ".keras",
    ".weights.h5",
    ".h5",
    ".safetensors",
    ".npz",
    ".npy",
    ".index",
    ".data-00000-of-00001",
    "/saved_model.pb",
    "/keras_metadata.pb",
    "/frozen.pb",
    ".onnx",
];
const SEEDS_PER_KIND: usize = 6;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let total: u64 = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let folder =
        arguments.next().unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures").to_owned());
    let seeds = seeds(Path::new(&folder));
    assert!(seeds.len() >= 10, "found {} seed files below {folder}, expected ten", seeds.len());
    // Each panic is reported once below, with the mutant that caused it.
    std::panic::set_hook(Box::new(|_| {}));

    let next = AtomicU64::new(0);
    let (failed, refused, slowest) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= total {
                        break;
                    }
                    let seed = &seeds[(number % seeds.len() as u64) as usize];
                    let mutant =
                        mutate(&seed.bytes, &seeds[(number / 7 % seeds.len() as u64) as usize].bytes, number);
                    let start = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(|| touch(seed, mutant)));
                    let time = start.elapsed();
                    slowest.fetch_max(time.as_micros() as u64, Ordering::Relaxed);
                    let problem = match outcome {
                        Err(_) => Some("panicked"),
                        Ok(_) if time > MAX_TIME => Some("took over 2 s"),
                        Ok(answer) => {
                            refused.fetch_add(u64::from(answer.is_err()), Ordering::Relaxed);
                            None
                        }
                    };
                    if let Some(problem) = problem {
                        failed.fetch_add(1, Ordering::Relaxed);
                        eprintln!("mutant {number} of {}: {problem}", seed.path.display());
                    }
                }
            });
        }
    });

    let failed = failed.into_inner();
    let memory = peak_memory_kb();
    let is_too_much = memory.is_some_and(|kb| kb > MAX_MEMORY_KB);
    println!(
        "storm: {total} mutants of {} files, {} refused, slowest {} ms, peak memory {} MB",
        seeds.len(),
        refused.into_inner(),
        slowest.into_inner() / 1000,
        memory.unwrap_or(0) >> 10
    );
    println!("{} passed, {failed} failed", total - failed);
    let _ = std::io::stdout().flush();
    ExitCode::from(u8::from(failed > 0 || is_too_much))
}

struct Seed {
    path: PathBuf,
    /// Its name in the folder that is opened, or without folders.
    name: String,
    bytes: Vec<u8>,
    /// The other files of what is opened, with their names below it.
    others: Vec<(String, Vec<u8>)>,
}

fn seeds(folder: &Path) -> Vec<Seed> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files.sort();
    let mut seeds = Vec::new();
    for kind in KINDS {
        let of_kind: Vec<&PathBuf> =
            files.iter().filter(|path| path.to_string_lossy().ends_with(kind)).collect();
        // Spread over the sorted list, so that every producer has its share.
        let step = (of_kind.len() / SEEDS_PER_KIND).max(1);
        for path in of_kind.into_iter().step_by(step).take(SEEDS_PER_KIND) {
            seeds.push(seed(path));
        }
    }
    seeds
}

/// A seed with the files that it is opened with: those of its SavedModel, checkpoint or traced model.
fn seed(path: &Path) -> Seed {
    let bytes = std::fs::read(path).expect("a seed is readable");
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let root = path.ancestors().skip(1).take(2).find(|folder| {
        folder.join("saved_model.pb").exists() || file == "trace.json" && folder.join("config.json").exists()
    });
    let is_bundle = file.ends_with(".index") || file.contains(".data-");
    let Some(root) = root.or(path.parent().filter(|_| is_bundle)) else {
        return Seed { path: path.to_owned(), name: file, bytes, others: Vec::new() };
    };
    let mut files = Vec::new();
    collect(root, &mut files);
    let named = |file: &Path| file.strip_prefix(root).map(|name| name.to_string_lossy().into_owned());
    let others = files
        .iter()
        .filter(|file| *file != path)
        .filter_map(|file| Some((named(file).ok()?, std::fs::read(file).ok()?)));
    Seed { path: path.to_owned(), name: named(path).unwrap_or(file), bytes, others: others.collect() }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.metadata() {
            Ok(found) if found.is_dir() => collect(&path, files),
            Ok(found) if found.len() > 0 && found.len() <= MAX_SEED_BYTES => files.push(path),
            _ => {}
        }
    }
}

/// Opens a file of these bytes and reads every tensor and asset that it claims to hold.
fn touch(seed: &Seed, bytes: Vec<u8>) -> Result<()> {
    let with_others = || {
        let mut files = seed.others.clone();
        files.push((seed.name.clone(), bytes.clone()));
        MemoryFolder::shared(files)
    };
    let is_folder = ["saved_model.pb", "config.json"]
        .iter()
        .any(|name| seed.name == *name || seed.others.iter().any(|(other, _)| other == name));
    let input = match seed.name.split_once(".index").or(seed.name.split_once(".data-")) {
        _ if is_folder => Input::folder("model", with_others()),
        Some((prefix, _)) => Input::prefix(prefix, with_others()),
        None => Input::bytes(seed.name.as_str(), bytes),
    };
    let mut artifact = formats::detect(&input)?.read(&input, &Limits::default())?;
    RecordedTraces::put_into(&mut artifact, &Limits::default());
    for (_, variable) in artifact.variables.iter() {
        if variable.data.as_strings().is_none() {
            variable.data.stream(&mut |_| Ok(()))?;
        }
    }
    for asset in artifact.assets.values() {
        asset.bytes()?;
    }
    if let Some(traces) = &artifact.traces {
        for name in traces.names() {
            traces.graph(&name)?;
        }
    }
    let report = kerata::inspect::Report::of(&artifact);
    std::hint::black_box(report.to_tree().to_json());
    Ok(())
}

/// One to four changes: bit flips, bytes set, truncation, ranges copied, spliced from another file, integers at the
/// edges of their type.
fn mutate(bytes: &[u8], other: &[u8], number: u64) -> Vec<u8> {
    let mut random = SplitMix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6b65_7261_7461);
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        if out.is_empty() {
            break;
        }
        // Most structure stands at the start and the end of a file.
        let at = match random.below(4) {
            0 => random.below(out.len().min(512)),
            1 => out.len() - 1 - random.below(out.len().min(512)),
            _ => random.below(out.len()),
        };
        match random.below(8) {
            0 | 1 => out[at] ^= 1 << random.below(8),
            2 => out[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            3 => out.truncate(at),
            4 => {
                let edges = [
                    0,
                    1,
                    u64::MAX,
                    i64::MAX as u64,
                    u64::from(u32::MAX),
                    1 << 31,
                    1 << 40,
                    out.len() as u64,
                ];
                let edge = edges[random.below(edges.len())].to_le_bytes();
                let width = [2, 4, 8][random.below(3)].min(out.len() - at);
                out[at..at + width].copy_from_slice(&edge[..width]);
            }
            5 => {
                let end = (at + 1 + random.below(64)).min(out.len());
                let copy = out[at..end].to_vec();
                let to = random.below(out.len());
                out.splice(to..to, copy);
            }
            6 => {
                let end = (at + 1 + random.below(64)).min(out.len());
                out.drain(at..end);
            }
            _ => {
                let start = random.below(other.len().max(1)).min(other.len());
                let end = (start + 1 + random.below(128)).min(other.len());
                let len = (end - start).min(out.len() - at);
                out[at..at + len].copy_from_slice(&other[start..start + len]);
            }
        }
    }
    out
}

struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}

/// The most memory that this process ever held, where the system tells.
fn peak_memory_kb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
