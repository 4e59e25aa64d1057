//! The global heap of a file being written: its variable-length strings, in collections.

use kerata_core::{Error, Result};

/// Bytes of a collection, unless one string needs more.
const COLLECTION_BYTES: usize = 4096;
const HEAD_BYTES: usize = 16;

/// Strings in the order in which they were added.
#[derive(Default)]
pub(super) struct TextHeap {
    collections: Vec<Collection>,
    references: Vec<Reference>,
}

#[derive(Default)]
struct Collection {
    bytes: Vec<u8>,
    objects: u32,
}

/// A reference whose address is not known yet.
struct Reference {
    /// Where its address field lies in the metadata.
    place: usize,
    collection: usize,
}

impl TextHeap {
    /// Adds a string; its reference, with the address left open, and the collection that the address will be of.
    pub fn add(&mut self, text: &[u8]) -> Result<([u8; 16], Option<usize>)> {
        let mut reference = [0; 16];
        if text.is_empty() {
            return Ok((reference, None));
        }
        let length = u32::try_from(text.len()).map_err(|_| Error::limit("a string of more than 4 GiB"))?;
        let needed = HEAD_BYTES + text.len().next_multiple_of(8);
        let full = match self.collections.last() {
            Some(last) => last.bytes.len() + needed > COLLECTION_BYTES,
            None => true,
        };
        if full {
            self.collections.push(Collection { bytes: vec![0; HEAD_BYTES], objects: 0 });
        }
        let collection = self.collections.len() - 1;
        let last = self.collections.last_mut().ok_or_else(|| Error::internal("no collection"))?;
        last.objects += 1;
        let index = u16::try_from(last.objects).map_err(|_| Error::internal("a collection too full"))?;
        last.bytes.extend(index.to_le_bytes());
        last.bytes.extend([0; 6]);
        last.bytes.extend((text.len() as u64).to_le_bytes());
        last.bytes.extend(text);
        last.bytes.resize(last.bytes.len().next_multiple_of(8), 0);
        let [a, b, c, d] = length.to_le_bytes();
        let [e, f, ..] = index.to_le_bytes();
        reference = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, e, f, 0, 0];
        Ok((reference, Some(collection)))
    }

    /// Remembers that the metadata holds a reference at `place`.
    pub fn refer(&mut self, place: usize, collection: usize) {
        self.references.push(Reference { place: place + 4, collection });
    }

    /// Appends all collections and fills the addresses in.
    pub fn finish(self, metadata: &mut Vec<u8>) {
        let mut addresses = Vec::with_capacity(self.collections.len());
        for mut collection in self.collections {
            addresses.push(metadata.len() as u64);
            let used = collection.bytes.len();
            let size = used.max(COLLECTION_BYTES);
            let free = size - used;
            collection.bytes.resize(size, 0);
            // The free space is an object too, of index 0, whose size counts its own head.
            if let Some(field) = collection.bytes.get_mut(used + 8..used + 16) {
                field.copy_from_slice(&(free as u64).to_le_bytes());
            }
            let head = [b"GCOL\x01\0\0\0".as_slice(), &(size as u64).to_le_bytes()].concat();
            metadata.extend(head);
            metadata.extend(collection.bytes.get(HEAD_BYTES..).unwrap_or_default());
        }
        for reference in self.references {
            let address = addresses.get(reference.collection).copied().unwrap_or_default();
            super::plan::patch(metadata, reference.place, address);
        }
    }
}
