//! Runs the binary under test.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use kerata_core::{Limits, Tree};

/// What came back.
#[derive(Debug)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The one JSON object on standard output.
    pub fn json(&self) -> Tree {
        Tree::parse(self.stdout.as_bytes(), &Limits::default())
            .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", self.stdout, self.stderr))
    }
}

/// Runs `kerata` with these arguments.
pub fn kerata<A: AsRef<OsStr>>(arguments: &[A]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_kerata"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary starts");
    Outcome {
        status: output.status.code().expect("the process ends by itself"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A file below `fixtures/golden`.
pub fn golden(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden")).join(path)
}
