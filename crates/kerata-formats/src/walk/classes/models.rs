//! Models: their layers come first.

use crate::walk::facts::{Child, Class, Facts, Part};
use kerata_core::Tree;

/// The family.
pub(super) const CLASSES: &[Class] = &[
    Class::holds("Functional", functional),
    Class::holds("Model", functional),
    Class::holds("Sequential", |facts| {
        let mut layers = facts.parts("layers");
        if layers.first().is_some_and(|layer| layer.class_name == "InputLayer") {
            layers.remove(0);
        }
        vec![Child::layers(layers)]
    }),
];

/// The layers of a graph; raw ops are no layers.
pub(super) fn functional<'a>(facts: &Facts<'a>) -> Vec<Child<'a>> {
    let mut layers = facts.parts("layers");
    layers.retain(|part| !is_op(part));
    vec![Child::layers(layers)]
}

fn is_op(part: &Part<'_>) -> bool {
    let module = part.tree.and_then(|tree| tree.get("module")).and_then(Tree::as_str).unwrap_or_default();
    module.starts_with("keras.src.ops") || module.starts_with("keras.ops") || module == "keras.src.ops"
}
