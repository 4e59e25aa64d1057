//! Writes a table in one pass, byte for byte as TensorFlow does (uncompressed).

use kerata_core::{Error, Result, Sink};

use super::block::BlockBuilder;
use super::{BLOCK_BYTES, MAGIC, RESTART_INTERVAL, TRAILER_BYTES, mask_crc, put_varint};

/// Takes entries in ascending order of their keys.
pub struct TableWriter<'a> {
    sink: &'a mut dyn Sink,
    start: u64,
    data: BlockBuilder,
    index: BlockBuilder,
    last_key: Option<Vec<u8>>,
    /// Handle of a finished block whose index entry waits for the next key.
    pending: Option<Vec<u8>>,
}

impl<'a> TableWriter<'a> {
    /// A writer that appends to the sink.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        let start = sink.position();
        let (data, index) = (BlockBuilder::new(RESTART_INTERVAL), BlockBuilder::new(1));
        Self { sink, start, data, index, last_key: None, pending: None }
    }

    /// Appends an entry; a key that is not above the one before is an error.
    pub fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.last_key.as_deref().is_some_and(|last| last >= key) {
            return Err(Error::internal("table keys must ascend"));
        }
        // TensorFlow gives an entry of two blocks' size a block of its own.
        if !self.data.is_empty() && key.len() + value.len() >= 2 * BLOCK_BYTES {
            self.close_block()?;
        }
        if let (Some(handle), Some(last)) = (self.pending.take(), &self.last_key) {
            self.index.add(&shortest_separator(last, key), &handle);
        }
        self.data.add(key, value);
        self.last_key = Some(key.to_vec());
        if self.data.size() >= BLOCK_BYTES {
            self.close_block()?;
        }
        Ok(())
    }

    /// Writes what is left, the index and the footer.
    pub fn finish(mut self) -> Result<()> {
        if !self.data.is_empty() {
            self.close_block()?;
        }
        let mut footer = self.write_block(BlockBuilder::new(1).take())?;
        if let (Some(handle), Some(last)) = (self.pending.take(), &self.last_key) {
            self.index.add(&short_successor(last), &handle);
        }
        let index = self.index.take();
        footer.extend(self.write_block(index)?);
        footer.resize(super::FOOTER_BYTES - 8, 0);
        footer.extend_from_slice(&MAGIC.to_le_bytes());
        self.sink.write(&footer)
    }

    fn close_block(&mut self) -> Result<()> {
        let block = self.data.take();
        self.pending = Some(self.write_block(block)?);
        Ok(())
    }

    /// Writes a block with its trailer and gives its handle.
    fn write_block(&mut self, mut block: Vec<u8>) -> Result<Vec<u8>> {
        let mut handle = Vec::with_capacity(2 * TRAILER_BYTES);
        put_varint(self.sink.position() - self.start, &mut handle);
        put_varint(block.len() as u64, &mut handle);
        block.push(0);
        let checksum = mask_crc(crc32c::crc32c(&block));
        block.extend_from_slice(&checksum.to_le_bytes());
        self.sink.write(&block)?;
        Ok(handle)
    }
}

/// A short key that is at least `last` and below `next`.
fn shortest_separator(last: &[u8], next: &[u8]) -> Vec<u8> {
    let shared = last.iter().zip(next).take_while(|(a, b)| a == b).count();
    if let (Some(byte), Some(limit)) = (last.get(shared), next.get(shared))
        && *byte < u8::MAX
        && byte + 1 < *limit
    {
        let mut key = last.get(..shared).unwrap_or_default().to_vec();
        key.push(byte + 1);
        return key;
    }
    last.to_vec()
}

/// A short key that is at least `last`.
fn short_successor(last: &[u8]) -> Vec<u8> {
    match last.iter().position(|byte| *byte != u8::MAX) {
        Some(position) => {
            let mut key = last.get(..=position).unwrap_or_default().to_vec();
            if let Some(byte) = key.last_mut() {
                *byte += 1;
            }
            key
        }
        None => last.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_lie_between_their_keys() {
        assert_eq!(shortest_separator(b"abcd", b"abzz"), b"abd");
        assert_eq!(shortest_separator(b"abc", b"abd"), b"abc");
        assert_eq!(shortest_separator(b"ab", b"abc"), b"ab");
        assert_eq!(short_successor(b"abc"), b"b");
        assert_eq!(short_successor(&[255, 255, 3]), [255, 255, 4]);
        assert_eq!(short_successor(&[255]), [255]);
    }

    #[test]
    fn keys_must_ascend() {
        let mut bytes = Vec::new();
        let mut writer = TableWriter::new(&mut bytes);
        writer.add(b"b", b"").unwrap();
        assert!(writer.add(b"b", b"").is_err());
        assert!(writer.add(b"a", b"").is_err());
    }
}
