//! Fixed arrays and extensible arrays: chunk indexes whose elements are found by number.

use kerata_core::{Error, Result};

use super::cursor::{Cursor, to_usize};
use super::image::{Image, verify};

/// Takes the number of an element and its bytes.
type Take<'t> = &'t mut dyn FnMut(u64, Cursor<'_>) -> Result<()>;

/// Calls `take` for every stored element of the array at `address`.
pub(super) fn walk(image: &Image<'_>, address: u64, fixed: bool, take: Take<'_>) -> Result<()> {
    if fixed { walk_fixed(image, address, take) } else { walk_extensible(image, address, take) }
}

fn walk_fixed(image: &Image<'_>, address: u64, take: Take<'_>) -> Result<()> {
    let widths = image.widths();
    let bytes = image.checked(address, (12 + widths.offset + widths.length) as u64)?;
    let mut cursor = image.cursor(&bytes);
    cursor.signature(b"FAHD")?;
    cursor.version("fixed array", &[0])?;
    cursor.skip(1)?;
    let element_size = usize::from(cursor.u8()?);
    let page_bits = cursor.u8()?;
    let count = cursor.length()?;
    let Some(block) = cursor.address()? else { return Ok(()) };
    let pages = Pages::new(count, page_bits, element_size)?;
    let head = (6 + widths.offset) as u64;
    let Some(page_count) = pages.count() else {
        let bytes = image.checked(block, sum([head, pages.bytes(count)?, 4])?)?;
        return elements(image, &bytes, to_usize(head)?, b"FADB", element_size, 0, count, take);
    };
    let bitmap = page_count.div_ceil(8);
    let prefix = sum([head, bitmap, 4])?;
    let bytes = image.checked(block, prefix)?;
    let mut cursor = image.cursor(&bytes);
    cursor.signature(b"FADB")?;
    cursor.skip(to_usize(head)? - 4)?;
    let bitmap = cursor.take(to_usize(bitmap)?)?;
    pages.walk(image, sum([block, prefix])?, bitmap, 0, take)
}

fn walk_extensible(image: &Image<'_>, address: u64, take: Take<'_>) -> Result<()> {
    let widths = image.widths();
    let bytes = image.checked(address, (16 + widths.offset + 6 * widths.length) as u64)?;
    let mut cursor = image.cursor(&bytes);
    cursor.signature(b"EAHD")?;
    cursor.version("extensible array", &[0])?;
    cursor.skip(1)?;
    let element_size = usize::from(cursor.u8()?);
    let max_bits = u32::from(cursor.u8()?);
    let in_index = u64::from(cursor.u8()?);
    let min_elements = u64::from(cursor.u8()?);
    let min_pointers = u64::from(cursor.u8()?);
    let page_bits = cursor.u8()?;
    cursor.skip(6 * widths.length)?;
    let Some(index) = cursor.address()? else { return Ok(()) };
    let sane = min_elements.is_power_of_two() && min_pointers.is_power_of_two() && max_bits <= 64;
    let super_blocks = max_bits.checked_sub(min_elements.max(1).ilog2()).map(|blocks| blocks + 1);
    let Some(super_blocks) = super_blocks.filter(|_| sane && min_pointers > 1) else {
        return Err(Error::corrupt("the sizes of an extensible array do not fit"));
    };
    let array = Extensible { image, element_size, offset_size: max_bits.div_ceil(8) as usize, page_bits };

    // The blocks of the first few super blocks are listed in the index block itself.
    let direct_super_blocks = 2 * min_pointers.ilog2();
    let direct_blocks = 2 * (min_pointers - 1);
    let listed = u64::from(super_blocks.saturating_sub(direct_super_blocks));
    let head = (6 + widths.offset) as u64;
    let stored = in_index.checked_mul(element_size as u64).ok_or_else(too_large)?;
    let size = sum([head, stored, (direct_blocks + listed) * widths.offset as u64, 4])?;
    let bytes = image.checked(index, size)?;
    let mut cursor = image.cursor(&bytes);
    cursor.signature(b"EAIB")?;
    cursor.skip(to_usize(head)? - 4)?;
    for number in 0..in_index {
        take(number, image.cursor(cursor.take(element_size)?))?;
    }
    let mut first = in_index;
    for number in 0..super_blocks {
        let blocks = 1u64.checked_shl(number / 2).ok_or_else(too_large)?;
        let in_block = min_elements.checked_mul(1 << number.div_ceil(2).min(63)).ok_or_else(too_large)?;
        if number < direct_super_blocks {
            for _ in 0..blocks {
                if let Some(block) = cursor.address()? {
                    array.data_block(block, first, in_block, None, take)?;
                }
                first = first.checked_add(in_block).ok_or_else(too_large)?;
            }
        } else {
            if let Some(block) = cursor.address()? {
                array.super_block(block, first, blocks, in_block, take)?;
            }
            let covered = blocks.checked_mul(in_block);
            first = match covered.and_then(|covered| first.checked_add(covered)) {
                Some(first) => first,
                // Only the last super block can reach 2^64, and nothing lies behind it.
                None => break,
            };
        }
    }
    Ok(())
}

struct Extensible<'a, 'i> {
    image: &'i Image<'a>,
    element_size: usize,
    offset_size: usize,
    page_bits: u8,
}

impl Extensible<'_, '_> {
    fn super_block(
        &self,
        address: u64,
        first: u64,
        blocks: u64,
        in_block: u64,
        take: Take<'_>,
    ) -> Result<()> {
        let width = self.image.widths().offset;
        let pages = Pages::new(in_block, self.page_bits, self.element_size)?;
        let bitmap = pages.count().map_or(0, |count| count.div_ceil(8));
        let head = (6 + width + self.offset_size) as u64;
        let bitmaps = bitmap.checked_mul(blocks).ok_or_else(too_large)?;
        let pointers = blocks.checked_mul(width as u64).ok_or_else(too_large)?;
        let bytes = self.image.checked(address, sum([head, bitmaps, pointers, 4])?)?;
        let mut cursor = self.image.cursor(&bytes);
        cursor.signature(b"EASB")?;
        cursor.skip(to_usize(head)? - 4)?;
        let mut bitmaps = cursor.take(to_usize(bitmaps)?)?.chunks(to_usize(bitmap.max(1))?);
        let mut first = first;
        for _ in 0..blocks {
            let bitmap = bitmaps.next();
            if let Some(block) = cursor.address()? {
                self.data_block(block, first, in_block, bitmap, take)?;
            }
            first = first.checked_add(in_block).ok_or_else(too_large)?;
        }
        Ok(())
    }

    fn data_block(
        &self,
        address: u64,
        first: u64,
        count: u64,
        bitmap: Option<&[u8]>,
        take: Take<'_>,
    ) -> Result<()> {
        let pages = Pages::new(count, self.page_bits, self.element_size)?;
        let head = (6 + self.image.widths().offset + self.offset_size) as u64;
        if pages.count().is_none() {
            let bytes = self.image.checked(address, sum([head, pages.bytes(count)?, 4])?)?;
            return elements(
                self.image,
                &bytes,
                to_usize(head)?,
                b"EADB",
                self.element_size,
                first,
                count,
                take,
            );
        }
        let bitmap = bitmap.ok_or_else(|| Error::corrupt("a paged block without a page map"))?;
        let bytes = self.image.checked(address, sum([head, 4])?)?;
        self.image.cursor(&bytes).signature(b"EADB")?;
        pages.walk(self.image, sum([address, head, 4])?, bitmap, first, take)
    }
}

/// Elements of a block that are stored in pages when there are many.
struct Pages {
    elements: u64,
    per_page: u64,
    element_size: usize,
}

impl Pages {
    fn new(elements: u64, page_bits: u8, element_size: usize) -> Result<Self> {
        let per_page = 1u64.checked_shl(u32::from(page_bits)).ok_or_else(too_large)?;
        if element_size == 0 {
            return Err(Error::corrupt("array elements of no bytes"));
        }
        Ok(Self { elements, per_page, element_size })
    }

    /// Number of pages; `None` when the elements are stored without pages.
    fn count(&self) -> Option<u64> {
        (self.elements > self.per_page).then(|| self.elements.div_ceil(self.per_page))
    }

    fn bytes(&self, count: u64) -> Result<u64> {
        count.checked_mul(self.element_size as u64).ok_or_else(too_large)
    }

    /// Reads the pages that follow each other at `address`; a page whose bit is not set was never written.
    fn walk(&self, image: &Image<'_>, address: u64, bitmap: &[u8], first: u64, take: Take<'_>) -> Result<()> {
        let page_bytes = sum([self.bytes(self.per_page)?, 4])?;
        for page in 0..self.count().unwrap_or(0) {
            let byte = bitmap.get(to_usize(page / 8)?).copied().unwrap_or(0);
            if byte & (0x80 >> (page % 8)) == 0 {
                continue;
            }
            let done = page * self.per_page;
            let count = self.per_page.min(self.elements - done);
            let place = page.checked_mul(page_bytes).and_then(|offset| offset.checked_add(address));
            let bytes = image.bytes(place.ok_or_else(too_large)?, sum([self.bytes(count)?, 4])?)?;
            verify(&bytes)?;
            let mut cursor = image.cursor(&bytes);
            for number in 0..count {
                let number = sum([first, done, number])?;
                take(number, image.cursor(cursor.take(self.element_size)?))?;
            }
        }
        Ok(())
    }
}

#[expect(clippy::too_many_arguments, reason = "one block with everything that places it")]
fn elements(
    image: &Image<'_>,
    bytes: &[u8],
    head: usize,
    signature: &[u8; 4],
    element_size: usize,
    first: u64,
    count: u64,
    take: Take<'_>,
) -> Result<()> {
    let mut cursor = image.cursor(bytes);
    cursor.signature(signature)?;
    cursor.skip(head - 4)?;
    for number in 0..count {
        take(sum([first, number])?, image.cursor(cursor.take(element_size)?))?;
    }
    Ok(())
}

fn sum<const N: usize>(parts: [u64; N]) -> Result<u64> {
    parts.iter().try_fold(0u64, |sum, part| sum.checked_add(*part)).ok_or_else(too_large)
}

fn too_large() -> Error {
    Error::corrupt("an array index too large")
}
