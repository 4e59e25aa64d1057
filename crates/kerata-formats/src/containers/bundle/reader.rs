//! Reads a bundle: the whole index at once, tensors when they are asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use indexmap::IndexMap;
use kerata_core::{DType, Data, Error, Limits, Result, ResultExt, SourceRef, Variable};

use super::checked::{CheckedRange, Swapped};
use super::entry::Entry;
use super::slice_key::{Extent, SliceKey};
use super::slices::{Assembled, Part};
use super::strings::{check_variants, read_strings};
use super::{dtype_from_tf, index_name, shard_name};
use crate::FolderRef;
use crate::containers::proto::tensorflow::{
    BundleEntryProto, BundleHeaderProto, DataType, bundle_header_proto,
};
use crate::containers::proto::{self};
use crate::containers::table::{mask_crc, read_table};

/// Rectangles that one tensor may be cut into; their overlaps are looked for in pairs.
const MAX_SLICES: usize = 10_000;

/// A stored rectangle.
type Slice = (Vec<Extent>, Entry);

/// An open bundle.
#[derive(Debug)]
pub struct Bundle {
    prefix: String,
    big_endian: bool,
    /// The shards that an entry points into.
    shards: BTreeMap<u32, SourceRef>,
    entries: IndexMap<String, Entry>,
    /// The stored rectangles of cut tensors, by name.
    slices: HashMap<String, Vec<Slice>>,
}

/// A tensor of a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stored {
    /// Numbers or text.
    Plain(Variable),
    /// Variants (the state of a dataset iterator): shape, and the bytes as they are stored.
    Variant {
        /// Sizes of the axes.
        shape: Vec<u64>,
        /// Serialized elements with their lengths and checksums.
        bytes: Vec<u8>,
    },
}

impl Bundle {
    /// Opens the bundle whose files start with `prefix` (`variables/variables`, `ckpt-1`).
    pub fn open(folder: &FolderRef, prefix: &str, limits: &Limits) -> Result<Self> {
        let name = index_name(prefix);
        let index = folder.open(&name)?;
        Self::read_index(folder, &index, prefix, limits).at(|| name)
    }

    /// Names of the tensors, in the order of the index.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Whether there is a tensor of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// A tensor; numbers stay where they are until they are read, text is read now.
    pub fn tensor(&self, name: &str) -> Result<Stored> {
        let entry = self.entries.get(name).ok_or_else(|| Error::not_found(format!("no tensor `{name}`")))?;
        self.stored(name, entry).at(|| format!("tensor `{name}`")).at(|| index_name(&self.prefix))
    }

    /// Whether two tensors have the same type, shape, length and checksum.
    pub fn is_same(&self, first: &str, second: &str) -> bool {
        let (Some(a), Some(b)) = (self.entries.get(first), self.entries.get(second)) else { return false };
        let is_whole = a.slices.is_empty() && b.slices.is_empty();
        is_whole && (a.code, &a.shape, a.size, a.crc) == (b.code, &b.shape, b.size, b.crc)
    }

    /// The only element of a string tensor.
    pub fn text(&self, name: &str) -> Result<Vec<u8>> {
        match self.tensor(name)? {
            Stored::Plain(Variable { data, .. }) => match data.as_strings() {
                Some([text]) => Ok(text.clone()),
                _ => Err(Error::corrupt("expected one string").at(format!("tensor `{name}`"))),
            },
            Stored::Variant { .. } => {
                Err(Error::corrupt("expected one string").at(format!("tensor `{name}`")))
            }
        }
    }

