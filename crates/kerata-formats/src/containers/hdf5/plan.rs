//! `Plan`: a file laid out to the last byte, ready to be written in one pass.

use kerata_core::{DType, Data, Error, Result, ResultExt, Sink};

use super::attribute::Attribute;
use super::compress::{self, Compressed};
use super::encode::{self, HeaderBuilder, StringKind};
use super::header::kind;
use super::text_heap::TextHeap;
use super::writer::{Content, Object};
use crate::Compression;

/// Tensors start at multiples of this, so that a mapped file can be used in place.
const DATA_ALIGNMENT: u64 = 64;
const SUPERBLOCK_BYTES: usize = 96;
/// Half of the entries of a symbol table node, half of the children of a tree node: libhdf5's defaults.
const LEAF_K: usize = 4;
const INTERNAL_K: usize = 16;
const UNDEFINED: [u8; 8] = [0xff; 8];

/// A file whose every byte has its place.
#[derive(Debug)]
pub struct Plan {
    metadata: Vec<u8>,
    /// Offset and bytes, in the order of the file.
    data: Vec<(u64, Data)>,
    len: u64,
}

impl Plan {
    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// A file has at least its superblock and root group.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes the file.
    pub fn write(&self, sink: &mut dyn Sink) -> Result<()> {
        sink.write(&self.metadata)?;
        let mut position = self.metadata.len() as u64;
        for (offset, data) in &self.data {
            let gap =
                usize::try_from(offset - position).map_err(|_| Error::internal("a gap between tensors"))?;
            sink.write(&vec![0; gap])?;
            let mut written = 0;
            data.stream(&mut |part| {
                written += part.len() as u64;
                sink.write(part)
            })?;
            if written != data.len() {
                return Err(Error::internal(format!("{written} bytes came instead of {}", data.len())));
            }
            position = offset + written;
        }
        Ok(())
    }

    pub(super) fn new(objects: &[Object], compression: Compression) -> Result<Self> {
        let mut layout = Builder { metadata: vec![0; SUPERBLOCK_BYTES], compression, ..Builder::default() };
        for object in objects {
            layout.object(object).at(|| format!("`/{}`", object.path))?;
        }
        layout.finish()
    }
}

/// Writes an address into metadata that has room for it.
pub(super) fn patch(metadata: &mut [u8], place: usize, address: u64) {
    if let Some(field) = metadata.get_mut(place..place + 8) {
        field.copy_from_slice(&address.to_le_bytes());
    }
}

#[derive(Default)]
struct Builder {
    metadata: Vec<u8>,
    heap: TextHeap,
    /// Where each object was put, in the order of the objects.
    places: Vec<Place>,
    /// Symbol table entries whose object comes later: place in the metadata, number of the object.
    entries: Vec<(usize, usize)>,
    /// Place of the address field, and the bytes.
    data: Vec<(usize, Data)>,
    /// How datasets are compressed where that makes them smaller.
    compression: Compression,
}

struct Place {
    header: u64,
    /// Tree and heap of a group.
    group: Option<(u64, u64)>,
}

impl Builder {
    fn object(&mut self, object: &Object) -> Result<()> {
        let mut header = HeaderBuilder::default();
        let mut references = Vec::new();
        let mut compressed = None;
        let own = match &object.content {
            Content::Group(_) => header.push(kind::SYMBOL_TABLE, false, &[0; 16])?,
            Content::Dataset { dtype, sizes, data } => {
                header.push(kind::DATASPACE, false, &encode::dataspace(sizes)?)?;
                header.push(kind::DATATYPE, true, &encode::datatype(*dtype))?;
                compressed = self.compressed(*dtype, data)?;
                if let Some((packed, element_size)) = &compressed {
                    header.push(kind::FILL, true, &compress::FILL)?;
                    header.push(kind::FILTERS, true, &packed.filters)?;
                    let (layout, place) = compress::layout(sizes, *element_size, packed.bytes.len())?;
                    place + header.push(kind::LAYOUT, false, &layout)?
                } else {
                    header.push(kind::FILL, true, &encode::FILL)?;
                    let size = match data.as_strings() {
                        Some(strings) => 16 * strings.len() as u64,
                        None => data.len(),
                    };
                    2 + header.push(kind::LAYOUT, false, &encode::contiguous(size))?
                }
            }
        };
        for (name, value, strings) in &object.attributes {
            self.attribute(&mut header, &mut references, name, value, *strings)
                .at(|| format!("attribute `{name}`"))?;
        }
        let start = self.metadata.len();
        self.metadata.extend(header.finish()?);
        for (place, collection) in references {
            self.heap.refer(start + place, collection);
        }
        let mut place = Place { header: start as u64, group: None };
        match &object.content {
            Content::Group(children) => {
                let (tree, heap) = self.group(children.iter().map(|(name, child)| (name.as_str(), *child)));
                patch(&mut self.metadata, start + own, tree);
                patch(&mut self.metadata, start + own + 8, heap);
                place.group = Some((tree, heap));
            }
            Content::Dataset { data, .. } => match compressed {
                Some((packed, _)) => self.data.push((start + own, Data::owned(packed.bytes))),
                None => self.place_data(start + own, data)?,
            },
        }
        self.places.push(place);
        Ok(())
    }

