//! `Image`: the file as metadata sees it: checked ranges, verified checksums, a bound on the work done.

use std::borrow::Cow;
use std::cell::Cell;

use kerata_core::source::past_end;
use kerata_core::{Error, Result, SourceRef};

use super::checksum::lookup3;
use super::cursor::{Cursor, Widths};

/// Work that one read counts as, above its bytes.
const WORK_PER_READ: u64 = 64;
/// Work allowed per byte of the file: honest files need less than two.
const WORK_PER_BYTE: u64 = 16;
/// Work always allowed.
const WORK_FLOOR: u64 = 1 << 20;

/// A file whose metadata is being read.
///
/// Blocks that point at each other make a small file cost any amount of time; so the bytes handed out are counted,
/// and the sum is bounded by a multiple of the file's length. That keeps every parser here linear.
pub(super) struct Image<'a> {
    source: &'a SourceRef,
    slice: Option<&'a [u8]>,
    widths: Widths,
    work_left: Cell<u64>,
}

impl<'a> Image<'a> {
    pub fn new(source: &'a SourceRef, widths: Widths) -> Self {
        let work = source.len().saturating_mul(WORK_PER_BYTE).saturating_add(WORK_FLOOR);
        Self { source, slice: source.as_slice(), widths, work_left: Cell::new(work) }
    }

    /// The bytes of a range, borrowed where they lie in memory.
    pub fn bytes(&self, address: u64, len: u64) -> Result<Cow<'a, [u8]>> {
        let work = len.saturating_add(WORK_PER_READ);
        let left = self.work_left.get().checked_sub(work);
        self.work_left.set(left.ok_or_else(|| {
            Error::limit("metadata blocks are shared so often that reading them all would take too long")
        })?);
        let Some(slice) = self.slice else {
            return self.source.read_vec(address, len).map(Cow::Owned);
        };
        let start = usize::try_from(address).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(usize::try_from(len).ok()?)?));
        let part = range.and_then(|range| slice.get(range));
        part.map(Cow::Borrowed).ok_or_else(|| past_end(address, len, self.len()))
    }

    /// The bytes of a range whose last four are the lookup3 checksum of the others.
    pub fn checked(&self, address: u64, len: u64) -> Result<Cow<'a, [u8]>> {
        let bytes = self.bytes(address, len)?;
        verify(&bytes)?;
        Ok(bytes)
    }

    pub fn cursor<'b>(&self, bytes: &'b [u8]) -> Cursor<'b> {
        Cursor::new(bytes, self.widths)
    }

    pub fn widths(&self) -> Widths {
        self.widths
    }

    pub fn source(&self) -> &SourceRef {
        self.source
    }

    pub fn len(&self) -> u64 {
        self.source.len()
    }
}

/// Compares the last four bytes with the lookup3 checksum of the others.
pub(super) fn verify(bytes: &[u8]) -> Result<()> {
    #[cfg(test)]
    if super::storm::CHECKSUMS_FIT.get() {
        return Ok(());
    }
    let (body, stored) =
        bytes.split_last_chunk::<4>().ok_or_else(|| Error::corrupt("no room for a checksum"))?;
    if lookup3(body) == u32::from_le_bytes(*stored) {
        return Ok(());
    }
    Err(Error::corrupt("metadata checksum does not match").hint("the file was damaged or edited"))
}