    fn read_index(folder: &FolderRef, index: &SourceRef, prefix: &str, limits: &Limits) -> Result<Self> {
        let mut header = None;
        let mut entries = IndexMap::new();
        let mut cut = Vec::new();
        let mut count = 0;
        read_table(index, limits, &mut |key, value| {
            let value = Bytes::copy_from_slice(value);
            if key.is_empty() {
                header = Some(proto::decode::<BundleHeaderProto>(value).at(|| "header")?);
                return Ok(());
            }
            count += 1;
            if count > limits.max_tensors {
                return Err(Error::limit(format!("more than {} tensors", limits.max_tensors)));
            }
            let entry = || Entry::new(proto::decode::<BundleEntryProto>(value)?, limits);
            if SliceKey::is_slice(key) {
                let parsed =
                    SliceKey::parse(key).ok_or_else(|| Error::corrupt("a slice's key is malformed"))?;
                let place = format!("slice of `{}`", String::from_utf8_lossy(&parsed.name));
                cut.push((parsed, entry().at(|| place)?));
                return Ok(());
            }
            let name = text_of(key)?;
            let entry = entry().at(|| format!("tensor `{name}`"))?;
            entries.insert(name, entry);
            Ok(())
        })?;
        let header = header.ok_or_else(|| Error::corrupt("the index of a bundle has no header"))?;
        let shards =
            open_shards(folder, prefix, &header, entries.values().chain(cut.iter().map(|(_, e)| e)), limits)?;
        let slices = group_slices(cut, &entries)?;
        let big_endian = match bundle_header_proto::Endianness::try_from(header.endianness) {
            Ok(bundle_header_proto::Endianness::Little) => false,
            Ok(bundle_header_proto::Endianness::Big) => true,
            Err(_) => return Err(Error::corrupt(format!("byte order {} of a bundle", header.endianness))),
        };
        Ok(Self { prefix: prefix.to_owned(), big_endian, shards, entries, slices })
    }

    fn stored(&self, name: &str, entry: &Entry) -> Result<Stored> {
        if entry.code == DataType::DtVariant as i32 {
            let bytes = self.raw(entry)?;
            self.verify(entry, check_variants(&bytes, entry.elements()?, self.big_endian)?)?;
            return Ok(Stored::Variant { shape: entry.shape.clone(), bytes });
        }
        let dtype = self.dtype(entry)?;
        let data = match (entry.slices.is_empty(), dtype) {
            (true, DType::String) => self.strings(entry)?,
            (true, _) => self.numbers(name, entry, dtype)?,
            (false, _) => self.assembled(name, entry, dtype)?,
        };
        Variable::new(dtype, entry.shape.clone(), data).map(Stored::Plain)
    }

    fn dtype(&self, entry: &Entry) -> Result<DType> {
        dtype_from_tf(entry.code).ok_or_else(|| {
            let known = DataType::try_from(entry.code).map(|code| code.as_str_name());
            match known {
                Ok(name) => Error::unsupported(format!("a stored tensor of type {name}")),
                Err(_) => Error::corrupt(format!("a stored tensor of unknown type {}", entry.code)),
            }
        })
    }

    fn shard(&self, entry: &Entry) -> Result<&SourceRef> {
        self.shards.get(&entry.shard).ok_or_else(|| Error::internal("shard not opened"))
    }

    fn raw(&self, entry: &Entry) -> Result<Vec<u8>> {
        self.shard(entry)?.read_vec(entry.offset, entry.size)
    }

    fn verify(&self, entry: &Entry, crc: u32) -> Result<()> {
        if mask_crc(crc) == entry.crc {
            return Ok(());
        }
        Err(Error::corrupt("the checksum of a tensor is wrong").hint("the file was damaged"))
    }

    fn strings(&self, entry: &Entry) -> Result<Data> {
        let (strings, crc) = read_strings(&self.raw(entry)?, entry.elements()?, self.big_endian)?;
        self.verify(entry, crc)?;
        Ok(Data::strings(strings))
    }

    fn numbers(&self, name: &str, entry: &Entry, dtype: DType) -> Result<Data> {
        let width = dtype.size().ok_or_else(|| Error::internal("text is read elsewhere"))?;
        let expected = entry.elements()?.checked_mul(width as u64);
        if expected != Some(entry.size) {
            return Err(Error::corrupt(format!(
                "{} elements of {dtype} in {} bytes",
                entry.elements()?,
                entry.size
            )));
        }
        let place = format!("tensor `{name}`");
        let stored =
            CheckedRange::new(self.shard(entry)?.clone(), entry.offset, entry.size, entry.crc, place)?;
        if !self.big_endian || width == 1 {
            return Ok(Data::lazy(Arc::new(stored)));
        }
        let is_complex = matches!(dtype, DType::Complex64 | DType::Complex128);
        let width = if is_complex { width / 2 } else { width };
        Ok(Data::lazy(Arc::new(Swapped { stored, width })))
    }

