//! `Cursor`: checked reading of little-endian fields, addresses and lengths.

use kerata_core::{Error, Result};

/// Bytes of an address and of a length in one file (its superblock says).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widths {
    pub offset: usize,
    pub length: usize,
}

/// Reads fields in order; every read past the end is an error.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
    widths: Widths,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], widths: Widths) -> Self {
        Self { bytes, position: 0, widths }
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let part = self.position.checked_add(count).and_then(|end| self.bytes.get(self.position..end));
        let part = part.ok_or_else(|| Error::corrupt("a structure ends before its last field"))?;
        self.position += count;
        Ok(part)
    }

    pub fn skip(&mut self, count: usize) -> Result<()> {
        self.take(count).map(drop)
    }

    /// Skips to the next multiple of eight, counted from the start of the bytes; the end counts as one.
    pub fn align(&mut self) {
        self.position = self.position.next_multiple_of(8).min(self.bytes.len());
    }

    pub fn u8(&mut self) -> Result<u8> {
        self.uint(1).map(|value| value.to_le_bytes()[0])
    }

    pub fn u16(&mut self) -> Result<u16> {
        let [a, b, ..] = self.uint(2)?.to_le_bytes();
        Ok(u16::from_le_bytes([a, b]))
    }

    pub fn u32(&mut self) -> Result<u32> {
        let [a, b, c, d, ..] = self.uint(4)?.to_le_bytes();
        Ok(u32::from_le_bytes([a, b, c, d]))
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.uint(8)
    }

    /// An unsigned number of `width` bytes, at most eight.
    pub fn uint(&mut self, width: usize) -> Result<u64> {
        let part = self.take(width)?;
        let mut field = [0; 8];
        let target = field.get_mut(..width).ok_or_else(|| Error::corrupt("a number wider than 8 bytes"))?;
        target.copy_from_slice(part);
        Ok(u64::from_le_bytes(field))
    }

    /// An address; `None` is HDF5's "undefined".
    pub fn address(&mut self) -> Result<Option<u64>> {
        let width = self.widths.offset;
        let value = self.uint(width)?;
        let undefined = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        Ok(Some(value).filter(|value| *value != undefined))
    }

    /// An address that must be there.
    pub fn defined(&mut self) -> Result<u64> {
        self.address()?.ok_or_else(|| Error::corrupt("an address is undefined"))
    }

    /// A length.
    pub fn length(&mut self) -> Result<u64> {
        self.uint(self.widths.length)
    }

    pub fn signature(&mut self, expected: &[u8; 4]) -> Result<()> {
        if self.take(4)? == expected {
            return Ok(());
        }
        let name = String::from_utf8_lossy(expected);
        Err(Error::corrupt(format!("no `{name}` signature where one is expected")))
    }

    pub fn version(&mut self, what: &str, known: &[u8]) -> Result<u8> {
        let version = self.u8()?;
        if known.contains(&version) {
            return Ok(version);
        }
        Err(Error::unsupported(format!("{what} version {version}")))
    }

    /// Bytes up to a NUL, which is passed too.
    pub fn until_nul(&mut self) -> Result<&'a [u8]> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == 0);
        let end = end.ok_or_else(|| Error::corrupt("a name does not end"))?;
        let name = self.take(end)?;
        self.skip(1)?;
        Ok(name)
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.position)
    }

    pub fn position(&self) -> usize {
        self.position
    }

    pub fn widths(&self) -> Widths {
        self.widths
    }
}

/// `u64` to `usize`, for sizes that were checked against stored bytes.
pub(super) fn to_usize(value: u64) -> Result<usize> {
    usize::try_from(value).map_err(|_| Error::limit(format!("{value} bytes do not fit this machine")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTHS: Widths = Widths { offset: 4, length: 2 };

    #[test]
    fn fields_are_little_endian_and_checked() {
        let mut cursor = Cursor::new(&[1, 2, 3, 0xff, 0xff, 0xff, 0xff, 9], WIDTHS);
        assert_eq!(cursor.u8().unwrap(), 1);
        assert_eq!(cursor.length().unwrap(), 0x0302);
        assert_eq!(cursor.address().unwrap(), None);
        assert!(cursor.u16().is_err());
        assert_eq!(cursor.u8().unwrap(), 9);
    }
}
