//! The Rust side of `scripts/bench/io`: one timed action a process, one JSON object on standard output.
//!
//!     bench_io raw BYTES OUT          write so many bytes in blocks of 8 MiB and sync
//!     bench_io raw-read FILE          read a file in blocks of 8 MiB
//!     bench_io save SRC OUT           hold the tensors of SRC in memory, then time `kerata::save`
//!     bench_io open FILE              `kerata::open`: metadata only
//!     bench_io load FILE              `kerata::load`: every tensor in memory
//!     bench_io touch FILE PATH        `kerata::open`, one tensor read
//!
//! `seconds` is wall-clock time of the action, `cpu` processor time of the process during it, `extra_mb` how much the peak of
//! memory grew during it.

use std::fs::File;
use std::io::{Read, Write};
use std::time::Instant;

use kerata::{OpenOptions, SaveOptions};
use kerata_core::{Error, Result};

const BLOCK: usize = 8 << 20;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["raw", bytes, out] => {
            let bytes: usize = bytes.parse().map_err(|_| Error::usage("BYTES is a number"))?;
            let block = vec![0x5a; BLOCK];
            measure(|| raw_write(out, bytes, &block).map_err(|error| Error::io("write", &error)))
        }
        ["raw-read", file] => measure(|| raw_read(file).map_err(|error| Error::io("read", &error))),
        ["save", src, out] => {
            let artifact = kerata::load(src, &OpenOptions::new())?;
            measure(|| kerata::save(&artifact, out, &SaveOptions::new().overwrite(true)).map(drop))
        }
        ["open", file] => measure(|| kerata::open(file, &OpenOptions::new()).map(drop)),
        ["load", file] => measure(|| kerata::load(file, &OpenOptions::new()).map(std::mem::forget)),
        ["touch", file, path] => measure(|| {
            let artifact = kerata::open(file, &OpenOptions::new())?;
            let variable = artifact.variables.get(path).ok_or_else(|| Error::not_found(path))?;
            let sum: u64 = variable.data.bytes()?.iter().map(|byte| u64::from(*byte)).sum();
            std::hint::black_box(sum);
            Ok(())
        }),
        _ => Err(Error::usage("see the head of this file")),
    }
}

fn raw_write(out: &str, bytes: usize, block: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(out)?;
    let mut left = bytes;
    while left > 0 {
        let size = left.min(block.len());
        file.write_all(&block[..size])?;
        left -= size;
    }
    file.sync_all()
}

fn raw_read(path: &str) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK];
    while file.read(&mut block)? > 0 {}
    Ok(())
}

fn measure(action: impl FnOnce() -> Result<()>) -> Result<()> {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let memory = status_kb("VmRSS:");
    let (cpu, start) = (cpu_seconds(), Instant::now());
    action()?;
    let seconds = start.elapsed().as_secs_f64();
    let extra = status_kb("VmHWM:").saturating_sub(memory) as f64 / 1024.0;
    println!(r#"{{"seconds": {seconds:.6}, "cpu": {:.6}, "extra_mb": {extra:.1}}}"#, cpu_seconds() - cpu);
    Ok(())
}

fn status_kb(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// User and system time of this process, ended threads included.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
