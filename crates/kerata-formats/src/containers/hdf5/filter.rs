//! Filters of chunks: gzip, shuffle, fletcher32.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use kerata_core::{Error, Result};

use super::checksum::fletcher32;
use super::cursor::{Cursor, to_usize};

/// Filters of one pipeline; the mask of a chunk has 32 bits.
const MAX_FILTERS: u8 = 32;
/// Bytes reserved before anything was inflated.
const FIRST_RESERVE: usize = 1 << 20;

/// One step of the pipeline that chunks went through when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    /// Bytes of an element.
    Shuffle(usize),
    Fletcher32,
}

/// The filters in the order in which they were applied.
pub(super) fn read(mut cursor: Cursor<'_>) -> Result<Vec<Filter>> {
    let version = cursor.version("filter pipeline", &[1, 2])?;
    let count = cursor.u8()?;
    if count > MAX_FILTERS {
        return Err(Error::corrupt("too many filters"));
    }
    if version == 1 {
        cursor.skip(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = cursor.u16()?;
        let name_size = if version == 1 || id >= 256 { usize::from(cursor.u16()?) } else { 0 };
        cursor.skip(2)?;
        let values = usize::from(cursor.u16()?);
        let padded = if version == 1 { name_size.next_multiple_of(8) } else { name_size };
        let name = cursor.take(padded)?;
        let first = if values > 0 { Some(cursor.u32()?) } else { None };
        cursor.skip(4 * values.saturating_sub(1))?;
        if version == 1 && values % 2 == 1 {
            cursor.skip(4)?;
        }
        filters.push(match id {
            1 => Filter::Deflate,
            2 => Filter::Shuffle(to_usize(u64::from(first.unwrap_or(0)))?),
            3 => Filter::Fletcher32,
            _ => return Err(unsupported(id, name)),
        });
    }
    Ok(filters)
}

fn unsupported(id: u16, name: &[u8]) -> Error {
    let name = match id {
        4 => "szip".into(),
        5 => "nbit".into(),
        6 => "scaleoffset".into(),
        32_000 => "lzf".into(),
        32_001 => "blosc".into(),
        32_004 => "lz4".into(),
        32_008 => "bitshuffle".into(),
        32_015 => "zstd".into(),
        _ => String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap_or_default()),
    };
    Error::unsupported(format!("filter {id} ({name})"))
        .hint("rewrite the dataset with gzip or without compression; filter plugins are never loaded")
}

/// Undoes the filters whose bit in `mask` is not set. `bytes` holds at most `max_bytes` at every step.
pub(super) fn decode(filters: &[Filter], mask: u32, stored: &[u8], max_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes: Option<Vec<u8>> = None;
    for (position, filter) in filters.iter().enumerate().rev() {
        if mask.checked_shr(u32::try_from(position).unwrap_or(32)).is_some_and(|bits| bits & 1 == 1) {
            continue;
        }
        let input = bytes.as_deref().unwrap_or(stored);
        bytes = Some(match filter {
            Filter::Deflate => inflate(input, max_bytes.saturating_add(4 * filters.len()))?,
            Filter::Shuffle(size) => unshuffle(input, *size),
            Filter::Fletcher32 => check(input)?.to_vec(),
        });
    }
    Ok(bytes.unwrap_or_else(|| stored.to_vec()))
}

fn inflate(input: &[u8], max_bytes: usize) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(max_bytes.min(FIRST_RESERVE));
    let mut decoder = ZlibDecoder::new(input).take(max_bytes as u64 + 1);
    decoder
        .read_to_end(&mut out)
        .map_err(|error| Error::corrupt(format!("a gzip chunk does not inflate: {error}")))?;
    if out.len() > max_bytes {
        return Err(Error::corrupt(format!("a chunk inflates to more than its {max_bytes} bytes")));
    }
    Ok(out)
}

/// Shuffling stores the first bytes of all elements, then the second ones, and so on.
fn unshuffle(input: &[u8], size: usize) -> Vec<u8> {
    if size < 2 {
        return input.to_vec();
    }
    let count = input.len() / size;
    let mut out = vec![0; input.len()];
    if let Some((planes, tail)) = input.split_at_checked(count * size) {
        for (position, plane) in planes.chunks_exact(count.max(1)).enumerate() {
            for (target, byte) in out.iter_mut().skip(position).step_by(size).zip(plane) {
                *target = *byte;
            }
        }
        if let Some(target) = out.get_mut(count * size..) {
            target.copy_from_slice(tail);
        }
    }
    out
}

fn check(input: &[u8]) -> Result<&[u8]> {
    let (body, stored) =
        input.split_last_chunk::<4>().ok_or_else(|| Error::corrupt("a chunk without checksum"))?;
    if fletcher32(body) == u32::from_le_bytes(*stored) {
        return Ok(body);
    }
    Err(Error::corrupt("chunk checksum does not match").hint("the file was damaged or edited"))
}
