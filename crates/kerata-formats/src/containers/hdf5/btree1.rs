//! Version 1 B-trees: walked from the root to the leaves, one level at a time.

use kerata_core::{Error, Result};

use super::cursor::{Cursor, to_usize};
use super::image::Image;

/// Levels of a tree; three already hold more chunks than a file can.
const MAX_LEVEL: u8 = 16;

/// Calls `leaf` with the key and the child address of every entry of the lowest level, in order.
///
/// `kind` is 0 for groups and 1 for chunks; `key_size` the bytes of one key.
pub(super) fn walk(
    image: &Image<'_>,
    root: u64,
    kind: u8,
    key_size: usize,
    leaf: &mut dyn FnMut(Cursor<'_>, u64) -> Result<()>,
) -> Result<()> {
    let mut pending = vec![(root, None)];
    while let Some((address, expected_level)) = pending.pop() {
        let head_size = 8 + 2 * image.widths().offset;
        let head = image.bytes(address, head_size as u64)?;
        let mut cursor = image.cursor(&head);
        cursor.signature(b"TREE")?;
        if cursor.u8()? != kind {
            return Err(Error::corrupt("a B-tree node of the wrong type"));
        }
        let level = cursor.u8()?;
        if level > MAX_LEVEL || expected_level.is_some_and(|expected| level != expected) {
            return Err(Error::corrupt("the levels of a B-tree do not fit"));
        }
        let count = u64::from(cursor.u16()?);
        let start =
            address.checked_add(head_size as u64).ok_or_else(|| Error::corrupt("an address overflows"))?;
        let entries = image.bytes(start, count * (key_size + image.widths().offset) as u64)?;
        let mut cursor = image.cursor(&entries);
        let first_child = pending.len();
        for _ in 0..to_usize(count)? {
            let key = cursor.take(key_size)?;
            let child = cursor.defined()?;
            match level {
                0 => leaf(image.cursor(key), child)?,
                _ => pending.push((child, Some(level - 1))),
            }
        }
        if let Some(children) = pending.get_mut(first_child..) {
            children.reverse();
        }
    }
    Ok(())
}
