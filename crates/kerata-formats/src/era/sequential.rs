//! Sequential models of older eras: bare lists of layers, input shapes noted at the first layer.

use kerata_core::{Object, Tree};

use super::{Era, Work, merge, objects};

/// A config that is a bare list of layers.
pub(super) fn bare_list(tree: &mut Tree, name: &str, work: &mut Work) {
    let Some(config) = tree.get_mut("config") else { return };
    if config.as_list().is_none() {
        return;
    }
    let layers = std::mem::take(config);
    let name = if name == "Sequential" { "sequential" } else { name };
    *config = Tree::from([("name", Tree::from(name)), ("trainable", Tree::from(true)), ("layers", layers)]);
    work.note("the list of layers is written as a config");
}

/// The layers, with an input layer where the first one notes its input shape.
pub(super) fn layers(config: &mut Object, work: &mut Work) {
    let Some(layers) = config.get_mut("layers").and_then(Tree::as_list_mut) else { return };
    if work.era < Era::Keras3
        && let Some(input) = layers.first().and_then(input_of)
    {
        layers.insert(0, input);
        work.note("the input shape of the first layer is written as an input layer");
    }
    let unnamed =
        layers.iter_mut().filter(|layer| layer.get("config").is_some_and(|c| c.as_list().is_some()));
    for (at, entries) in unnamed.filter_map(Tree::as_object_mut).enumerate() {
        // Models inside models have no name in Keras 1, and each needs one of its own.
        entries.entry("name".to_owned()).or_insert(Tree::from(format!("sequential_{}", at + 1)));
    }
    layers.iter_mut().for_each(|layer| objects::layer(layer, work));
    for entries in layers.iter_mut().filter_map(Tree::as_object_mut) {
        entries.shift_remove("name");
    }
}

/// The input layer that a first layer asks for.
fn input_of(first: &Tree) -> Option<Tree> {
    if first.class_name() == Some("InputLayer") {
        return None;
    }
    let config = first.get("config")?;
    if config.get("input_layers").is_some() {
        return None;
    }
    // A wrapper or a model notes it itself, or the first layer inside it does.
    let shape = merge::first_shape(first).or_else(|| {
        let inner = config.get("layers")?.as_list()?.first()?;
        (inner.class_name() != Some("InputLayer")).then(|| merge::first_shape(inner))?
    })?;
    let name = config.get("name").and_then(Tree::as_str).unwrap_or("layer");
    let dtype = config.get("input_dtype").or_else(|| config.get("dtype"));
    let dtype = dtype.and_then(Tree::as_str).unwrap_or("float32");
    let config = Tree::from([
        ("batch_shape", shape),
        ("dtype", Tree::from(dtype)),
        ("name", Tree::from(format!("{name}_input"))),
    ]);
    Some(Tree::from([("class_name", Tree::from("InputLayer")), ("config", config)]))
}
