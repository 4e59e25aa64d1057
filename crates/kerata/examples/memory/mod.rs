//! Memory of this process, as Linux tells it.

use kerata_core::{Error, Result};

/// Starts the peak (`VmHWM:`) anew.
pub fn start_peak() -> Result<()> {
    std::fs::write("/proc/self/clear_refs", "5").map_err(|error| Error::io("start the peak", &error))
}

/// A line of `/proc/self/status` in bytes.
pub fn status(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")
        .map_err(|error| Error::io("read the process's status", &error))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kilobytes.map(|number| number * 1024).ok_or_else(|| Error::internal(format!("no `{name}`")))
}
