//! Serialized objects: the rows of the table applied to a layer, then what it holds.

use kerata_core::{Object, Tree};

use super::modules::{self, Place};
use super::{Era, Work, activation, graph, merge, rows, sequential};
use crate::walk;

/// Keys of a config that hold a layer, or a list of layers.
const HOLDERS: &[&str] = &["layer", "backward_layer", "cell", "cells"];

/// A layer or model.
pub(super) fn layer(tree: &mut Tree, work: &mut Work) {
    let Some(class) = tree.class_name().map(str::to_owned) else { return };
    let name = tree.path(&["config", "name"]).or_else(|| tree.get("name")).and_then(Tree::as_str);
    let name = name.map_or_else(|| class.clone(), str::to_owned);
    work.inside(&name, |work| {
        sequential::bare_list(tree, &name, work);
        if work.era == Era::Keras1 {
            merge::as_graph(tree, work);
        }
        rows::apply(tree, work);
        built_in(tree);
        let era = work.era;
        if let Some(entries) = tree.as_object_mut() {
            let is_built_in =
                entries.get("module").and_then(Tree::as_str).is_some_and(|m| m.starts_with("keras"));
            if era < Era::Keras3 && is_built_in {
                entries.shift_remove("build_config");
            }
        }
        let class = tree.class_name().unwrap_or_default().to_owned();
        let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut) else { return };
        config.shift_remove("__passive_serialization__");
        arguments(config, work);
        match class.as_str() {
            "Sequential" => sequential::layers(config, work),
            _ if config.contains_key("input_layers") => graph::layers(config, work),
            _ => {}
        }
    });
}

/// Gives a built-in class its public module.
fn built_in(tree: &mut Tree) {
    let Some(class) = tree.class_name().map(str::to_owned) else { return };
    let Some(entries) = tree.as_object_mut() else { return };
    if let Some((_, bare)) = class.split_once('>') {
        // Older files name registered classes by package and class in one.
        let bare = bare.to_owned();
        entries.insert("class_name".into(), bare.into());
        entries.entry("registered_name".into()).or_insert(class.into());
        head(entries);
        return;
    }
    let module = entries.get("module").and_then(Tree::as_str);
    let is_op = module.is_some_and(|module| module.contains(".ops"));
    let registered = entries.get("registered_name").and_then(Tree::as_str);
    let is_custom = registered.is_some_and(|registered| registered.contains('>'))
        || module.is_some_and(|module| !is_keras_module(module));
    if is_op || is_custom || !walk::is_known(&class) {
        return head(entries);
    }
    let has_graph = entries.get("config").is_some_and(|config| config.get("input_layers").is_some());
    let class = if class == "Model" && has_graph { "Functional".to_owned() } else { class };
    let (module, registered) = modules::of_layer(&class);
    entries.insert("module".into(), module.into());
    entries.insert("class_name".into(), class.into());
    entries.insert("registered_name".into(), registered.into());
    head(entries);
}

fn is_keras_module(module: &str) -> bool {
    ["keras", "tf_keras", "tensorflow.python.keras", "tensorflow.keras", "tensorflow_core.python.keras"]
        .iter()
        .any(|prefix| module == *prefix || module.starts_with(&format!("{prefix}.")))
}

/// Puts `module`, `class_name`, `config`, `registered_name` first, as Keras 3 writes them.
fn head(entries: &mut Object) {
    if !entries.contains_key("module") {
        entries.insert("module".into(), Tree::Null);
    }
    if !entries.contains_key("registered_name") {
        let name = entries.get("class_name").cloned().unwrap_or_default();
        entries.insert("registered_name".into(), name);
    }
    for (at, key) in ["module", "class_name", "config", "registered_name"].into_iter().enumerate() {
        if let Some(from) = entries.get_index_of(key) {
            entries.move_index(from, at.min(entries.len() - 1));
        }
    }
}

/// Everything inside a layer's config: initializers, activations, wrapped layers, the dtype.
fn arguments(config: &mut Object, work: &mut Work) {
    for (key, value) in config.iter_mut() {
        let place = match key.as_str() {
            key if key.ends_with("_initializer") => Some(Place::Initializer),
            key if key.ends_with("_regularizer") => Some(Place::Regularizer),
            key if key.ends_with("_constraint") => Some(Place::Constraint),
            _ => None,
        };
        if let Some(place) = place {
            object(value, place, work);
        }
        if HOLDERS.contains(&key.as_str()) {
            if let Some(items) = value.as_list_mut() {
                items.iter_mut().for_each(|item| layer(item, work));
            } else {
                layer(value, work);
            }
        }
        if matches!(key.as_str(), "activation" | "recurrent_activation") {
            function(value, key, work);
        }
        if key == "dtype" {
            dtype(value);
        }
    }
}

