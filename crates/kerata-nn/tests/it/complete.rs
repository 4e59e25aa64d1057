//! Every built-in layer stands in a golden model that runs, and reads every argument that Keras writes.

use std::collections::{BTreeMap, BTreeSet};

use kerata_core::Tree;
use kerata_nn::Registry;
use kerata_nn::config::Value;
use kerata_nn::layers::AnyLayer;

use crate::cannot::CANNOT;
use crate::golden::{cases, read};

/// What every layer has, read outside of the layers.
const BASE: &[&str] = &["name", "trainable", "dtype", "activity_regularizer", "autocast"];

/// Layers without a golden model that runs, and why.
const WITHOUT_MODEL: &[(&str, &str)] = &[
    ("Highway", "of Keras 1, runs in `eras`"),
    ("LocallyConnected1D", "of Keras 2, runs in `eras`"),
    ("LocallyConnected2D", "of Keras 2, runs in `eras`"),
    ("MaxoutDense", "of Keras 1, runs in `eras`"),
    ("ParametricSoftplus", "of Keras 1, runs in `eras`"),
    ("SReLU", "of Keras 1, runs in `eras`"),
    ("Wrapper", "the base of other layers, never used alone"),
];

/// The serialized layers in a tree, by class.
fn collect<'a>(tree: &'a Tree, into: &mut BTreeMap<String, Vec<&'a Tree>>) {
    if let (Some(class), Some(Tree::Object(_))) = (tree.class_name(), tree.get("config")) {
        into.entry(class.to_owned()).or_default().push(tree);
    }
    if let Some(entries) = tree.as_object() {
        entries.values().for_each(|value| collect(value, into));
    }
    tree.as_list().into_iter().flatten().for_each(|item| collect(item, into));
}

#[test]
fn every_layer_reads_its_arguments_and_has_a_model_that_runs() {
    let classes = Registry::layer_classes();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for (name, path) in cases("keras-3.15") {
        let runs = !CANNOT.iter().any(|(known, _)| *known == name);
        let artifact = read(&path.join("model.keras")).expect("a golden file");
        let config = artifact.config.expect("a golden file has a config");
        let mut layers = BTreeMap::new();
        collect(&config, &mut layers);
        for (class, trees) in layers.iter().filter(|(class, _)| classes.contains(&class.as_str())) {
            if runs {
                seen.insert(class.clone());
            }
            for tree in
                trees.iter().filter(|tree| tree.get("module").and_then(Tree::as_str) == Some("keras.layers"))
            {
                let layer = AnyLayer::read(tree, Registry::built_in()).expect("a golden layer");
                let own = layer.layer().config();
                for (key, value) in tree.get("config").and_then(Tree::as_object).into_iter().flatten() {
                    let is_known = BASE.contains(&key.as_str());
                    match own.get(key) {
                        Some(read) if same(read, value) => {}
                        Some(read) => {
                            wrong.insert(format!(
                                "{class}.{key}: {} became {}",
                                value.to_json(),
                                read.to_json()
                            ));
                        }
                        None if is_known => {}
                        None => {
                            wrong.insert(format!("{class}.{key} is not read"));
                        }
                    }
                }
            }
        }
    }
    for class in classes {
        if !seen.contains(class) && !WITHOUT_MODEL.iter().any(|(known, _)| *known == class) {
            wrong.insert(format!("{class} has no golden model that runs"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Whether two trees mean the same: Python has one kind of number.
fn same(a: &Tree, b: &Tree) -> bool {
    match (a, b) {
        (Tree::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a)),
    }
}
