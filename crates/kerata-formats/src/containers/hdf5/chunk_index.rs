//! Chunk indexes: the places of all chunks of a dataset.

use kerata_core::{Error, Result};

use super::array_index;
use super::btree1;
use super::btree2::Tree2;
use super::cursor::Cursor;
use super::dataspace::{Dataspace, product};
use super::image::Image;
use super::layout::{ChunkLayout, Index};

/// One stored chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    /// Its number in the grid of chunks, last axis fastest.
    pub slot: u64,
    pub address: u64,
    /// Stored bytes.
    pub size: u64,
    /// Filters that were skipped.
    pub mask: u32,
}

/// The chunks of a dataset in the order of their slots.
pub(super) fn read(
    image: &Image<'_>,
    layout: &ChunkLayout,
    space: &Dataspace,
    filtered: bool,
) -> Result<Vec<Chunk>> {
    let rank = layout.chunk.len();
    if space.sizes.len() != rank {
        return Err(Error::corrupt(format!("chunks of {rank} axes in a shape of {}", space.sizes.len())));
    }
    let grid = Grid::new(layout, space)?;
    let mut chunks: Vec<Chunk> = Vec::new();
    let chunk_bytes = grid.chunk_bytes;
    let mut add = |coordinates: &[u64], address: u64, size: u64, mask: u32| {
        if let Some(slot) = grid.slot(coordinates) {
            chunks.push(Chunk { slot, address, size, mask });
        }
    };
    match layout.index {
        Index::Tree1(root) => {
            let Some(root) = root else { return Ok(chunks) };
            btree1::walk(image, root, 1, 8 + 8 * (rank + 1), &mut |mut key, address| {
                let (size, mask) = (u64::from(key.u32()?), key.u32()?);
                let mut coordinates = Vec::with_capacity(rank);
                for axis in &layout.chunk {
                    let offset = key.u64()?;
                    if offset % axis != 0 {
                        return Err(Error::corrupt("a chunk off the grid"));
                    }
                    coordinates.push(offset / axis);
                }
                add(&coordinates, address, size, mask);
                Ok(())
            })?;
        }
        Index::Single(address, filtered) => {
            let Some(address) = address else { return Ok(chunks) };
            let (size, mask) = filtered.unwrap_or((chunk_bytes, 0));
            add(&vec![0; rank], address, size, mask);
        }
        Index::Implicit(address) => {
            let Some(address) = address else { return Ok(chunks) };
            let count = product(&grid.max_counts()?)?;
            let end = count.checked_mul(chunk_bytes).and_then(|bytes| bytes.checked_add(address));
            if end.is_none_or(|end| end > image.len()) {
                return Err(Error::corrupt("chunks past the end of the file"));
            }
            for number in 0..count {
                add(&grid.coordinates(number)?, address + number * chunk_bytes, chunk_bytes, 0);
            }
        }
        Index::FixedArray(address) | Index::ExtensibleArray(address) => {
            let Some(address) = address else { return Ok(chunks) };
            let fixed = matches!(layout.index, Index::FixedArray(_));
            array_index::walk(image, address, fixed, &mut |number, mut element| {
                let Some(address) = element.address()? else { return Ok(()) };
                let (size, mask) = size_and_mask(&mut element, filtered, chunk_bytes, 4)?;
                add(&grid.coordinates(number)?, address, size, mask);
                Ok(())
            })?;
        }
        Index::Tree2(address) => {
            let Some(address) = address else { return Ok(chunks) };
            let kind = if filtered { 11 } else { 10 };
            Tree2::read(image, address, kind)?.records(&mut |record| {
                let mut cursor = image.cursor(record);
                let address = cursor.defined()?;
                let (size, mask) = size_and_mask(&mut cursor, filtered, chunk_bytes, 4 + 8 * rank)?;
                let coordinates = (0..rank).map(|_| cursor.u64()).collect::<Result<Vec<_>>>()?;
                add(&coordinates, address, size, mask);
                Ok(())
            })?;
        }
    }
    chunks.sort_unstable_by_key(|chunk| chunk.slot);
    if chunks.windows(2).any(|pair| matches!(pair, [a, b] if a.slot == b.slot)) {
        return Err(Error::corrupt("two chunks at one place"));
    }
    Ok(chunks)
}

/// Stored size and filter mask, which only filtered chunks have; `after` bytes follow the size.
fn size_and_mask(
    cursor: &mut Cursor<'_>,
    filtered: bool,
    chunk_bytes: u64,
    after: usize,
) -> Result<(u64, u32)> {
    if !filtered {
        return Ok((chunk_bytes, 0));
    }
    let width = cursor.remaining().checked_sub(after).filter(|width| (1..=8).contains(width));
    let width = width.ok_or_else(|| Error::corrupt("a chunk size of impossible width"))?;
    Ok((cursor.uint(width)?, cursor.u32()?))
}

/// How many chunks lie along each axis.
struct Grid {
    counts: Vec<u64>,
    max_counts: Vec<Option<u64>>,
    chunk_bytes: u64,
}

impl Grid {
    fn new(layout: &ChunkLayout, space: &Dataspace) -> Result<Self> {
        let counts: Vec<u64> =
            space.sizes.iter().zip(&layout.chunk).map(|(size, chunk)| size.div_ceil(*chunk)).collect();
        let max_counts = match &space.max_sizes {
            None => counts.iter().copied().map(Some).collect(),
            Some(sizes) => sizes
                .iter()
                .zip(&layout.chunk)
                .map(|(size, chunk)| size.map(|size| size.div_ceil(*chunk)))
                .collect(),
        };
        product(&counts)?;
        let elements = product(&layout.chunk)?;
        let bytes = elements.checked_mul(layout.element_size);
        let chunk_bytes = bytes.ok_or_else(|| Error::limit("a chunk of more than 2^64 bytes"))?;
        Ok(Self { counts, max_counts, chunk_bytes })
    }

    /// The number of a chunk inside the current shape.
    fn slot(&self, coordinates: &[u64]) -> Option<u64> {
        coordinates.iter().zip(&self.counts).try_fold(0u64, |slot, (coordinate, count)| {
            (coordinate < count).then_some(())?;
            slot.checked_mul(*count)?.checked_add(*coordinate)
        })
    }

    fn max_counts(&self) -> Result<Vec<u64>> {
        let counts = self.max_counts.iter().copied().collect::<Option<Vec<_>>>();
        counts.ok_or_else(|| Error::corrupt("an unlimited axis in an index of fixed size"))
    }

    /// Coordinates of an element of an array index: numbered over the largest shape, the unlimited axis slowest.
    fn coordinates(&self, number: u64) -> Result<Vec<u64>> {
        let mut coordinates = vec![0; self.max_counts.len()];
        let mut rest = number;
        for (coordinate, count) in coordinates.iter_mut().zip(&self.max_counts).rev() {
            if let Some(count) = count {
                if *count == 0 {
                    return Err(Error::corrupt("a chunk on an axis without elements"));
                }
                *coordinate = rest % count;
                rest /= count;
            }
        }
        match self.max_counts.iter().position(Option::is_none) {
            Some(unlimited) => {
                if let Some(coordinate) = coordinates.get_mut(unlimited) {
                    *coordinate = rest;
                }
            }
            None if rest > 0 => return Err(Error::corrupt("more chunks than the shape has")),
            None => {}
        }
        Ok(coordinates)
    }
}
