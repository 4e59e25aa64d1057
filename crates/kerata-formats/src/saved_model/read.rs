//! Reads a SavedModel: variables under their object paths, configs, assets; graphs stay messages.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kerata_core::artifact::{Original, Traces};
use kerata_core::{Artifact, Data, Error, Limits, Result, ResultExt, Tree};

use super::{
    GRAPH_FILE, VARIABLES_PREFIX, assets, keras_metadata, keras_paths, objects, signatures, untraced,
};
use crate::FolderRef;
use crate::checkpoint::keys::{OBJECT_GRAPH_KEY, path_of_key};
use crate::checkpoint::{add_leftovers, add_named, add_tensor};
use crate::containers::bundle::{Bundle, index_name};
use crate::containers::proto;
use crate::containers::proto::tensorflow::{
    self, AssetFileDef, MetaGraphDef, SavedObjectGraph, SavedVariable, collection_def, saved_object,
};
use crate::tensorflow::import::Program;

/// The names of the inputs in the model's order, as a JSON list.
pub(super) const INPUT_ORDER_FILE: &str = "assets.extra/kerata_inputs.json";

/// Collection of the assets.
const ASSETS_COLLECTION: &str = "saved_model_assets";

/// Tag of the graph that is served.
const SERVE: &str = "serve";

/// Reads the artifact of a SavedModel.
pub(super) fn read(folder: &FolderRef, limits: &Limits) -> Result<Artifact> {
    let message: tensorflow::SavedModel = proto::read(&folder.open(GRAPH_FILE)?).at(|| GRAPH_FILE)?;
    let graph = choose(message)?;
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("saved_model".to_owned());
    describe(&mut artifact, &graph);
    let keras = keras_metadata::add(&mut artifact, folder, limits)?;
    assets::add(&mut artifact, folder, &graph)?;
    let mut paths = HashMap::new();
    let has_variables = folder.open(&index_name(VARIABLES_PREFIX)).is_ok();
    match &graph.object_graph_def {
        Some(saved) if !saved.nodes.is_empty() => {
            let bundle = has_variables.then(|| Bundle::open(folder, VARIABLES_PREFIX, limits)).transpose()?;
            paths = add_variables(&mut artifact, saved, bundle.as_ref()).at(|| GRAPH_FILE)?;
            if let Some(own) = &keras.own {
                untraced::restore(&mut artifact, own).at(|| keras_metadata::FILE)?;
            } else if artifact.config.is_some() {
                keras_paths::apply(&mut artifact, saved, &keras.layers, &mut paths)?;
            }
        }
        _ if has_variables => {
            let bundle = Bundle::open(folder, VARIABLES_PREFIX, limits)?;
            add_named(&mut artifact, &bundle, Some(&graph))?;
        }
        _ => {}
    }
    let order = input_order(&artifact, limits)?;
    let program = Program::new(Arc::new(graph), &artifact, paths, order, limits);
    artifact.traces = (!program.names().is_empty()).then(|| Arc::new(program) as Arc<dyn Traces>);
    let original = Original::new(files(folder)?, &artifact.variables, artifact.traces.as_ref());
    artifact.original = Some(Arc::new(original));
    Ok(artifact)
}

/// All files of the folder, read when they are asked for.
fn files(folder: &FolderRef) -> Result<Vec<(String, Data)>> {
    let file = |name: String| {
        let source = folder.open(&name)?;
        let len = source.len();
        Ok((name, Data::range(source, 0, len)?))
    };
    folder.names()?.into_iter().map(file).collect()
}

/// Names of the inputs in the model's order, where the writer has noted it.
fn input_order(artifact: &Artifact, limits: &Limits) -> Result<Vec<String>> {
    let Some(data) = artifact.extras.get(INPUT_ORDER_FILE) else { return Ok(Vec::new()) };
    if data.len() > limits.max_metadata_bytes {
        return Err(Error::limit(format!("{} bytes", data.len())).at(INPUT_ORDER_FILE));
    }
    let tree = Tree::parse(&data.bytes()?, limits).at(|| INPUT_ORDER_FILE)?;
    let names = tree.as_list().unwrap_or_default().iter().filter_map(Tree::as_str);
    Ok(names.map(str::to_owned).collect())
}

