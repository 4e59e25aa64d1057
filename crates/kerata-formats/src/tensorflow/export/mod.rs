//! Graphs of kerata as graphs of TensorFlow: each op is written by its line in a table.

mod arrays;
mod attributes;
mod body;
mod control;
mod defaults;
mod elementwise;
mod gradients;
mod linalg;
mod main_graph;
mod network;
mod objects;
mod outputs;
mod reduce;
mod scatter;
mod shapes;
mod signature;
mod structures;
mod table;
mod tables;
mod text;
mod writer;

use kerata_core::graph::Graph;
use kerata_core::{Result, ResultExt};

use crate::containers::proto::tensorflow::meta_graph_def::MetaInfoDef;
use crate::containers::proto::tensorflow::{
    FunctionDefLibrary, GraphDef, MetaGraphDef, SavedModel, VersionDef,
};

pub use objects::Stored;

/// Version of graphs that TensorFlow 2 writes, and the oldest reader of them.
const VERSIONS: VersionDef = VersionDef { producer: 1994, min_consumer: 12, bad_consumers: Vec::new() };

/// The message of a SavedModel with these signatures; variables are stored under the keys of [`Stored`].
pub fn saved_model(signatures: &[(String, Graph)], variables: &[Stored]) -> Result<SavedModel> {
    let mut library = writer::Library::default();
    let mut written = Vec::new();
    for (name, graph) in signatures {
        written.push(
            signature::write(&mut library, name, graph, variables).at(|| format!("signature `{name}`"))?,
        );
    }
    let tables = library.tables.clone();
    let filled = tables.iter().map(|table| table.write(&mut library)).collect::<Result<Vec<_>>>()?;
    let main = main_graph::build(&written, variables, &tables)?;
    let object_graph = objects::build(&written, variables, &filled)?;
    let graph = MetaGraphDef {
        meta_info_def: Some(MetaInfoDef {
            tags: vec!["serve".to_owned()],
            // Loaders of TensorFlow 1 parse it as a version.
            tensorflow_version: "2.21.0".to_owned(),
            tensorflow_git_version: "unknown".to_owned(),
            stripped_default_attrs: true,
            ..MetaInfoDef::default()
        }),
        graph_def: Some(GraphDef {
            node: main.nodes,
            versions: Some(VERSIONS),
            library: Some(FunctionDefLibrary {
                function: library.functions,
                ..FunctionDefLibrary::default()
            }),
            ..GraphDef::default()
        }),
        saver_def: Some(main.saver),
        signature_def: main.signatures,
        object_graph_def: Some(object_graph),
        ..MetaGraphDef::default()
    };
    Ok(SavedModel { saved_model_schema_version: 1, meta_graphs: vec![graph] })
}
