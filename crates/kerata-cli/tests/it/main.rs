//! The command line from outside: what people type, what comes back.

mod answers;
mod kerata;
mod pictures;
mod lost_functions;
mod refusals;
mod wrong_inputs;
