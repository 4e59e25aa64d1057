//! `keras_metadata.pb`: the configs that Keras 2 put beside its SavedModels.

use std::collections::HashMap;

use kerata_core::{Artifact, Error, Limits, Result, ResultExt, Tree};

use super::untraced;
use crate::FolderRef;
use crate::containers::proto::{self, tf_keras::SavedMetadata};

/// The file.
pub(super) const FILE: &str = "keras_metadata.pb";

/// What the metadata says beside the configs.
#[derive(Default)]
pub(super) struct Keras {
    /// Names of the layers by the numbers of their objects.
    pub layers: HashMap<usize, String>,
    /// What kerata put there: config and variables as they were.
    pub own: Option<Tree>,
}

/// Adds the model's config and training config, when the file is there.
///
pub(super) fn add(artifact: &mut Artifact, folder: &FolderRef, limits: &Limits) -> Result<Keras> {
    let Ok(source) = folder.open(FILE) else { return Ok(Keras::default()) };
    let metadata: SavedMetadata = proto::read(&source).at(|| FILE)?;
    let Some(root) = metadata.nodes.iter().find(|node| node.node_id == 0) else {
        return Err(Error::corrupt("the Keras metadata has no root").at(FILE));
    };
    if root.identifier == "_tf_keras_metric" || root.identifier.is_empty() {
        return Ok(Keras::default());
    }
    let tree = Tree::parse(root.metadata.as_bytes(), limits).at(|| "metadata of the root").at(|| FILE)?;
    if let (Some(class_name), Some(config)) = (tree.get("class_name"), tree.get("config")) {
        let mut config = config.clone();
        lists_for_tuples(&mut config);
        artifact.config = Some(Tree::from([("class_name", class_name.clone()), ("config", config)]));
    }
    let training = tree.get("training_config").filter(|training| !training.is_null());
    artifact.compile_config = training.cloned().map(|mut training| {
        lists_for_tuples(&mut training);
        training
    });
    artifact.metadata.keras_version = tree.get("keras_version").and_then(Tree::as_str).map(str::to_owned);
    artifact.metadata.backend = tree.get("backend").and_then(Tree::as_str).map(str::to_owned);
    let mut names = HashMap::new();
    for node in &metadata.nodes {
        let place = || format!("metadata of `{}`", node.node_path);
        let layer = Tree::parse(node.metadata.as_bytes(), limits).at(place).at(|| FILE)?;
        let name = layer.get("name").and_then(Tree::as_str);
        if let (Ok(id), Some(name)) = (usize::try_from(node.node_id), name) {
            names.insert(id, name.to_owned());
        }
    }
    Ok(Keras { layers: names, own: tree.get(untraced::ENTRY).cloned() })
}

/// Replaces `{"class_name": "__tuple__", "items": [...]}` by the list.
fn lists_for_tuples(tree: &mut Tree) {
    if tree.class_name() == Some("__tuple__")
        && let Some(items) = tree.get_mut("items").map(std::mem::take)
    {
        *tree = items;
    }
    match tree {
        Tree::List(items) => items.iter_mut().for_each(lists_for_tuples),
        Tree::Object(entries) => entries.values_mut().for_each(lists_for_tuples),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_become_lists() {
        let text = br#"{"a": {"class_name": "__tuple__", "items": [null, {"class_name": "__tuple__", "items": [1]}]}}"#;
        let mut tree = Tree::parse(text, &Limits::default()).unwrap();
        lists_for_tuples(&mut tree);
        assert_eq!(tree.to_json(), r#"{"a": [null, [1]]}"#);
    }
}
