//! New values in the files of a bundle: what is not replaced keeps its bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use kerata_core::{Data, Limits, MemorySource, Result, Variable};
use prost::Message;

use super::strings::write_strings;
use super::{dtype_to_tf, shard_name};
use crate::containers::proto::splice;
use crate::containers::proto::tensorflow::{BundleEntryProto, BundleHeaderProto, bundle_header_proto};
use crate::containers::table::{TableWriter, mask_crc, read_table};

/// Field of an entry that holds its checksum.
const CRC_FIELD: u32 = 6;

/// What changes in the files of a bundle.
#[derive(Debug, Default)]
pub struct BundleEdit {
    /// The whole new index.
    pub index: Vec<u8>,
    /// Places in shards, by file name, and what they hold now.
    pub shards: BTreeMap<String, Vec<(u64, Data)>>,
}

/// The edit that gives tensors new values in their places; `None` when one has no place of its own for them (it is cut
/// into slices, swapped, of another type or size, or not there) or when the index is not written as ours would be.
pub fn edit(
    index: Vec<u8>,
    prefix: &str,
    changes: &[(String, &Variable)],
    limits: &Limits,
) -> Result<Option<BundleEdit>> {
    let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let source = MemorySource::shared(index.clone());
    read_table(&source, limits, &mut |key, value| {
        entries.insert(key.to_vec(), value.to_vec());
        Ok(())
    })?;
    let header = entries.get(&b""[..]).and_then(|header| BundleHeaderProto::decode(header.as_slice()).ok());
    let header = header.filter(|h| h.endianness == bundle_header_proto::Endianness::Little as i32);
    let count = header.and_then(|header| u32::try_from(header.num_shards).ok());
    let (Some(count), true) = (count, table(&entries)? == index) else { return Ok(None) };
    let mut edit = BundleEdit::default();
    for (key, variable) in changes {
        let Some(value) = entries.get_mut(key.as_bytes()) else { return Ok(None) };
        let Ok(entry) = BundleEntryProto::decode(Bytes::copy_from_slice(value)) else { return Ok(None) };
        let shape = entry.shape.iter().flat_map(|shape| &shape.dim).map(|dim| u64::try_from(dim.size).ok());
        let fits = entry.slices.is_empty()
            && dtype_to_tf(variable.dtype).is_some_and(|code| code as i32 == entry.dtype)
            && shape.eq(variable.shape.iter().map(|size| Some(*size)));
        let (data, crc) = stored(variable)?;
        let (Ok(shard), Ok(offset)) = (u32::try_from(entry.shard_id), u64::try_from(entry.offset)) else {
            return Ok(None);
        };
        if !fits || i64::try_from(data.len()).ok() != Some(entry.size) {
            return Ok(None);
        }
        let Some(changed) = splice::with_fixed32(value, CRC_FIELD, mask_crc(crc)) else { return Ok(None) };
        *value = changed;
        edit.shards.entry(shard_name(prefix, shard, count)).or_default().push((offset, data));
    }
    edit.index = table(&entries)?;
    edit.shards.values_mut().for_each(|places| places.sort_by_key(|(offset, _)| *offset));
    Ok(Some(edit))
}

/// The bytes of a tensor as a shard holds them, and their checksum.
fn stored(variable: &Variable) -> Result<(Data, u32)> {
    if let Some(strings) = variable.data.as_strings() {
        let (bytes, crc) = write_strings(strings);
        return Ok((Data::owned(bytes), crc));
    }
    let mut crc = 0;
    variable.data.stream(&mut |part| {
        crc = crc32c::crc32c_append(crc, part);
        Ok(())
    })?;
    Ok((variable.data.clone(), crc))
}

fn table(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut writer = TableWriter::new(&mut bytes);
    for (key, value) in entries {
        writer.add(key, value)?;
    }
    writer.finish()?;
    Ok(bytes)
}
