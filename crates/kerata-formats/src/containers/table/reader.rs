//! Reads a table from end to end; every length and offset is checked against what is stored.

use kerata_core::{Error, Limits, Result, ResultExt, SourceRef};

use super::block::read_block;
use super::{FOOTER_BYTES, MAGIC, TRAILER_BYTES, Visit, mask_crc, take_varint};

/// Hands over all entries of a table in ascending order of their keys.
///
/// # Errors
///
/// `Corrupt` for anything that breaks the layout: a block outside the file, a wrong checksum, keys out of order.
pub fn read_table(source: &SourceRef, limits: &Limits, visit: &mut Visit<'_>) -> Result<()> {
    let footer_offset = source
        .len()
        .checked_sub(FOOTER_BYTES as u64)
        .ok_or_else(|| Error::corrupt(format!("a table of {} bytes has no footer", source.len())))?;
    let footer = source.read_vec(footer_offset, FOOTER_BYTES as u64)?;
    let (handles, magic) = footer.split_last_chunk::<8>().ok_or_else(|| Error::internal("footer size"))?;
    if u64::from_le_bytes(*magic) != MAGIC {
        return Err(Error::corrupt("a table does not end in its magic number")
            .hint("the file was cut short or is no table"));
    }
    let mut handles = handles;
    Handle::take(&mut handles).at(|| "metaindex handle")?;
    let index_handle = Handle::take(&mut handles).at(|| "index handle")?;
    let blocks = Blocks { source, end: footer_offset, limits };

    let mut data_handles = Vec::new();
    let mut total = 0u64;
    let max_key_bytes = limits.max_name_bytes.saturating_mul(2);
    read_block(&blocks.read(index_handle)?, max_key_bytes, &mut |_, mut value| {
        let handle = Handle::take(&mut value)?;
        // Blocks do not overlap, so together they are no longer than the file.
        total = total.saturating_add(handle.len);
        if total > source.len() {
            return Err(Error::corrupt("the data blocks together are longer than the file"));
        }
        data_handles.push(handle);
        Ok(())
    })
    .at(|| "index block")?;

    let mut last_key: Option<Vec<u8>> = None;
    for handle in data_handles {
        let block = blocks.read(handle)?;
        read_block(&block, max_key_bytes, &mut |key, value| {
            if last_key.as_deref().is_some_and(|last| last >= key) {
                return Err(Error::corrupt("keys are out of order or stored twice"));
            }
            let last = last_key.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            visit(key, value)
        })
        .at(|| format!("block at {}", handle.offset))?;
    }
    Ok(())
}

/// Where a block lies, without its trailer.
#[derive(Clone, Copy)]
struct Handle {
    offset: u64,
    len: u64,
}

impl Handle {
    fn take(bytes: &mut &[u8]) -> Result<Self> {
        let mut next =
            || take_varint(bytes).ok_or_else(|| Error::corrupt("a block handle is not two numbers"));
        Ok(Self { offset: next()?, len: next()? })
    }
}

struct Blocks<'a> {
    source: &'a SourceRef,
    end: u64,
    limits: &'a Limits,
}

