//! Dense storage of links and attributes: a fractal heap whose objects a version 2 B-tree lists.

use std::cell::RefCell;
use std::collections::HashSet;

use bytes::Bytes;
use kerata_core::{Error, Result};

use super::btree2::Tree2;
use super::cursor::{Cursor, to_usize};
use super::image::Image;

/// B-tree type of the index of huge objects, by heap ID.
const HUGE_INDEX: u8 = 1;

/// A fractal heap.
pub(super) struct Dense<'a, 'i> {
    image: &'i Image<'a>,
    id_size: usize,
    checksum_blocks: bool,
    /// Bytes of an offset in the heap and of a length in an ID.
    offset_size: usize,
    length_size: usize,
    width: u64,
    start_size: u64,
    max_direct_size: u64,
    root: Option<u64>,
    /// Rows of the root indirect block; 0 means that the root is a direct block.
    root_rows: u32,
    huge_index: Option<u64>,
    /// Direct blocks whose checksum was found right.
    verified: RefCell<HashSet<u64>>,
}

impl<'a, 'i> Dense<'a, 'i> {
    pub fn read(image: &'i Image<'a>, address: u64) -> Result<Self> {
        let widths = image.widths();
        let size = 26 + 3 * widths.offset + 12 * widths.length;
        let bytes = image.bytes(address, size as u64)?;
        let mut cursor = image.cursor(&bytes);
        cursor.signature(b"FRHP")?;
        cursor.version("fractal heap", &[0])?;
        let id_size = usize::from(cursor.u16()?);
        if cursor.u16()? != 0 {
            return Err(Error::unsupported("a fractal heap with filters"));
        }
        image.checked(address, size as u64)?;
        let flags = cursor.u8()?;
        let max_managed = u64::from(cursor.u32()?);
        cursor.length()?;
        let huge_index = cursor.address()?;
        cursor.length()?;
        cursor.address()?;
        cursor.skip(8 * widths.length)?;
        let width = u64::from(cursor.u16()?);
        let start_size = cursor.length()?;
        let max_direct_size = cursor.length()?;
        let heap_bits = cursor.u16()?;
        cursor.skip(2)?;
        let root = cursor.address()?;
        let root_rows = u32::from(cursor.u16()?);

        let sizes = [width, start_size, max_direct_size];
        let sane = sizes.iter().all(|size| size.is_power_of_two()) && start_size <= max_direct_size;
        if !sane || heap_bits > 64 || max_direct_size > 1 << 32 {
            return Err(Error::corrupt("the block sizes of a fractal heap do not fit"));
        }
        let direct_bytes = max_direct_size.ilog2().div_ceil(8);
        let managed_bytes = max_managed.max(1).ilog2() / 8 + 1;
        Ok(Self {
            image,
            id_size,
            checksum_blocks: flags & 2 != 0,
            offset_size: usize::from(heap_bits.div_ceil(8)),
            length_size: direct_bytes.min(managed_bytes) as usize,
            width,
            start_size,
            max_direct_size,
            root,
            root_rows,
            huge_index,
            verified: RefCell::default(),
        })
    }

    /// Hands every object to `take`, in the order of an index of type `kind` whose records have the heap ID after
    /// `skip` bytes.
    pub fn objects(
        &self,
        index: u64,
        kind: u8,
        skip: usize,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        Tree2::read(self.image, index, kind)?.records(&mut |record| {
            let mut cursor = self.image.cursor(record);
            cursor.skip(skip)?;
            let id = cursor.take(self.id_size)?;
            take(&self.object(id)?)
        })
    }

    fn object(&self, id: &[u8]) -> Result<Bytes> {
        let mut cursor = self.image.cursor(id);
        let flags = cursor.u8()?;
        if flags & 0xc0 != 0 {
            return Err(Error::unsupported("a heap ID of a later version"));
        }
        match (flags >> 4) & 3 {
            0 => {
                let offset = cursor.uint(self.offset_size)?;
                let length = cursor.uint(self.length_size)?;
                self.managed(offset, length)
            }
            1 => self.huge(cursor),
            2 => {
                let length = usize::from(flags & 15) + 1;
                if self.id_size > 17 {
                    return Err(Error::unsupported("long tiny objects in a fractal heap"));
                }
                cursor.take(length).map(Bytes::copy_from_slice)
            }
            _ => Err(Error::corrupt("a heap ID of no known type")),
        }
    }

