//! The `kerata` command.
#![forbid(unsafe_code)]

mod answer;
mod commands;
mod context;
mod table;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::main()
}
