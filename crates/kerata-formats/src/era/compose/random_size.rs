//! `RandomHeight` and `RandomWidth` of Keras 2: nothing outside of training.

use kerata_core::{Object, Tree};

use super::{Composed, Found, Old};

pub(super) fn compose(old: &Old<'_>) -> Found {
    let kept = ["name", "trainable", "dtype"].into_iter();
    let kept = kept.filter_map(|key| Some((key.to_owned(), old.config.get(key)?.clone())));
    let tree = Tree::from([
        ("module", Tree::from("keras.layers")),
        ("class_name", Tree::from("Identity")),
        ("config", Tree::Object(kept.collect::<Object>())),
        ("registered_name", Tree::Null),
    ]);
    let what = format!("`{}` is `Identity`: results are the same, training goes on without it", old.class);
    Ok(Some(Composed { tree, moves: Vec::new(), what }))
}
