//! The class facts, one file a family.

mod attention;
mod convolutional;
mod core;
mod legacy;
mod metrics;
mod models;
mod normalization;
mod preprocessing;
mod recurrent;
mod stateless;
mod wrappers;

use super::facts::{Child, Class, Facts, Part};

/// Every family.
const FAMILIES: &[&[Class]] = &[
    attention::CLASSES,
    convolutional::CLASSES,
    core::CLASSES,
    legacy::CLASSES,
    metrics::CLASSES,
    models::CLASSES,
    normalization::CLASSES,
    preprocessing::CLASSES,
    recurrent::CLASSES,
    stateless::CLASSES,
    wrappers::CLASSES,
];

/// The facts of the class of this name; `None` for custom classes.
pub(super) fn find(name: &str) -> Option<&'static Class> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|class| class.name == name || class.python == name)
}

/// Whether an object is a model: its layers are visited first and its name is in no variable's path.
pub(super) fn is_model(part: &Part<'_>) -> bool {
    models::CLASSES.iter().any(|class| class.name == part.class_name)
        || part
            .config
            .is_some_and(|config| config.contains_key("input_layers") && config.contains_key("layers"))
}

/// What is known of a custom class: the layers of a model's graph.
pub(super) fn children_of_unknown<'a>(facts: &Facts<'a>) -> Vec<Child<'a>> {
    match facts.config {
        Some(config) if config.contains_key("input_layers") => models::functional(facts),
        _ => Vec::new(),
    }
}
