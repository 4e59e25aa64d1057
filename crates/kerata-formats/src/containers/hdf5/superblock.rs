//! The superblock: where the file starts, how wide its addresses are, where the root group lies.

use kerata_core::{Error, Result, SourceRef, SubSource};

use super::cursor::{Cursor, Widths};
use super::image::verify;

/// First bytes of every HDF5 file (after its user block).
pub const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";

/// What the superblock says.
pub(super) struct Superblock {
    /// The file from its base address on: all addresses count from there.
    pub source: SourceRef,
    pub widths: Widths,
    /// Object header of the root group.
    pub root: u64,
    /// Bytes that should be there and are not.
    pub missing: u64,
}

/// Whether the bytes at the start, or after a user block, are HDF5's.
pub(super) fn find(source: &SourceRef) -> Option<u64> {
    let mut offset = 0u64;
    while offset.checked_add(8).is_some_and(|end| end <= source.len()) {
        let mut start = [0; 8];
        if source.read_at(offset, &mut start).is_ok() && start == SIGNATURE {
            return Some(offset);
        }
        offset = if offset == 0 { 512 } else { offset.checked_mul(2)? };
    }
    None
}

impl Superblock {
    pub fn read(source: &SourceRef) -> Result<Self> {
        let base = find(source).ok_or_else(|| Error::corrupt("no HDF5 signature"))?;
        let file = match base {
            0 => source.clone(),
            _ => SubSource::shared(source.clone(), base, source.len() - base)?,
        };
        // The longest superblock (version 1, eight-byte addresses) has 100 bytes.
        let head = file.read_vec(0, file.len().min(128))?;
        let version = *head.get(8).ok_or_else(cut_short)?;
        let (offset_at, fixed) = match version {
            0 => (13, 24),
            1 => (13, 28),
            2 | 3 => (9, 12),
            _ => return Err(Error::unsupported(format!("superblock version {version}"))),
        };
        let width = |at: usize| -> Result<usize> {
            match *head.get(at).ok_or_else(cut_short)? {
                size @ (2 | 4 | 8) => Ok(usize::from(size)),
                size => Err(Error::unsupported(format!("addresses or lengths of {size} bytes"))),
            }
        };
        let widths = Widths { offset: width(offset_at)?, length: width(offset_at + 1)? };
        let mut cursor = Cursor::new(&head, widths);
        cursor.skip(fixed)?;
        let stored_base = cursor.defined()?;
        let _free_space_or_extension = cursor.address()?;
        let end = cursor.defined()?;
        if version < 2 && cursor.address()?.is_some() {
            return Err(Error::unsupported("a driver information block (split or family file)"));
        }
        let root = if version < 2 {
            cursor.skip(widths.offset)?;
            cursor.defined()?
        } else {
            let root = cursor.defined()?;
            let size = cursor.position() + 4;
            verify(head.get(..size).ok_or_else(cut_short)?)?;
            root
        };
        // The end of file counts from the stored base, which may differ when the user block was cut off or added.
        let end =
            end.checked_sub(stored_base).ok_or_else(|| Error::corrupt("the file ends before it starts"))?;
        let missing = end.saturating_sub(file.len());
        Ok(Self { source: file, widths, root, missing })
    }

    /// The error of a file that was cut short.
    pub fn check_whole(&self) -> Result<()> {
        if self.missing == 0 {
            return Ok(());
        }
        let (have, want) = (self.source.len(), self.source.len().saturating_add(self.missing));
        Err(Error::corrupt(format!("the file is cut short: {have} of {want} bytes are there"))
            .hint("copy or download it again"))
    }
}

fn cut_short() -> Error {
    Error::corrupt("the file ends inside its superblock")
}