    fn assembled(&self, name: &str, entry: &Entry, dtype: DType) -> Result<Data> {
        let width =
            dtype.size().ok_or_else(|| Error::unsupported("a text tensor that is stored in slices"))?;
        let stored = self.slices.get(name).map(Vec::as_slice).unwrap_or_default();
        let part = |extents: &Vec<Extent>| {
            let (_, slice) = stored
                .iter()
                .find(|(stored, _)| stored == extents)
                .ok_or_else(|| Error::corrupt("a slice of a tensor is missing"))?;
            if slice.code != entry.code || !slice.slices.is_empty() {
                return Err(Error::corrupt("a slice of another type than its tensor"));
            }
            if slice.shape.iter().ne(extents.iter().map(|extent| &extent.len)) {
                return Err(Error::corrupt("a slice of another shape than its key says"));
            }
            Ok(Part { extents: extents.clone(), data: self.numbers(name, slice, dtype)? })
        };
        if entry.slices.len() > MAX_SLICES {
            return Err(Error::limit(format!(
                "a tensor in {} slices, at most {MAX_SLICES}",
                entry.slices.len()
            )));
        }
        let parts = entry.slices.iter().map(part).collect::<Result<_>>()?;
        let whole = Assembled::new(entry.shape.clone(), entry.elements()?, width as u64, parts)?;
        Ok(Data::lazy(Arc::new(whole)))
    }
}

fn text_of(name: &[u8]) -> Result<String> {
    String::from_utf8(name.to_vec()).map_err(|_| Error::corrupt("a tensor's name is not UTF-8"))
}

/// Opens the shards that entries point into.
fn open_shards<'a>(
    folder: &FolderRef,
    prefix: &str,
    header: &BundleHeaderProto,
    entries: impl Iterator<Item = &'a Entry>,
    limits: &Limits,
) -> Result<BTreeMap<u32, SourceRef>> {
    let count = u32::try_from(header.num_shards)
        .map_err(|_| Error::corrupt(format!("a bundle of {} shards", header.num_shards)))?;
    let mut shards = BTreeMap::new();
    for entry in entries.filter(|entry| entry.slices.is_empty()) {
        if shards.contains_key(&entry.shard) {
            continue;
        }
        if entry.shard >= count {
            return Err(Error::corrupt(format!("shard {} of {count}", entry.shard)));
        }
        if shards.len() >= limits.max_shards {
            return Err(Error::limit(format!("more than {} shards", limits.max_shards)));
        }
        let name = shard_name(prefix, entry.shard, count);
        let missing = || Error::not_found("a shard of the bundle is missing").at(name.clone());
        shards.insert(
            entry.shard,
            folder.open(&name).map_err(|error| match error.kind() {
                kerata_core::ErrorKind::NotFound => missing(),
                _ => error,
            })?,
        );
    }
    Ok(shards)
}

/// Sorts the stored slices by the name of their tensor.
fn group_slices(
    cut: Vec<(SliceKey, Entry)>,
    entries: &IndexMap<String, Entry>,
) -> Result<HashMap<String, Vec<Slice>>> {
    let mut groups: HashMap<String, Vec<_>> = HashMap::new();
    for (key, entry) in cut {
        let name = text_of(&key.name)?;
        let whole = entries
            .get(&name)
            .ok_or_else(|| Error::corrupt(format!("slices of `{name}`, which is not stored")))?;
        if whole.shape.len() != key.extents.len() {
            return Err(Error::corrupt(format!("a slice of `{name}` has another rank")));
        }
        let extents = key.extents.iter().zip(&whole.shape);
        let extents =
            extents.map(|((start, len), size)| Extent::new(*start, *len, *size)).collect::<Result<_>>()?;
        groups.entry(name).or_default().push((extents, entry));
    }
    Ok(groups)
}
