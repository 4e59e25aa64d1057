//! The waist of kerata: what every format, layer and engine speaks.
//!
//! No I/O, no threads, no `unsafe`. See `ARCHITECTURE.md` for the floors above.
#![forbid(unsafe_code)]

pub mod array;
pub mod artifact;
pub mod autodiff;
pub mod data;
pub mod dtype;
pub mod error;
pub mod graph;
pub mod limits;
pub mod ops;
pub mod originals;
pub mod shape;
pub mod source;
pub mod tree;
pub mod variable;

pub use array::Array;
pub use artifact::{Artifact, Check, LossReport, Metadata};
pub use data::Data;
pub use dtype::DType;
pub use error::{Error, ErrorKind, Result, ResultExt};
pub use graph::{Graph, GraphBuilder, Tensor, TensorSpec};
pub use limits::Limits;
pub use originals::Originals;
pub use shape::Shape;
pub use source::{Folder, FolderSink, MemorySource, Sink, Source, SourceRef, SubSource};
pub use tree::{Object, Tree};
pub use variable::{Role, Variable, Variables};
