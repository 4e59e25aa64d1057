//! Writes a bundle of one shard in one pass: first the shard, then the index.

use std::collections::BTreeMap;

use kerata_core::{Error, Result, Sink, Variable};
use prost::Message;

use super::dtype_to_tf;
use super::strings::write_strings;
use crate::containers::proto::tensorflow::{
    BundleEntryProto, BundleHeaderProto, DataType, TensorShapeProto, VersionDef, tensor_shape_proto::Dim,
};
use crate::containers::table::{TableWriter, mask_crc};

/// Appends tensors to a shard and collects their index.
pub struct BundleWriter<'a> {
    shard: &'a mut dyn Sink,
    start: u64,
    entries: BTreeMap<String, BundleEntryProto>,
}

impl<'a> BundleWriter<'a> {
    /// A writer that appends tensors to the sink, which becomes the only shard.
    pub fn new(shard: &'a mut dyn Sink) -> Self {
        let start = shard.position();
        Self { shard, start, entries: BTreeMap::new() }
    }

    /// Appends a tensor, numbers or text.
    pub fn add(&mut self, name: &str, variable: &Variable) -> Result<()> {
        let code = dtype_to_tf(variable.dtype)
            .ok_or_else(|| Error::unsupported(format!("TensorFlow has no type {}", variable.dtype)))?;
        if let Some(strings) = variable.data.as_strings() {
            let (stored, crc) = write_strings(strings);
            return self.append(name, code, &variable.shape, crc, |take| take(&stored));
        }
        let mut crc = 0;
        let offset = self.shard.position();
        variable.data.stream(&mut |part| {
            crc = crc32c::crc32c_append(crc, part);
            self.shard.write(part)
        })?;
        self.note(name, code, &variable.shape, crc, offset)
    }

    /// Appends a scalar of text.
    pub fn add_text(&mut self, name: &str, text: Vec<u8>) -> Result<()> {
        let (stored, crc) = write_strings(&[text]);
        self.append(name, DataType::DtString, &[], crc, |take| take(&stored))
    }

    /// Appends a variant tensor as it was stored.
    pub fn add_variant(&mut self, name: &str, shape: &[u64], stored: &[u8]) -> Result<()> {
        let elements = shape.iter().product();
        let crc = super::strings::check_variants(stored, elements, false)?;
        self.append(name, DataType::DtVariant, shape, crc, |take| take(stored))
    }

    /// The index of what was written.
    pub fn finish(self) -> BundleIndex {
        BundleIndex(self.entries)
    }

    fn append(
        &mut self,
        name: &str,
        code: DataType,
        shape: &[u64],
        crc: u32,
        write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let offset = self.shard.position();
        write(&mut |part| self.shard.write(part))?;
        self.note(name, code, shape, crc, offset)
    }

    fn note(&mut self, name: &str, code: DataType, shape: &[u64], crc: u32, offset: u64) -> Result<()> {
        let signed =
            |value: u64| i64::try_from(value).map_err(|_| Error::limit(format!("{value} is above 2^63")));
        let dim = |size: &u64| signed(*size).map(|size| Dim { size, name: String::new() });
        let shape =
            TensorShapeProto { dim: shape.iter().map(dim).collect::<Result<_>>()?, unknown_rank: false };
        let entry = BundleEntryProto {
            dtype: code as i32,
            shape: Some(shape),
            shard_id: 0,
            offset: signed(offset - self.start)?,
            size: signed(self.shard.position() - offset)?,
            crc32c: mask_crc(crc),
            slices: Vec::new(),
        };
        match self.entries.insert(name.to_owned(), entry) {
            None => Ok(()),
            Some(_) => Err(Error::corrupt(format!("tensor `{name}` is stored twice"))),
        }
    }
}

/// The index of a finished shard.
pub struct BundleIndex(BTreeMap<String, BundleEntryProto>);

impl BundleIndex {
    /// Writes the index file.
    pub fn write(&self, sink: &mut dyn Sink) -> Result<()> {
        let header = BundleHeaderProto {
            num_shards: 1,
            endianness: 0,
            version: Some(VersionDef { producer: 1, min_consumer: 0, bad_consumers: Vec::new() }),
        };
        let mut table = TableWriter::new(sink);
        table.add(b"", &header.encode_to_vec())?;
        for (name, entry) in &self.0 {
            table.add(name.as_bytes(), &entry.encode_to_vec())?;
        }
        table.finish()
    }
}
