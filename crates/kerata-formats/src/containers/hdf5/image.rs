//! `Image`: the file as metadata sees it: checked ranges, verified checksums, a bound on the work done.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use kerata_core::source::past_end;
use kerata_core::{Error, Result, SourceRef};

use super::checksum::lookup3;
use super::cursor::{Cursor, Widths, to_usize};

/// Work that one read counts as, above its bytes.
const WORK_PER_READ: u64 = 64;
/// Work allowed per byte of the file: honest files need less than two.
const WORK_PER_BYTE: u64 = 16;
/// Work always allowed.
const WORK_FLOOR: u64 = 1 << 20;

/// Distance of the windows through which metadata is read: it lies all over a file, a little in each place, and mapping
/// all of these into memory would take more time and room than copying them.
const WINDOW_BYTES: u64 = 2048;
/// Windows that are kept.
const WINDOWS: usize = 32;

/// A file whose metadata is being read.
///
/// Blocks that point at each other make a small file cost any amount of time; so the bytes handed out are counted,
/// and the sum is bounded by a multiple of the file's length. That keeps every parser here linear.
pub(super) struct Image<'a> {
    source: &'a SourceRef,
    widths: Widths,
    work_left: Cell<u64>,
    /// Number and bytes of a window, each in the place that the number gives it. A window reaches to the end of the next
    /// one, so that hardly anything lies across an edge.
    windows: RefCell<[(u64, Bytes); WINDOWS]>,
}

impl<'a> Image<'a> {
    pub fn new(source: &'a SourceRef, widths: Widths) -> Self {
        let work = source.len().saturating_mul(WORK_PER_BYTE).saturating_add(WORK_FLOOR);
        Self { source, widths, work_left: Cell::new(work), windows: RefCell::default() }
    }

    /// The bytes of a range.
    pub fn bytes(&self, address: u64, len: u64) -> Result<Bytes> {
        let work = len.saturating_add(WORK_PER_READ);
        let left = self.work_left.get().checked_sub(work);
        self.work_left.set(left.ok_or_else(|| {
            Error::limit("metadata blocks are shared so often that reading them all would take too long")
        })?);
        if address.checked_add(len).is_none_or(|end| end > self.len()) {
            return Err(past_end(address, len, self.len()));
        }
        if len > WINDOW_BYTES {
            return self.source.read_vec(address, len).map(Bytes::from);
        }
        let (start, len) = (to_usize(address % WINDOW_BYTES)?, to_usize(len)?);
        self.window(address / WINDOW_BYTES, |window| window.slice(start..start + len))
    }

    /// Hands a window to `take`: all its bytes but for those past the end of the file.
    fn window<T>(&self, number: u64, take: impl FnOnce(&Bytes) -> T) -> Result<T> {
        let mut windows = self.windows.borrow_mut();
        let place = windows.get_mut(to_usize(number % WINDOWS as u64)?);
        let (known, bytes) = place.ok_or_else(|| Error::internal("a window out of place"))?;
        if *known != number || bytes.is_empty() {
            let start = number * WINDOW_BYTES;
            let len = (2 * WINDOW_BYTES).min(self.len() - start);
            *bytes = self.source.read_vec(start, len)?.into();
            *known = number;
        }
        Ok(take(bytes))
    }

    /// Says that blocks which begin at these places will be read soon.
    pub fn expect(&self, addresses: impl Iterator<Item = u64>) {
        let mut last = u64::MAX;
        for window in addresses.map(|address| address / WINDOW_BYTES) {
            // Blocks that were made together lie together.
            if window != last {
                self.source.expect(window * WINDOW_BYTES, 2 * WINDOW_BYTES);
                last = window;
            }
        }
    }

    /// The bytes of a range whose last four are the lookup3 checksum of the others.
    pub fn checked(&self, address: u64, len: u64) -> Result<Bytes> {
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
