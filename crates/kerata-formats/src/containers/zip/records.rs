//! The records of a zip file, byte by byte (`docs/formats/zip.md` section 1).

use kerata_core::{Error, Result};

pub(super) const LOCAL: u32 = 0x0403_4b50;
pub(super) const CENTRAL: u32 = 0x0201_4b50;
pub(super) const END: u32 = 0x0605_4b50;
pub(super) const END_64: u32 = 0x0606_4b50;
pub(super) const LOCATOR_64: u32 = 0x0706_4b50;
pub(super) const DESCRIPTOR: u32 = 0x0807_4b50;

pub(super) const LOCAL_BYTES: u64 = 30;
pub(super) const CENTRAL_BYTES: u64 = 46;
pub(super) const END_BYTES: u64 = 22;
pub(super) const END_64_BYTES: u64 = 56;
pub(super) const LOCATOR_64_BYTES: u64 = 20;

/// Extra field that holds the 64-bit sizes.
pub(super) const EXTRA_64: u16 = 0x0001;
/// Extra field that replaces the name.
pub(super) const EXTRA_UNICODE_NAME: u16 = 0x7075;

/// General purpose bit 3: sizes and CRC follow the data.
pub(super) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Bits 0, 6 and 13: encryption; bit 5: patch data.
pub(super) const FLAGS_REFUSED: u16 = 1 | 1 << 5 | 1 << 6 | 1 << 13;

/// Takes little-endian numbers off the front of bytes.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or_else(|| Error::corrupt("a record of the zip file is cut"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        Ok(self.take(2)?.iter().rev().fold(0, |number, byte| number << 8 | u16::from(*byte)))
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        Ok(self.take(4)?.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    pub(super) fn u64(&mut self) -> Result<u64> {
        Ok(self.take(8)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// An entry of the central directory.
pub(super) struct Central<'a> {
    pub(super) made_by: u16,
    pub(super) flags: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) stored: u64,
    pub(super) size: u64,
    pub(super) name: &'a [u8],
    pub(super) attributes: u32,
    pub(super) offset: u64,
}

impl<'a> Central<'a> {
    /// Takes one entry.
    pub(super) fn take(fields: &mut Fields<'a>) -> Result<Self> {
        if fields.u32()? != CENTRAL {
            return Err(Error::corrupt("an entry of the central directory has a wrong signature"));
        }
        let made_by = fields.u16()?;
        fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        let (time, date) = (fields.u16()?, fields.u16()?);
        let crc = fields.u32()?;
        let stored = fields.u32()?;
        let size = fields.u32()?;
        let name_len = fields.u16()?;
        let extra_len = fields.u16()?;
        let comment_len = fields.u16()?;
        let disk = fields.u16()?;
        fields.u16()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?;
        let name = fields.take(name_len.into())?;
        let extra = Extra::parse(fields.take(extra_len.into())?)?;
        fields.take(comment_len.into())?;
        if disk != 0 && disk != u16::MAX {
            return Err(Error::unsupported("a zip file of several disks"));
        }
        extra.check_name(name)?;
        let mut wide = Fields(extra.wide.unwrap_or_default());
        let size = widen(size, &mut wide)?;
        let stored = widen(stored, &mut wide)?;
        let offset = widen(offset, &mut wide)?;
        Ok(Self { made_by, flags, time, date, method, crc, stored, size, name, attributes, offset })
    }

    /// Type bits of the Unix mode, when the entry was made on Unix.
    pub(super) fn unix_type(&self) -> u32 {
        if self.made_by >> 8 == 3 { self.attributes >> 16 & 0o170_000 } else { 0 }
    }
}

/// A local header.
pub(super) struct Local<'a> {
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) stored: u64,
    pub(super) size: u64,
    pub(super) name: &'a [u8],
}

impl<'a> Local<'a> {
    /// Lengths of name and extra field from the fixed part.
    pub(super) fn tail_len(fixed: &[u8]) -> Result<u64> {
        let mut fields = Fields(fixed);
        fields.take(26)?;
        Ok(u64::from(fields.u16()?) + u64::from(fields.u16()?))
    }