/// An initializer, regularizer or constraint.
pub(super) fn object(tree: &mut Tree, place: Place, work: &mut Work) {
    let Some(class) = tree.class_name() else {
        if let Some(entries) = tree.as_object_mut()
            && let Some(name) = entries.get("name").and_then(Tree::as_str)
        {
            // Keras 1 spells `{"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}`.
            let Some(name) = modules::spelled(place, name) else { return };
            entries.shift_remove("name");
            if let Some(m) = entries.shift_remove("m") {
                entries.insert("max_value".into(), m);
            }
            let config = Tree::Object(std::mem::take(entries));
            work.note(format!("`{name}` is written as class and config"));
            *tree = built(place, name, config);
        }
        return;
    };
    if class.contains('>') || tree.get("module").and_then(Tree::as_str).is_some_and(|m| !is_keras_module(m)) {
        return;
    }
    let Some(class) = modules::spelled(place, class) else { return };
    let mut config = tree.get("config").cloned().unwrap_or_else(|| Tree::Object(Object::new()));
    if let Some(entries) = config.as_object_mut() {
        if work.era < Era::Keras3 && entries.shift_remove("dtype").is_some() {
            work.note(format!("`dtype` of `{class}` is dropped"));
        }
        entries.shift_remove("partition_info");
        if class == "VarianceScaling" && entries.get("distribution").and_then(Tree::as_str) == Some("normal")
        {
            entries.insert("distribution".into(), "truncated_normal".into());
        }
        if class == "L1L2" && entries.get("l1").is_none() {
            entries.insert("l1".into(), 0.0.into());
        }
        entries.shift_remove("__passive_serialization__");
    }
    let shared = tree.get("shared_object_id").cloned();
    *tree = built(place, class, config);
    if let (Some(id), Some(entries)) = (shared.filter(|_| work.era == Era::Keras3), tree.as_object_mut()) {
        entries.insert("shared_object_id".into(), id);
    }
}

/// A serialized built-in object.
pub(super) fn built(place: Place, class: &str, config: Tree) -> Tree {
    Tree::from([
        ("module", Tree::from(place.module())),
        ("class_name", Tree::from(class)),
        ("config", config),
        ("registered_name", Tree::Null),
    ])
}

/// An activation: a name, a function, or a layer.
fn function(tree: &mut Tree, key: &str, work: &mut Work) {
    if tree.class_name().is_some_and(|class| class != "function") {
        if activation::is_old_hard_sigmoid(tree) {
            return;
        }
        return layer(tree, work);
    }
    let Some(name) = tree.as_str() else { return };
    if work.era < Era::Keras3 && name == "hard_sigmoid" {
        *tree = activation::old_hard_sigmoid();
        work.note(format!("`{key}` keeps the meaning of the older `hard_sigmoid`, clip(0.2 x + 0.5, 0, 1)"));
    } else if let Some((_, new)) = activation::RENAMED.iter().find(|(old, _)| *old == name) {
        *tree = (*new).into();
    }
}

/// A dtype or policy: older files spell `{"class_name": "Policy", "config": {"name": "mixed_float16"}}`.
fn dtype(tree: &mut Tree) {
    let policy = tree.class_name().is_some_and(|class| class.starts_with("Policy"));
    if policy && let Some(name) = tree.path(&["config", "name"]).and_then(Tree::as_str) {
        *tree = match name {
            "infer" | "_infer" => "float32".into(),
            name => Tree::from([
                ("module", Tree::from("keras")),
                ("class_name", Tree::from("DTypePolicy")),
                ("config", Tree::from([("name", Tree::from(name))])),
                ("registered_name", Tree::Null),
            ]),
        };
        return;
    }
    if tree.class_name() == Some("DTypePolicy")
        && let Some(entries) = tree.as_object_mut()
    {
        entries.shift_remove("__passive_serialization__");
        entries.insert("module".into(), "keras".into());
        if !entries.contains_key("registered_name") {
            entries.insert("registered_name".into(), Tree::Null);
        }
        head(entries);
    }
}

/// Layers of Keras 1 that mean the order of axes and do not note it.
const SILENT: &[&str] =
    &["Cropping2D", "Cropping3D", "UpSampling2D", "UpSampling3D", "ZeroPadding2D", "ZeroPadding3D"];

/// Keras 1 left the order of axes out of some configs: it is that of the other layers of the model.
pub(super) fn data_format_of_all(config: &mut Tree, work: &mut Work) {
    if noted_order(config) != Some("th".to_owned()) {
        return;
    }
    fn fill(tree: &mut Tree, work: &mut Work) {
        let class = tree.class_name().unwrap_or_default().to_owned();
        if SILENT.contains(&class.as_str())
            && let Some(config) = tree.get_mut("config").and_then(Tree::as_object_mut)
            && !config.contains_key("dim_ordering")
        {
            config.insert("dim_ordering".into(), "th".into());
            work.note(format!("`{class}` has the order of axes of the other layers: channels first"));
        }
        match tree {
            Tree::List(items) => items.iter_mut().for_each(|item| fill(item, work)),
            Tree::Object(entries) => entries.values_mut().for_each(|item| fill(item, work)),
            _ => {}
        }
    }
    fill(config, work);
}

/// The first order of axes that any layer notes.
fn noted_order(tree: &Tree) -> Option<String> {
    match tree {
        Tree::List(items) => items.iter().find_map(noted_order),
        Tree::Object(entries) => {
            let own = entries.get("dim_ordering").and_then(Tree::as_str).map(str::to_owned);
            own.or_else(|| entries.values().find_map(noted_order))
        }
        _ => None,
    }
}