    /// The compressed form of a tensor and the bytes of an element, when it is smaller.
    fn compressed(&self, dtype: DType, data: &Data) -> Result<Option<(Compressed, usize)>> {
        let Some(size) =
            dtype.size().filter(|_| self.compression != Compression::None && data.as_strings().is_none())
        else {
            return Ok(None);
        };
        Ok(compress::compress(&data.bytes()?, size, self.compression)?.map(|packed| (packed, size)))
    }

    fn place_data(&mut self, field: usize, data: &Data) -> Result<()> {
        let Some(strings) = data.as_strings() else {
            if !data.is_empty() {
                self.data.push((field, data.clone()));
            }
            return Ok(());
        };
        // The references of a string tensor are metadata: their targets are known only at the end.
        if !strings.is_empty() {
            let start = self.metadata.len();
            patch(&mut self.metadata, field, start as u64);
            for text in strings {
                let place = self.metadata.len();
                let (reference, collection) = self.heap.add(text)?;
                self.metadata.extend(reference);
                if let Some(collection) = collection {
                    self.heap.refer(place, collection);
                }
            }
        }
        Ok(())
    }

    fn attribute(
        &mut self,
        header: &mut HeaderBuilder,
        references: &mut Vec<(usize, usize)>,
        name: &str,
        value: &Attribute,
        strings: StringKind,
    ) -> Result<()> {
        let mut texts: &[String] = &[];
        let (datatype, dataspace, data) = match value {
            Attribute::Text(text) => {
                texts = std::slice::from_ref(text);
                (text_type(texts, strings)?, encode::dataspace(&[])?, Vec::new())
            }
            Attribute::Texts(list) => {
                texts = list;
                (text_type(texts, strings)?, encode::dataspace(&[list.len() as u64])?, Vec::new())
            }
            Attribute::Bytes(bytes) => {
                let size = u32::try_from(bytes.len()).ok().filter(|size| *size > 0);
                let size = size.ok_or_else(|| Error::unsupported("opaque attributes of this size"))?;
                (encode::opaque(size), encode::dataspace(&[])?, bytes.clone())
            }
            Attribute::Array { dtype, shape, bytes } => {
                let expected = shape.elements().zip(dtype.size()).map(|(count, size)| count * size as u64);
                if *dtype == DType::String || expected != Some(bytes.len() as u64) {
                    return Err(Error::mismatch(format!(
                        "{} bytes for {dtype} of shape {shape}",
                        bytes.len()
                    )));
                }
                let sizes = encode::known_sizes(shape)?;
                (encode::datatype(*dtype), encode::dataspace(&sizes)?, bytes.clone())
            }
            Attribute::Empty => (encode::datatype(DType::Float64), encode::null_dataspace(), Vec::new()),
            Attribute::Unsupported(what) => return Err(Error::unsupported(format!("writing {what}"))),
        };
        let mut data = data;
        let mut collections = Vec::new();
        if strings == StringKind::FixedAscii {
            let size = fixed_size(texts);
            for text in texts {
                data.extend(text.as_bytes());
                data.resize(data.len() + size - text.len(), 0);
            }
        } else {
            for text in texts {
                if text.contains('\0') {
                    return Err(Error::unsupported("a NUL inside a variable-length string"));
                }
                let (reference, collection) = self.heap.add(text.as_bytes())?;
                collections.extend(collection.map(|collection| (data.len(), collection)));
                data.extend(reference);
            }
        }
        let (body, data_start) = encode::attribute(name, &datatype, &dataspace, &data)?;
        let start = header.push(kind::ATTRIBUTE, false, &body)? + data_start;
        references.extend(collections.into_iter().map(|(place, collection)| (start + place, collection)));
        Ok(())
    }