    /// Reads a whole header: fixed part, name, extra field.
    pub(super) fn parse(header: &'a [u8]) -> Result<Self> {
        let mut fields = Fields(header);
        if fields.u32()? != LOCAL {
            return Err(Error::corrupt("the local header has a wrong signature"));
        }
        fields.u16()?;
        let flags = fields.u16()?;
        let method = fields.u16()?;
        fields.u32()?;
        let crc = fields.u32()?;
        let stored = fields.u32()?;
        let size = fields.u32()?;
        let name_len = fields.u16()?;
        let extra_len = fields.u16()?;
        let name = fields.take(name_len.into())?;
        let extra = Extra::parse(fields.take(extra_len.into())?)?;
        extra.check_name(name)?;
        let mut wide = Fields(extra.wide.unwrap_or_default());
        let size = widen(size, &mut wide)?;
        let stored = widen(stored, &mut wide)?;
        Ok(Self { flags, method, crc, stored, size, name })
    }
}

/// What matters of an extra field.
struct Extra<'a> {
    wide: Option<&'a [u8]>,
    unicode_name: Option<&'a [u8]>,
}

impl<'a> Extra<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut fields = Fields(bytes);
        let mut extra = Self { wide: None, unicode_name: None };
        // Alignment tools leave up to three zero bytes, too few for a header.
        while fields.0.len() >= 4 {
            let id = fields.u16()?;
            let len = fields.u16()?;
            let content = fields.take(len.into())?;
            let slot = match id {
                EXTRA_64 => &mut extra.wide,
                EXTRA_UNICODE_NAME => &mut extra.unicode_name,
                _ => continue,
            };
            if slot.replace(content).is_some() {
                return Err(Error::corrupt("an extra field of the zip file stands twice"));
            }
        }
        if fields.0.iter().any(|byte| *byte != 0) {
            return Err(Error::corrupt("an extra field of the zip file is cut"));
        }
        Ok(extra)
    }

    /// A second name may not differ from the first.
    fn check_name(&self, name: &[u8]) -> Result<()> {
        // Version (1 byte), CRC-32 of the plain name (4), name.
        match self.unicode_name.map(|field| field.get(5..)) {
            None => Ok(()),
            Some(Some(second)) if second == name => Ok(()),
            Some(_) => Err(Error::corrupt("a member has two names that differ")),
        }
    }
}

/// The 64-bit value of a field that is all ones in 32 bits.
fn widen(narrow: u32, wide: &mut Fields<'_>) -> Result<u64> {
    if narrow == u32::MAX { wide.u64() } else { Ok(narrow.into()) }
}

/// What the end records say.
pub(super) struct End {
    pub(super) entries: u64,
    pub(super) directory_offset: u64,
    pub(super) directory_len: u64,
}

impl End {
    /// The 32-bit record, without its comment; the second value says whether a field is saturated.
    pub(super) fn parse(record: &[u8]) -> Result<(Self, bool)> {
        let mut fields = Fields(record);
        fields.u32()?;
        let disks = (fields.u16()?, fields.u16()?);
        let entries = (fields.u16()?, fields.u16()?);
        let directory_len = fields.u32()?;
        let directory_offset = fields.u32()?;
        if !matches!(disks, (0, 0) | (u16::MAX, u16::MAX)) || entries.0 != entries.1 {
            return Err(Error::unsupported("a zip file of several disks"));
        }
        let is_saturated = entries.0 == u16::MAX || directory_len == u32::MAX || directory_offset == u32::MAX;
        let end = Self {
            entries: entries.0.into(),
            directory_len: directory_len.into(),
            directory_offset: directory_offset.into(),
        };
        Ok((end, is_saturated))
    }

    /// The 64-bit record.
    pub(super) fn parse_64(record: &[u8]) -> Result<Self> {
        let mut fields = Fields(record);
        if fields.u32()? != END_64 {
            return Err(Error::corrupt("the zip64 end record has a wrong signature"));
        }
        if fields.u64()? != END_64_BYTES - 12 {
            return Err(Error::unsupported("a zip64 end record with extensions"));
        }
        fields.u32()?;
        let disks = (fields.u32()?, fields.u32()?);
        let entries = (fields.u64()?, fields.u64()?);
        let directory_len = fields.u64()?;
        let directory_offset = fields.u64()?;
        if disks != (0, 0) || entries.0 != entries.1 {
            return Err(Error::unsupported("a zip file of several disks"));
        }
        Ok(Self { entries: entries.0, directory_len, directory_offset })
    }

    /// Whether the 32-bit record says the same where it says anything.
    pub(super) fn agrees_with(&self, narrow: &Self) -> bool {
        let same = |wide: u64, narrow: u64, saturated: u64| narrow == saturated || wide == narrow;
        same(self.entries, narrow.entries, u16::MAX.into())
            && same(self.directory_len, narrow.directory_len, u32::MAX.into())
            && same(self.directory_offset, narrow.directory_offset, u32::MAX.into())
    }
}
