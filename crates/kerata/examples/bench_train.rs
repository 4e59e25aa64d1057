//! CPU time of steps of training: `bench_train MODEL.keras X.npy Y.npy BATCH`; `scripts/bench/train` runs it.
//!
//! Prints milliseconds of CPU for each step, median of the steps after the first few, and by how many bytes of memory the
//! process grew from before the training to its peak. Samples and the program's own pages are there before; pages of files
//! do not count.

mod memory;

use std::sync::{Arc, Mutex, PoisonError};

use kerata::core::array::Array;
use kerata::core::{Error, Limits, Result};
use kerata::formats::containers::npy;
use kerata::train::Named;
use kerata::{FitOptions, OpenOptions, Registry};
use memory::{start_peak, status};

/// Steps until buffers are warm.
const WARM: usize = 5;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, x, y, batch] = &arguments[..] else {
        return Err(Error::usage("bench_train MODEL.keras X.npy Y.npy BATCH"));
    };
    let batch = batch.parse().map_err(|_| Error::usage("BATCH is a number"))?;
    let artifact = kerata::open(model, &OpenOptions::new())?;
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let options = FitOptions::new().epochs(2).batch_size(batch).shuffle(false).observer(move |_| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(cpu_nanoseconds());
        Ok(())
    });
    let (x, y) = (read(x)?, read(y)?);
    start_peak()?;
    let before = status("RssAnon:")?;
    kerata::fit(&artifact, &x, &y, &Registry::new(), &options)?;
    // Pages of the model's file are the system's to take back.
    let grown = status("VmHWM:")?.saturating_sub(status("RssFile:")?).saturating_sub(before);
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    let mut steps: Vec<f64> =
        times.windows(2).skip(WARM).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
    steps.sort_by(f64::total_cmp);
    let median = steps.get(steps.len() / 2).copied().unwrap_or(f64::NAN);
    println!("{{\"ms\": {median:.4}, \"grown\": {grown}}}");
    Ok(())
}

fn read(path: &str) -> Result<Named> {
    let input = kerata::input(path)?;
    let variable = npy::read(input.require_source()?, &Limits::default())?;
    Ok(Named::from_iter([("array".to_owned(), Array::from_variable(&variable)?)]))
}

/// CPU time of this thread: the steps use no other.
fn cpu_nanoseconds() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
