//! The layers of a config with the paths of their variables, to read and to change.

use kerata_core::{Error, Result, Tree};
use kerata_formats::walk::{self, Walk};

/// One layer of a config.
pub(super) struct Visited<'a> {
    /// The serialized layer, to be changed.
    pub tree: &'a mut Tree,
    /// Path of the object: `layers/dense`.
    pub path: &'a str,
    /// Its class.
    pub class: &'a str,
    /// What Keras calls it.
    pub name: &'a str,
    /// The class of the wrapper that it is in, when it is in one.
    pub wrapper: Option<&'a str>,
}

/// Takes a layer.
pub(super) type Visit<'v> = &'v mut dyn FnMut(Visited<'_>, &Walk) -> Result<()>;

/// Visits every layer below a model, outer ones first, also those inside models and wrappers.
pub(super) fn for_each(config: &mut Tree, visit: Visit<'_>) -> Result<()> {
    let walk = walk::objects(config);
    inside(config, "", &walk, visit)
}

/// Whether a serialized layer is Keras's own of this class, not one that a user derived.
pub(super) fn is_own(tree: &Tree) -> bool {
    let registered = tree.get("registered_name").and_then(Tree::as_str);
    registered.is_none_or(|name| !name.contains('>'))
}

/// The name of a serialized layer.
pub(super) fn name_of(tree: &Tree) -> Option<&str> {
    tree.path(&["config", "name"]).or_else(|| tree.get("name")).and_then(Tree::as_str)
}

/// The config of a serialized layer, to change.
pub(super) fn config_of(tree: &mut Tree) -> Result<&mut kerata_core::Object> {
    tree.get_mut("config")
        .and_then(Tree::as_object_mut)
        .ok_or_else(|| Error::corrupt("a layer without a config"))
}

fn inside(tree: &mut Tree, path: &str, walk: &Walk, visit: Visit<'_>) -> Result<()> {
    if let Some(layers) =
        tree.get_mut("config").and_then(|config| config.get_mut("layers")).and_then(Tree::as_list_mut)
    {
        let prefix = if path.is_empty() { "layers/".to_owned() } else { format!("{path}/layers/") };
        for layer in layers {
            let Some(name) = name_of(layer).map(str::to_owned) else { continue };
            let is_it = |object: &&walk::Saved| {
                let rest = object.path.strip_prefix(&prefix);
                rest.is_some_and(|rest| !rest.contains('/')) && object.name.as_deref() == Some(&name)
            };
            let Some(object) = walk.objects().iter().find(is_it) else { continue };
            one(layer, &object.path, &name, None, walk, visit)?;
        }
    }
    let class = tree.class_name().unwrap_or_default().to_owned();
    if let Some(layer) = tree.get_mut("config").and_then(|config| config.get_mut("layer"))
        && let Some(name) = name_of(layer).map(str::to_owned)
    {
        let path = if path.is_empty() { "layer".to_owned() } else { format!("{path}/layer") };
        one(layer, &path, &name, Some(&class), walk, visit)?;
    }
    Ok(())
}

fn one(
    layer: &mut Tree,
    path: &str,
    name: &str,
    wrapper: Option<&str>,
    walk: &Walk,
    visit: Visit<'_>,
) -> Result<()> {
    let class = layer.class_name().unwrap_or_default().to_owned();
    visit(Visited { tree: layer, path, class: &class, name, wrapper }, walk)?;
    inside(layer, path, walk, visit)
}
