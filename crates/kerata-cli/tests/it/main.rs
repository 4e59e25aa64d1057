//! The command line from outside: what people type, what comes back.

mod answers;
mod kerata;
mod lost_functions;
mod pictures;
mod refusals;
mod tour;
mod wrong_inputs;
