//! The command line from outside: what people type, what comes back.

mod answers;
#[cfg(target_os = "linux")]
mod disk;
mod kerata;
mod lost_functions;
mod pictures;
mod refusals;
mod spoiled;
mod tour;
mod wrong_inputs;