/// The graph that is served; without one, the first.
fn choose(message: tensorflow::SavedModel) -> Result<MetaGraphDef> {
    let mut graphs = message.meta_graphs;
    let is_served = |graph: &MetaGraphDef| {
        graph.meta_info_def.as_ref().is_some_and(|info| info.tags.iter().any(|tag| tag == SERVE))
    };
    let position = graphs.iter().position(is_served).unwrap_or(0);
    if graphs.is_empty() {
        return Err(Error::corrupt("no graph is stored").at(GRAPH_FILE));
    }
    let mut graph = graphs.swap_remove(position);
    // Writers of TensorFlow 1 list the assets in a collection.
    if let Some(collection_def::Kind::AnyList(list)) =
        graph.collection_def.get(ASSETS_COLLECTION).and_then(|collection| collection.kind.as_ref())
    {
        let assets = list.value.iter().map(|any| proto::decode::<AssetFileDef>(any.value.clone()));
        let assets = assets.collect::<Result<Vec<_>>>().at(|| ASSETS_COLLECTION).at(|| GRAPH_FILE)?;
        graph.asset_file_def.extend(assets);
    }
    Ok(graph)
}

fn describe(artifact: &mut Artifact, graph: &MetaGraphDef) {
    let extra = &mut artifact.metadata.extra;
    extra.insert("signatures".to_owned(), signatures::describe(graph));
    if let Some(info) = &graph.meta_info_def {
        extra.insert(
            "tags".to_owned(),
            info.tags.iter().map(|tag| Tree::from(tag.as_str())).collect::<Vec<_>>().into(),
        );
        extra.insert("tensorflow_version".to_owned(), info.tensorflow_version.as_str().into());
    }
    let functions =
        graph.graph_def.iter().flat_map(|graph| &graph.library).flat_map(|library| &library.function);
    let mut nodes = functions.flat_map(|function| &function.node_def);
    if nodes.any(|node| node.op == "XlaCallModule") {
        artifact
            .notes
            .push("the graph holds compiled StableHLO modules (exported with the jax backend)".to_owned());
    }
}

/// Adds the variables of the objects, one copy of those that are stored twice; gives the path of each object's variable.
fn add_variables(
    artifact: &mut Artifact,
    saved: &SavedObjectGraph,
    bundle: Option<&Bundle>,
) -> Result<HashMap<usize, String>> {
    let objects = objects::objects_of(saved)?;
    let variables: Vec<(usize, &SavedVariable)> = saved
        .nodes
        .iter()
        .enumerate()
        .filter_map(|(index, node)| match &node.kind {
            Some(saved_object::Kind::Variable(variable)) => Some((index, variable)),
            _ => None,
        })
        .collect();
    let Some(bundle) = bundle else {
        return match variables.first() {
            None => Ok(HashMap::new()),
            Some(_) => {
                Err(Error::corrupt(format!("{} variables, and no file that holds them", variables.len()))
                    .hint("the folder `variables` is missing"))
            }
        };
    };
    let stored = proto::decode(Bytes::from(bundle.text(OBJECT_GRAPH_KEY)?)).at(|| OBJECT_GRAPH_KEY)?;
    let keys = objects::keys_of(&objects, &stored)?;
    let roles = objects.roles();
    let mut paths = HashMap::new();
    let mut twins: HashMap<&str, Vec<String>> = HashMap::new();
    for (index, variable) in variables {
        // Variables that no object reaches and copies on other devices have no tensor.
        let Some(key) = keys.get(&index).filter(|key| bundle.contains(key)) else { continue };
        let path = path_of_key(key).to_owned();
        if artifact.variables.get(&path).is_some() {
            paths.insert(index, path);
            continue;
        }
        // Keras 3 exports each variable twice, as two objects of one name and value.
        let known = twins.entry(variable.name.as_str()).or_default();
        if let Some(position) = known.iter().position(|twin| bundle.is_same(twin, key) && is_twin(twin, key))
        {
            let twin = known.swap_remove(position);
            let twin = path_of_key(&twin).to_owned();
            note_twin(artifact, key, &twin);
            paths.insert(index, twin);
            continue;
        }
        let role = roles.get(index).copied().flatten().unwrap_or_default();
        add_tensor(artifact, bundle, key, role, &variable.name)?;
        if let Some(added) = artifact.variables.get_mut(&path) {
            added.trainable = Some(variable.trainable);
        }
        known.push(key.clone());
        paths.insert(index, path);
    }
    add_leftovers(artifact, bundle)?;
    Ok(paths)
}

/// Whether the keys are those of the two lists in which Keras 3 exports its variables.
fn is_twin(first: &str, second: &str) -> bool {
    first.starts_with("variables/") && second.starts_with("_all_variables/")
}

/// Notes the second key of a variable, for a writer that keeps both.
fn note_twin(artifact: &mut Artifact, key: &str, path: &str) {
    let extra = &mut artifact.metadata.extra;
    let twins = extra.entry("twins".to_owned()).or_insert_with(|| Tree::Object(kerata_core::Object::new()));
    if let Some(twins) = twins.as_object_mut() {
        twins.insert(key.to_owned(), path.into());
    }
}