    /// Names, symbol table nodes and tree of a group; addresses of the tree and of the heap of names.
    fn group<'n>(&mut self, children: impl Iterator<Item = (&'n str, usize)>) -> (u64, u64) {
        // Offset 0 of the heap is the empty name, which sorts before all others.
        let mut names = vec![0; 8];
        let mut entries = Vec::new();
        for (name, object) in children {
            entries.push((names.len() as u64, object));
            names.extend(name.as_bytes());
            names.resize((names.len() + 1).next_multiple_of(8), 0);
        }
        let heap = self.metadata.len() as u64;
        self.metadata.extend(b"HEAP\0\0\0\0");
        self.metadata.extend((names.len() as u64).to_le_bytes());
        // 1 marks an empty free list.
        self.metadata.extend(1u64.to_le_bytes());
        self.metadata.extend((heap + 32).to_le_bytes());
        self.metadata.extend(names);

        // Each node of a level: its address and the heap offset of its last name.
        let mut level: Vec<(u64, u64)> = Vec::new();
        for node in entries.chunks(2 * LEAF_K) {
            level.push((self.metadata.len() as u64, node.last().map_or(0, |last| last.0)));
            self.symbol_node(node);
        }
        let mut depth = 0;
        loop {
            level = self.tree_level(depth, &level);
            if let [(root, _)] = level.as_slice() {
                return (*root, heap);
            }
            depth += 1;
        }
    }

    fn symbol_node(&mut self, node: &[(u64, usize)]) {
        let end = self.metadata.len() + 8 + 2 * LEAF_K * 40;
        let [count, ..] = node.len().to_le_bytes();
        self.metadata.extend(b"SNOD\x01\0");
        self.metadata.extend([count, 0]);
        for (name, object) in node {
            self.metadata.extend(name.to_le_bytes());
            self.entries.push((self.metadata.len(), *object));
            self.metadata.extend([0; 32]);
        }
        self.metadata.resize(end, 0);
    }

    /// Writes the nodes above `children`; a group without links has one empty node.
    fn tree_level(&mut self, depth: u8, children: &[(u64, u64)]) -> Vec<(u64, u64)> {
        const NODE_BYTES: u64 = (24 + 2 * INTERNAL_K * 8 + (2 * INTERNAL_K + 1) * 8) as u64;
        let first = self.metadata.len() as u64;
        let count = children.len().div_ceil(2 * INTERNAL_K).max(1);
        let mut above = Vec::with_capacity(count);
        let mut left_key = 0u64;
        for number in 0..count {
            let start = number * 2 * INTERNAL_K;
            let node = children.get(start..children.len().min(start + 2 * INTERNAL_K)).unwrap_or_default();
            let address = first + number as u64 * NODE_BYTES;
            let neighbour = |there: bool, at: u64| if there { at.to_le_bytes() } else { UNDEFINED };
            let [used, ..] = node.len().to_le_bytes();
            self.metadata.extend(b"TREE\0");
            self.metadata.extend([depth, used, 0]);
            self.metadata.extend(neighbour(number > 0, address.wrapping_sub(NODE_BYTES)));
            self.metadata.extend(neighbour(number + 1 < count, address + NODE_BYTES));
            self.metadata.extend(left_key.to_le_bytes());
            for (child, last_name) in node {
                self.metadata.extend(child.to_le_bytes());
                self.metadata.extend(last_name.to_le_bytes());
                left_key = *last_name;
            }
            self.metadata.resize(usize::try_from(address + NODE_BYTES).unwrap_or(0), 0);
            above.push((address, left_key));
        }
        above
    }

    fn finish(mut self) -> Result<Plan> {
        for (entry, object) in std::mem::take(&mut self.entries) {
            let place = self.places.get(object).ok_or_else(|| Error::internal("a link to no object"))?;
            entry_of(&mut self.metadata, entry, place);
        }
        self.heap.finish(&mut self.metadata);
        let mut end = self.metadata.len() as u64;
        let mut data = Vec::with_capacity(self.data.len());
        for (field, bytes) in self.data {
            let start = end.checked_next_multiple_of(DATA_ALIGNMENT);
            let next = start.and_then(|start| Some((start, start.checked_add(bytes.len())?)));
            let (start, next) = next.ok_or_else(|| Error::limit("a file of more than 2^64 bytes"))?;
            patch(&mut self.metadata, field, start);
            data.push((start, bytes));
            end = next;
        }
        let root = self.places.first().ok_or_else(|| Error::internal("no root group"))?;
        let mut superblock = super::superblock::SIGNATURE.to_vec();
        superblock.extend([0, 0, 0, 0, 0, 8, 8, 0]);
        superblock.extend([LEAF_K.to_le_bytes()[0], 0, INTERNAL_K.to_le_bytes()[0], 0, 0, 0, 0, 0]);
        superblock.extend([0; 8]);
        superblock.extend(UNDEFINED);
        superblock.extend(end.to_le_bytes());
        superblock.extend(UNDEFINED);
        superblock.extend([0; 8]);
        let entry = superblock.len();
        superblock.resize(SUPERBLOCK_BYTES, 0);
        entry_of(&mut superblock, entry, root);
        if let Some(head) = self.metadata.get_mut(..SUPERBLOCK_BYTES) {
            head.copy_from_slice(&superblock);
        }
        Ok(Plan { metadata: self.metadata, data, len: end })
    }
}

/// Fills a symbol table entry in: header, and for a group its tree and heap, which readers may use at once.
fn entry_of(metadata: &mut [u8], entry: usize, place: &Place) {
    patch(metadata, entry, place.header);
    if let Some((tree, heap)) = place.group {
        patch(metadata, entry + 8, 1);
        patch(metadata, entry + 16, tree);
        patch(metadata, entry + 24, heap);
    }
}

fn text_type(texts: &[String], strings: StringKind) -> Result<Vec<u8>> {
    match strings {
        StringKind::VariableUtf8 => Ok(encode::variable_text(true)),
        StringKind::VariableAscii => Ok(encode::variable_text(false)),
        StringKind::FixedAscii => {
            let size = u32::try_from(fixed_size(texts)).map_err(|_| Error::limit("a string is too long"))?;
            Ok(encode::fixed_text(size))
        }
    }
}

/// HDF5 has no strings of no bytes.
fn fixed_size(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0).max(1)
}
