//! `OPS`: the list of all ops, from which traces are read.

use std::sync::{Arc, LazyLock};

use super::{
    Attribute, Op, complex, control, dynamic, elementwise, image, indexing, linalg, linear, random, reduce,
    shaping, text,
};
use crate::{Error, Result, ResultExt, Tree};

/// How an op is read back from its attributes.
#[derive(Clone, Copy, Debug)]
pub struct OpEntry {
    /// The op's name.
    pub name: &'static str,
    /// Makes the op from its attributes.
    pub read: fn(&Tree) -> Result<Arc<dyn Op>>,
}

/// All ops, sorted by name.
pub static OPS: LazyLock<Vec<OpEntry>> = LazyLock::new(|| {
    let rooms = [
        complex::ENTRIES,
        control::ENTRIES,
        dynamic::ENTRIES,
        elementwise::ENTRIES,
        image::ENTRIES,
        indexing::ENTRIES,
        linalg::ENTRIES,
        linear::ENTRIES,
        random::ENTRIES,
        reduce::ENTRIES,
        shaping::ENTRIES,
        text::ENTRIES,
    ];
    let mut ops = rooms.concat();
    ops.sort_by_key(|entry| entry.name);
    ops
});

/// The op of a name with the attributes of a tree.
pub fn read_op(name: &str, attributes: &Tree) -> Result<Arc<dyn Op>> {
    let position = OPS
        .binary_search_by_key(&name, |entry| entry.name)
        .map_err(|_| Error::unsupported(format!("unknown op `{name}`")))?;
    (OPS[position].read)(attributes).at(|| format!("attributes of op `{name}`"))
}

/// One attribute; what is not there reads as `null`, which optional attributes take as none.
pub(crate) fn read_attribute<T: Attribute>(tree: &Tree, name: &str) -> Result<T> {
    T::from_tree(tree.get(name).unwrap_or(&Tree::Null)).at(|| format!("`{name}`"))
}
