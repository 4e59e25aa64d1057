//! Object headers, versions 1 and 2: the list of messages that describes a group or a dataset.

use std::ops::Range;

use bytes::Bytes;
use kerata_core::{Error, Result};

use super::image::{Image, verify};

/// Blocks that one header may be spread over.
const MAX_BLOCKS: usize = 1_024;

/// Message types that are read or recognised.
pub(super) mod kind {
    pub const NIL: u16 = 0x00;
    pub const DATASPACE: u16 = 0x01;
    pub const LINK_INFO: u16 = 0x02;
    pub const DATATYPE: u16 = 0x03;
    pub const OLD_FILL: u16 = 0x04;
    pub const FILL: u16 = 0x05;
    pub const LINK: u16 = 0x06;
    pub const EXTERNAL_FILES: u16 = 0x07;
    pub const LAYOUT: u16 = 0x08;
    pub const GROUP_INFO: u16 = 0x0a;
    pub const FILTERS: u16 = 0x0b;
    pub const ATTRIBUTE: u16 = 0x0c;
    pub const CONTINUATION: u16 = 0x10;
    pub const SYMBOL_TABLE: u16 = 0x11;
    pub const ATTRIBUTE_INFO: u16 = 0x15;
    /// Last type of the format as described for HDF5 1.14.
    pub const LAST: u16 = 0x18;
}

/// One message: its type and where its body lies.
pub(super) struct Message {
    pub kind: u16,
    /// Whether the body is a reference to another object's message.
    pub shared: bool,
    block: usize,
    range: Range<usize>,
}

/// The messages of one object.
pub(super) struct Header {
    blocks: Vec<Bytes>,
    messages: Vec<Message>,
}

impl Header {
    pub fn read(image: &Image<'_>, address: u64) -> Result<Self> {
        let first = image.bytes(address, 4)?;
        match *first {
            [b'O', b'H', b'D', b'R'] => Self::read_v2(image, address),
            [1, ..] => Self::read_v1(image, address),
            _ => Err(Error::corrupt(format!("no object header at offset {address}"))),
        }
    }

    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    pub fn body(&self, message: &Message) -> &[u8] {
        let block = self.blocks.get(message.block).map(Bytes::as_ref).unwrap_or_default();
        block.get(message.range.clone()).unwrap_or_default()
    }

    /// The first message of a type.
    pub fn find(&self, kind: u16) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == kind)
    }

    fn read_v1(image: &Image<'_>, address: u64) -> Result<Self> {
        let prefix = image.bytes(address, 16)?;
        let mut cursor = image.cursor(&prefix);
        cursor.skip(8)?;
        let size = u64::from(cursor.u32()?);
        let start = address.checked_add(16).ok_or_else(|| Error::corrupt("an address overflows"))?;
        let mut header = Self { blocks: Vec::with_capacity(1), messages: Vec::with_capacity(8) };
        let mut pending = vec![(start, size)];
        while let Some((address, size)) = pending.pop() {
            let block = header.add_block(image.bytes(address, size)?)?;
            let bytes = header.blocks.get(block).cloned().unwrap_or_default();
            let mut cursor = image.cursor(&bytes);
            while cursor.remaining() >= 8 {
                let kind = cursor.u16()?;
                let size = usize::from(cursor.u16()?);
                let flags = cursor.u8()?;
                cursor.skip(3)?;
                header.add_message(image, kind, flags, block, cursor.position(), size, &mut pending)?;
                cursor.skip(size)?;
            }
        }
        Ok(header)
    }

    fn read_v2(image: &Image<'_>, address: u64) -> Result<Self> {
        let prefix = image.bytes(address, 6)?;
        let mut cursor = image.cursor(&prefix);
        cursor.skip(4)?;
        cursor.version("object header", &[2])?;
        let flags = cursor.u8()?;
        let times = if flags & 0x20 == 0 { 0 } else { 16 };
        let thresholds = if flags & 0x10 == 0 { 0 } else { 4 };
        let width = 1usize << (flags & 3);
        let prefix_size = 6 + times + thresholds + width;
        let prefix = image.bytes(address, prefix_size as u64)?;
        let mut cursor = image.cursor(&prefix);
        cursor.skip(prefix_size - width)?;
        let size = cursor.uint(width)?;
        let whole = size.checked_add(prefix_size as u64 + 4);
        let whole = whole.ok_or_else(|| Error::corrupt("an object header is too large"))?;
        let extra = if flags & 4 == 0 { 0 } else { 2 };

        let mut header = Self { blocks: Vec::with_capacity(1), messages: Vec::with_capacity(8) };
        let mut pending = vec![(address, whole)];
        let mut start = prefix_size;
        while let Some((address, size)) = pending.pop() {
            let bytes = image.bytes(address, size)?;
            verify(&bytes)?;
            let block = header.add_block(bytes)?;
            let bytes = header.blocks.get(block).cloned().unwrap_or_default();
            let body = bytes.len().checked_sub(4).and_then(|end| bytes.get(..end)).unwrap_or_default();
            let mut cursor = image.cursor(body);
            if block > 0 {
                cursor.signature(b"OCHK")?;
                start = 4;
            } else {
                cursor.skip(start)?;
            }
            // What is too small for a message is a gap.
            while cursor.remaining() >= 4 + extra {
                let kind = u16::from(cursor.u8()?);
                let size = usize::from(cursor.u16()?);
                let flags = cursor.u8()?;
                cursor.skip(extra)?;
                header.add_message(image, kind, flags, block, cursor.position(), size, &mut pending)?;
                cursor.skip(size)?;
            }
        }
        Ok(header)
    }

    fn add_block(&mut self, bytes: Bytes) -> Result<usize> {
        if self.blocks.len() == MAX_BLOCKS {
            return Err(Error::limit(format!("an object header of more than {MAX_BLOCKS} blocks")));
        }
        self.blocks.push(bytes);
        Ok(self.blocks.len() - 1)
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    fn add_message(
        &mut self,
        image: &Image<'_>,
        kind: u16,
        flags: u8,
        block: usize,
        start: usize,
        size: usize,
        pending: &mut Vec<(u64, u64)>,
    ) -> Result<()> {
        let message =
            Message { kind, shared: flags & 2 != 0, block, range: start..start.saturating_add(size) };
        match kind {
            kind::NIL => {}
            kind::CONTINUATION => {
                let mut cursor = image.cursor(self.body(&message));
                let place = (cursor.defined()?, cursor.length()?);
                pending.push(place);
            }
            // Bit 7: a reader that does not know this message must not go on.
            _ if kind > kind::LAST && flags & 0x80 != 0 => {
                return Err(Error::unsupported(format!("object header message type {kind}")));
            }
            _ => self.messages.push(message),
        }
        Ok(())
    }
}
