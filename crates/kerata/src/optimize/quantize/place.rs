//! What a built layer says that its config does not: how many axes go in.

use kerata_core::{Error, Result, Tree};
use kerata_nn::layers::Place;

/// The axes of what a projection inside an attention layer takes, but the one that is projected.
pub(super) fn leading_axes(tree: &Tree, place: Option<&Place>, attribute: &str) -> Result<usize> {
    let rank = |key: &str| tree.path(&["build_config", "shapes_dict", key])?.as_list().map(<[Tree]>::len);
    let rank = match attribute {
        "key_dense" => rank("key_shape").or_else(|| rank("value_shape")),
        "value_dense" => rank("value_shape"),
        _ => rank("query_shape"),
    };
    // Without it: the result has the axes of the query, with those of `output_shape` for the last one.
    let of_result = || {
        let made = tree.path(&["config", "output_shape"]).and_then(Tree::as_list).map_or(1, <[Tree]>::len);
        Some(place?.outputs.first()?.rank().checked_sub(made)? + 1)
    };
    let rank = rank.or_else(of_result).and_then(|rank| rank.checked_sub(1));
    rank.ok_or_else(|| Error::unsupported("how many axes go into the layer is not known"))
}

/// The place under a path.
pub(super) fn find<'p>(place: &'p Place, path: &str) -> Option<&'p Place> {
    if place.path == path {
        return Some(place);
    }
    place.children.values().find_map(|child| {
        let leads_there = path == child.path || path.starts_with(&format!("{}/", child.path));
        if leads_there { find(child, path) } else { None }
    })
}