impl Blocks<'_> {
    /// A block, its checksum verified, decompressed.
    fn read(&self, handle: Handle) -> Result<Vec<u8>> {
        let Handle { offset, len } = handle;
        let place = || format!("block of {len} bytes at {offset}");
        let stored = len
            .checked_add(TRAILER_BYTES as u64)
            .filter(|stored| offset.checked_add(*stored).is_some_and(|end| end <= self.end))
            .ok_or_else(|| {
                Error::corrupt(format!("a block reaches past the end of {} bytes", self.source.len()))
            })
            .at(place)?;
        let mut block = self.source.read_vec(offset, stored)?;
        let trailer = block.split_off(block.len().saturating_sub(TRAILER_BYTES));
        let [compression, checksum @ ..] = trailer.as_slice() else {
            return Err(Error::internal("trailer size"));
        };
        let expected = mask_crc(crc32c::crc32c_append(crc32c::crc32c(&block), &[*compression]));
        if checksum != expected.to_le_bytes() {
            return Err(Error::corrupt("the checksum of a block is wrong").at(place()));
        }
        match compression {
            0 => Ok(block),
            1 => self.decompress(&block).at(place),
            other => Err(Error::unsupported(format!("compression {other} of a table block")).at(place())),
        }
    }

    fn decompress(&self, block: &[u8]) -> Result<Vec<u8>> {
        let broken = |error: snap::Error| Error::corrupt(format!("snappy: {error}"));
        let size = snap::raw::decompress_len(block).map_err(broken)?;
        let allowed = (block.len() as u64).saturating_mul(self.limits.max_expansion);
        if size as u64 > allowed {
            return Err(Error::limit(format!("{} bytes claim to inflate to {size}", block.len())));
        }
        snap::raw::Decoder::new().decompress_vec(block).map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use kerata_core::{ErrorKind, MemorySource};

    use super::super::{TableWriter, put_varint};
    use super::*;

    type Entries = Vec<(Vec<u8>, Vec<u8>)>;

    fn entries(bytes: Vec<u8>) -> Result<Entries> {
        let mut found = Vec::new();
        read_table(&MemorySource::shared(bytes), &Limits::default(), &mut |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    fn table(count: usize) -> (Vec<u8>, Entries) {
        let pairs: Vec<_> =
            (0..count).map(|i| (format!("key/{i:06}").into_bytes(), vec![i as u8; i % 50])).collect();
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes);
        for (key, value) in &pairs {
            writer.add(key, value).unwrap();
        }
        writer.finish().unwrap();
        (bytes, pairs)
    }

    #[test]
    fn what_is_written_reads_back_over_several_blocks() {
        for count in [0, 1, 17, 20_000] {
            let (bytes, pairs) = table(count);
            assert_eq!(entries(bytes).unwrap(), pairs);
        }
    }

    #[test]
    fn every_flipped_byte_of_a_block_is_found() {
        let (bytes, _) = table(40);
        let footer = bytes.len() - FOOTER_BYTES;
        let metaindex = 8 + TRAILER_BYTES;
        for position in 0..footer {
            let mut broken = bytes.clone();
            broken[position] ^= 0x10;
            let result = entries(broken);
            // The empty metaindex block is not needed and not read.
            let is_metaindex = (footer - 24 - metaindex..footer - 24 + metaindex).contains(&position);
            assert!(result.is_err() || is_metaindex, "byte {position}");
        }
        for len in 0..bytes.len() {
            assert_eq!(entries(bytes[..len].to_vec()).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn handles_outside_the_file_are_refused_without_allocating() {
        let (bytes, _) = table(3);
        for (offset, len) in [(0, 1 << 40), (1 << 40, 8), (u64::MAX, u64::MAX), (0, u64::MAX - 4)] {
            let mut footer = vec![0, 0];
            put_varint(offset, &mut footer);
            put_varint(len, &mut footer);
            footer.resize(40, 0);
            let mut broken = bytes.clone();
            let start = bytes.len() - FOOTER_BYTES;
            broken.splice(start..start + 40, footer);
            assert_eq!(entries(broken).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn snappy_blocks_are_read() {
        let (plain, pairs) = table(30);
        // Rewrites the file with each block compressed, by the layout alone: data, metaindex, index, footer.
        let mut handles = &plain[plain.len() - FOOTER_BYTES..];
        let metaindex = Handle::take(&mut handles).unwrap();
        let data = &plain[..metaindex.offset as usize - TRAILER_BYTES];
        let mut out = Vec::new();
        let put = |block: &[u8], out: &mut Vec<u8>| {
            let packed = snap::raw::Encoder::new().compress_vec(block).unwrap();
            let offset = out.len() as u64;
            out.extend_from_slice(&packed);
            out.push(1);
            let crc = mask_crc(crc32c::crc32c_append(crc32c::crc32c(&packed), &[1]));
            out.extend_from_slice(&crc.to_le_bytes());
            let mut handle = Vec::new();
            put_varint(offset, &mut handle);
            put_varint(packed.len() as u64, &mut handle);
            handle
        };
        let data_handle = put(data, &mut out);
        let mut index = super::super::block::BlockBuilder::new(1);
        index.add(b"z", &data_handle);
        let index_handle = put(&index.take(), &mut out);
        let mut footer = vec![0, 0];
        footer.extend(index_handle);
        footer.resize(40, 0);
        footer.extend(MAGIC.to_le_bytes());
        out.extend(footer);
        assert_eq!(entries(out).unwrap(), pairs);
    }
}
