//! Version 2 B-trees: all records of a tree, with every node's checksum verified.

use kerata_core::{Error, Result};

use super::cursor::to_usize;
use super::image::Image;

/// Signature, version and type before the records of a node, checksum after them.
const NODE_OVERHEAD: u64 = 10;
/// Levels of a tree.
const MAX_DEPTH: u16 = 32;

/// A tree, known by its header.
pub(super) struct Tree2<'a, 'i> {
    image: &'i Image<'a>,
    kind: u8,
    record_size: u64,
    depth: u16,
    root: Option<u64>,
    root_records: u64,
    /// Bytes of the record count in a child pointer.
    count_size: usize,
    /// Bytes of the count of all records below, by level of the child.
    total_sizes: Vec<usize>,
}

impl<'a, 'i> Tree2<'a, 'i> {
    pub fn read(image: &'i Image<'a>, address: u64, kind: u8) -> Result<Self> {
        let widths = image.widths();
        let bytes = image.checked(address, (22 + widths.offset + widths.length) as u64)?;
        let mut cursor = image.cursor(&bytes);
        cursor.signature(b"BTHD")?;
        cursor.version("B-tree", &[0])?;
        if cursor.u8()? != kind {
            return Err(Error::corrupt("a B-tree of the wrong type"));
        }
        let node_size = u64::from(cursor.u32()?);
        let record_size = u64::from(cursor.u16()?);
        let depth = cursor.u16()?;
        cursor.skip(2)?;
        let root = cursor.address()?;
        let root_records = u64::from(cursor.u16()?);
        if record_size == 0 || node_size < NODE_OVERHEAD + record_size || depth > MAX_DEPTH {
            return Err(Error::corrupt("the sizes of a B-tree do not fit"));
        }
        let in_leaf = (node_size - NODE_OVERHEAD) / record_size;
        let count_size = bytes_for(in_leaf);
        let mut total_sizes = vec![0];
        let mut below = in_leaf;
        for level in 1..=depth {
            let child_total = total_sizes.last().copied().unwrap_or(0);
            let pointer = (widths.offset + count_size + child_total) as u64;
            let room = node_size.checked_sub(NODE_OVERHEAD + pointer);
            let records =
                room.ok_or_else(|| Error::corrupt("a B-tree node too small"))? / (record_size + pointer);
            below = records.saturating_add(1).saturating_mul(below).saturating_add(records);
            if level < depth {
                total_sizes.push(bytes_for(below));
            }
        }
        Ok(Self { image, kind, record_size, depth, root, root_records, count_size, total_sizes })
    }

    /// Calls `take` with each record. The order is the tree's within a node, not across levels.
    pub fn records(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let Some(root) = self.root else { return Ok(()) };
        let record_size = to_usize(self.record_size)?;
        let mut pending = vec![(root, self.root_records, self.depth)];
        while let Some((address, count, level)) = pending.pop() {
            let child_total = match level {
                0 => 0,
                _ => self.total_sizes.get(usize::from(level - 1)).copied().unwrap_or(0),
            };
            let pointer = self.image.widths().offset + self.count_size + child_total;
            let pointers = if level == 0 { 0 } else { (count + 1) * pointer as u64 };
            let size = NODE_OVERHEAD + count * self.record_size + pointers;
            let bytes = self.image.checked(address, size)?;
            let mut cursor = self.image.cursor(&bytes);
            cursor.signature(if level == 0 { b"BTLF" } else { b"BTIN" })?;
            cursor.version("B-tree node", &[0])?;
            if cursor.u8()? != self.kind {
                return Err(Error::corrupt("a B-tree node of the wrong type"));
            }
            for _ in 0..count {
                take(cursor.take(record_size)?)?;
            }
            if level > 0 {
                for _ in 0..=count {
                    let child = cursor.defined()?;
                    let count = cursor.uint(self.count_size)?;
                    cursor.skip(child_total)?;
                    pending.push((child, count, level - 1));
                }
            }
        }
        Ok(())
    }
}

/// Bytes that hold every number up to this one.
fn bytes_for(largest: u64) -> usize {
    (largest.max(1).ilog2() / 8 + 1) as usize
}
