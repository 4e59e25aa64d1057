//! Local heaps (names of a group) and global heaps (variable-length strings).

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use bytes::Bytes;
use kerata_core::{Error, Result};

use super::cursor::to_usize;
use super::image::Image;

/// The names of one symbol-table group.
pub(super) struct LocalHeap(Bytes);

impl LocalHeap {
    pub fn read(image: &Image<'_>, address: u64) -> Result<Self> {
        let widths = image.widths();
        let head = image.bytes(address, (8 + 2 * widths.length + widths.offset) as u64)?;
        let mut cursor = image.cursor(&head);
        cursor.signature(b"HEAP")?;
        cursor.version("local heap", &[0])?;
        cursor.skip(3)?;
        let size = cursor.length()?;
        cursor.skip(widths.length)?;
        image.bytes(cursor.defined()?, size).map(Self)
    }

    /// The NUL-terminated bytes at an offset.
    pub fn name(&self, offset: u64) -> Result<&[u8]> {
        let start = usize::try_from(offset).ok();
        let rest = start.and_then(|start| self.0.get(start..));
        let rest = rest.ok_or_else(|| Error::corrupt("a name outside its heap"))?;
        let end = rest.iter().position(|byte| *byte == 0);
        let name = end.and_then(|end| rest.get(..end));
        name.ok_or_else(|| Error::corrupt("a name does not end inside its heap"))
    }
}

/// The global heap collections that were read so far.
#[derive(Default)]
pub(super) struct GlobalHeap(RefCell<HashMap<u64, Collection>>);

struct Collection {
    bytes: Bytes,
    /// Sorted by index.
    objects: Vec<(u16, Range<usize>)>,
}

impl GlobalHeap {
    /// Hands the bytes of an object to `take`.
    pub fn with<T>(
        &self,
        image: &Image<'_>,
        address: u64,
        index: u32,
        take: impl FnOnce(&[u8]) -> Result<T>,
    ) -> Result<T> {
        let mut collections = self.0.borrow_mut();
        let collection = match collections.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(Collection::read(image, address)?),
        };
        let found = collection.objects.binary_search_by_key(&index, |object| u32::from(object.0)).ok();
        let range = found.and_then(|at| collection.objects.get(at)).map(|object| object.1.clone());
        let bytes = range.and_then(|range| collection.bytes.get(range));
        take(
            bytes.ok_or_else(|| {
                Error::corrupt(format!("no object {index} in the global heap at {address}"))
            })?,
        )
    }
}

impl Collection {
    fn read(image: &Image<'_>, address: u64) -> Result<Self> {
        let head_size = 8 + image.widths().length;
        let head = image.bytes(address, head_size as u64)?;
        let mut cursor = image.cursor(&head);
        cursor.signature(b"GCOL")?;
        cursor.version("global heap", &[1])?;
        cursor.skip(3)?;
        let bytes = image.bytes(address, cursor.length()?)?;
        let mut cursor = image.cursor(&bytes);
        cursor.skip(head_size.next_multiple_of(8))?;
        let mut objects = Vec::new();
        let object_head = 8 + image.widths().length;
        while cursor.remaining() >= object_head {
            let index = cursor.u16()?;
            cursor.skip(6)?;
            let size = to_usize(cursor.length()?)?;
            cursor.align();
            if index == 0 {
                // Free space; it is the rest.
                break;
            }
            let start = cursor.position();
            cursor.skip(size)?;
            objects.push((index, start..start + size));
            cursor.align();
        }
        objects.sort_by_key(|object| object.0);
        Ok(Self { bytes, objects })
    }
}