    fn huge(&self, mut cursor: Cursor<'_>) -> Result<Bytes> {
        let widths = self.image.widths();
        if cursor.remaining() >= widths.offset + widths.length {
            let (address, length) = (cursor.defined()?, cursor.length()?);
            return self.image.bytes(address, length);
        }
        let wanted = cursor.uint(cursor.remaining().min(8))?;
        let index = self.huge_index.ok_or_else(|| Error::corrupt("a huge object without an index"))?;
        let mut place = None;
        Tree2::read(self.image, index, HUGE_INDEX)?.records(&mut |record| {
            let mut cursor = self.image.cursor(record);
            let found = (cursor.defined()?, cursor.length()?);
            if cursor.length()? == wanted {
                place = Some(found);
            }
            Ok(())
        })?;
        let (address, length) = place.ok_or_else(|| Error::corrupt("a huge object is not in its index"))?;
        self.image.bytes(address, length)
    }

    /// An object at an offset of the heap's own address space: descends the doubling table.
    fn managed(&self, offset: u64, length: u64) -> Result<Bytes> {
        let mut block = self.root.ok_or_else(|| Error::corrupt("an object in an empty heap"))?;
        let mut rest = offset;
        let mut rows = self.root_rows;
        let mut size = self.start_size;
        while rows > 0 {
            let (row, column) = self.cell(&mut rest)?;
            size = self.row_size(row)?;
            let direct_rows = self.max_direct_size.ilog2() - self.start_size.ilog2() + 2;
            if row >= rows {
                return Err(Error::corrupt("an object outside its heap"));
            }
            block = self.child(block, rows, row, column)?;
            rows = match row >= direct_rows {
                // An indirect block covers `size` bytes: as many rows as add up to that.
                true => (size.ilog2() + 1)
                    .checked_sub(self.start_size.ilog2() + self.width.ilog2())
                    .ok_or_else(|| Error::corrupt("an indirect block too small for a row"))?,
                false => 0,
            };
        }
        if self.checksum_blocks && self.verified.borrow_mut().insert(block) {
            self.check_block(block, size)?;
        }
        let fits = rest.checked_add(length).is_some_and(|end| end <= size);
        let start = block.checked_add(rest).filter(|_| fits);
        self.image.bytes(start.ok_or_else(|| Error::corrupt("an object outside its block"))?, length)
    }

    /// Row and column of the block that holds `rest`, which becomes the offset in that block.
    fn cell(&self, rest: &mut u64) -> Result<(u32, u64)> {
        let first_row = self.start_size.checked_mul(self.width);
        let first_row = first_row.ok_or_else(|| Error::corrupt("a fractal heap too wide"))?;
        if *rest < first_row {
            let column = *rest / self.start_size;
            *rest %= self.start_size;
            return Ok((0, column));
        }
        let row = rest.ilog2() - first_row.ilog2() + 1;
        let size = self.row_size(row)?;
        let in_row = *rest - (1 << rest.ilog2());
        *rest = in_row % size;
        Ok((row, in_row / size))
    }

    fn row_size(&self, row: u32) -> Result<u64> {
        let size = self.start_size.checked_shl(row.saturating_sub(1)).filter(|size| *size >= self.start_size);
        size.ok_or_else(|| Error::corrupt("a fractal heap row too large"))
    }

    fn child(&self, block: u64, rows: u32, row: u32, column: u64) -> Result<u64> {
        let width = self.image.widths().offset;
        let head = 5 + width + self.offset_size;
        let cells = u64::from(rows) * self.width;
        let size = head as u64 + cells * width as u64 + 4;
        let bytes = self.image.bytes(block, size)?;
        let mut cursor = self.image.cursor(&bytes);
        cursor.signature(b"FHIB")?;
        let cell = u64::from(row) * self.width + column;
        cursor.skip(head - 4)?;
        cursor.skip(to_usize(cell)?.saturating_mul(width))?;
        cursor.defined()
    }

    /// Verifies the checksum of a direct block, which is computed with its own four bytes as zeros.
    fn check_block(&self, block: u64, size: u64) -> Result<()> {
        #[cfg(test)]
        if super::storm::CHECKSUMS_FIT.get() {
            return Ok(());
        }
        let bytes = self.image.bytes(block, size)?;
        let at = 5 + self.image.widths().offset + self.offset_size;
        let mut copy = bytes.to_vec();
        let field = copy.get_mut(at..at + 4).ok_or_else(|| Error::corrupt("a heap block too small"))?;
        let stored: Vec<u8> = field.to_vec();
        field.fill(0);
        if super::checksum::lookup3(&copy).to_le_bytes() == *stored {
            return Ok(());
        }
        Err(Error::corrupt("heap block checksum does not match").hint("the file was damaged or edited"))
    }
}
