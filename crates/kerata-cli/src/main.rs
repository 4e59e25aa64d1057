//! The `kerata` command.
#![forbid(unsafe_code)]

fn main() {}
