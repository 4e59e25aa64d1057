//! `onnx`: the weights of an ONNX model and what it is made of, read only (`docs/formats/onnx.md`).

mod fields;
mod read;
mod tensor;

use kerata_core::{Artifact, Error, Limits, LossReport, Result};

use crate::{Format, Input, Output, WriteOptions};

/// ONNX models.
#[derive(Debug)]
pub struct Onnx;

impl Format for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".onnx"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        Ok(input.source().is_some_and(read::is_model))
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        read::read(input, limits)
    }

    fn write(&self, _: &Artifact, _: &mut Output<'_>, _: &WriteOptions) -> Result<LossReport> {
        Err(Error::unsupported("ONNX models are read, not written")
            .hint("`--to saved_model` writes what tf2onnx takes"))
    }
}
