//! `graph_def`: a frozen graph of TensorFlow, its weights constants among its nodes (`docs/formats/graph-def.md`).

mod ports;
mod read;
mod write;

use kerata_core::{Artifact, Error, Limits, LossReport, Result};

use crate::{Format, Input, Output, WriteOptions};

/// Frozen graphs.
#[derive(Debug)]
pub struct GraphDef;

impl Format for GraphDef {
    fn name(&self) -> &'static str {
        "graph_def"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &[".pb"]
    }

    fn detect(&self, input: &Input) -> Result<bool> {
        let head = input.head(read::HEAD_BYTES)?;
        if read::is_text(&head) {
            return Err(Error::unsupported("the text form of a TensorFlow graph").at(input.name()).hint(
                "write it in the binary form: `tf.io.write_graph(graph, folder, name, as_text=False)`",
            ));
        }
        Ok(read::is_graph(&head))
    }

    fn read(&self, input: &Input, limits: &Limits) -> Result<Artifact> {
        read::read(input.name(), input.require_source()?, limits)
    }

    fn write(&self, artifact: &Artifact, output: &mut Output<'_>, _: &WriteOptions) -> Result<LossReport> {
        write::write(artifact, output.file()?)
    }
}
