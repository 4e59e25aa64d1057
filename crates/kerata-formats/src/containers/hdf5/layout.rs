//! Storage layout: where the elements of a dataset lie.

use kerata_core::{Error, Result};

use super::cursor::{Cursor, to_usize};

/// Partial chunks at the edge are stored without filters.
const EDGE_UNFILTERED: u8 = 1;
/// The single chunk is filtered: its size follows.
const SINGLE_FILTERED: u8 = 2;

/// Where elements lie.
pub(super) enum Layout<'b> {
    /// Inside the object header.
    Compact(&'b [u8]),
    /// In one piece; no address means never written.
    Contiguous { address: Option<u64>, size: Option<u64> },
    /// In chunks found through an index.
    Chunked(ChunkLayout),
}

/// The shape of chunks and where their index is.
#[derive(Debug)]
pub(super) struct ChunkLayout {
    /// Elements of a chunk on each axis.
    pub chunk: Vec<u64>,
    pub element_size: u64,
    pub edge_unfiltered: bool,
    pub index: Index,
}

/// The kinds of chunk index; no address means no chunks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Index {
    Tree1(Option<u64>),
    /// Stored size and filter mask when filtered.
    Single(Option<u64>, Option<(u64, u32)>),
    Implicit(Option<u64>),
    FixedArray(Option<u64>),
    ExtensibleArray(Option<u64>),
    Tree2(Option<u64>),
}

impl<'b> Layout<'b> {
    pub fn read(mut cursor: Cursor<'b>) -> Result<Self> {
        let version = cursor.version("layout", &[1, 2, 3, 4])?;
        if version < 3 {
            return Self::read_old(cursor);
        }
        match cursor.u8()? {
            0 => {
                let size = usize::from(cursor.u16()?);
                cursor.take(size).map(Self::Compact)
            }
            1 => Ok(Self::Contiguous { address: cursor.address()?, size: Some(cursor.length()?) }),
            2 if version == 3 => {
                let rank = rank(&mut cursor)?;
                let address = cursor.address()?;
                ChunkLayout::read(&mut cursor, rank, 4, Index::Tree1(address)).map(Self::Chunked)
            }
            2 => Self::read_indexed(cursor),
            3 => Err(Error::untrusted("a virtual dataset")
                .hint("other files are never opened: store the data itself")),
            other => Err(Error::unsupported(format!("layout class {other}"))),
        }
    }

    fn read_old(mut cursor: Cursor<'b>) -> Result<Self> {
        let rank = usize::from(cursor.u8()?);
        let class = cursor.u8()?;
        cursor.skip(5)?;
        match class {
            0 => {
                cursor.skip(4 * rank)?;
                let size = to_usize(u64::from(cursor.u32()?))?;
                cursor.take(size).map(Self::Compact)
            }
            1 => Ok(Self::Contiguous { address: cursor.address()?, size: None }),
            2 if rank > 0 => {
                let address = cursor.address()?;
                ChunkLayout::read(&mut cursor, rank - 1, 4, Index::Tree1(address)).map(Self::Chunked)
            }
            other => Err(Error::unsupported(format!("layout class {other}"))),
        }
    }

    fn read_indexed(mut cursor: Cursor<'b>) -> Result<Self> {
        let flags = cursor.u8()?;
        let rank = rank(&mut cursor)?;
        let width = usize::from(cursor.u8()?);
        let mut layout = ChunkLayout::read(&mut cursor, rank, width, Index::Tree1(None))?;
        layout.edge_unfiltered = flags & EDGE_UNFILTERED != 0;
        layout.index = match cursor.u8()? {
            1 => {
                let filtered = match flags & SINGLE_FILTERED {
                    0 => None,
                    _ => Some((cursor.length()?, cursor.u32()?)),
                };
                Index::Single(cursor.address()?, filtered)
            }
            2 => Index::Implicit(cursor.address()?),
            3 => {
                cursor.skip(1)?;
                Index::FixedArray(cursor.address()?)
            }
            4 => {
                cursor.skip(5)?;
                Index::ExtensibleArray(cursor.address()?)
            }
            5 => {
                cursor.skip(6)?;
                Index::Tree2(cursor.address()?)
            }
            other => return Err(Error::unsupported(format!("chunk index type {other}"))),
        };
        Ok(Self::Chunked(layout))
    }
}

impl ChunkLayout {
    fn read(cursor: &mut Cursor<'_>, rank: usize, width: usize, index: Index) -> Result<Self> {
        let chunk = (0..rank).map(|_| cursor.uint(width)).collect::<Result<Vec<_>>>()?;
        let element_size = cursor.uint(width)?;
        if chunk.is_empty() || chunk.contains(&0) || element_size == 0 {
            return Err(Error::corrupt("chunks without elements"));
        }
        Ok(Self { chunk, element_size, edge_unfiltered: false, index })
    }
}

/// The rank of a chunk; the stored number counts the element size as one more axis.
fn rank(cursor: &mut Cursor<'_>) -> Result<usize> {
    let stored = usize::from(cursor.u8()?);
    stored.checked_sub(1).ok_or_else(|| Error::corrupt("chunks without axes"))
}
