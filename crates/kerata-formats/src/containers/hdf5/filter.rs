//! Filters of chunks: gzip, Zstandard, shuffle, fletcher32.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use kerata_core::{Error, Result};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::checksum::fletcher32;
use super::compress::ZSTD;
use super::cursor::{Cursor, to_usize};

/// Filters of one pipeline; the mask of a chunk has 32 bits.
const MAX_FILTERS: u8 = 32;
/// Bytes reserved before anything was inflated.
const FIRST_RESERVE: usize = 1 << 20;

/// One step of the pipeline that chunks went through when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Deflate,
    Zstd,
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
            ZSTD => Filter::Zstd,
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
            Filter::Zstd => unpack(input, max_bytes.saturating_add(4 * filters.len()))?,
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

/// A frame of Zstandard. It may ask for a window of what it unpacks to, or of what every decoder is to support.
pub(super) fn unpack(input: &[u8], max_bytes: usize) -> Result<Vec<u8>> {
    const COMMON_WINDOW_BYTES: u64 = 8 << 20;
    let broken =
        |error: &dyn std::fmt::Display| Error::corrupt(format!("a zstd chunk does not unpack: {error}"));
    let mut frame = FrameDecoder::new();
    frame.set_max_window_size(COMMON_WINDOW_BYTES.max(max_bytes as u64));
    let decoder = StreamingDecoder::new_with_decoder(input, frame).map_err(|error| broken(&error))?;
    let mut out = Vec::with_capacity(max_bytes.min(FIRST_RESERVE));
    decoder.take(max_bytes as u64 + 1).read_to_end(&mut out).map_err(|error| broken(&error))?;
    if out.len() > max_bytes {
        return Err(Error::corrupt(format!("a chunk unpacks to more than its {max_bytes} bytes")));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame by RFC 8878: no checksum, no content size, a window descriptor, one last block of a repeated byte.
    fn frame(window: u8, repeats: u32) -> Vec<u8> {
        let block = (repeats << 3) | (1 << 1) | 1;
        let mut bytes = vec![0x28, 0xb5, 0x2f, 0xfd, 0, window];
        bytes.extend(block.to_le_bytes().iter().take(3));
        bytes.push(7);
        bytes
    }

    /// Window of 2^(10 + exponent) bytes.
    fn window(exponent: u8) -> u8 {
        exponent << 3
    }

    #[test]
    fn a_frame_of_zstandard_is_unpacked() {
        assert_eq!(unpack(&frame(window(0), 1000), 1000).unwrap(), [7; 1000]);
        let both = [Filter::Shuffle(2), Filter::Zstd];
        assert_eq!(decode(&both, 0, &frame(window(0), 6), 6).unwrap(), [7; 6]);
    }

    #[test]
    fn more_than_the_chunk_holds_is_refused() {
        assert!(unpack(&frame(window(0), 1001), 1000).is_err());
    }

    #[test]
    fn a_window_that_nothing_needs_is_refused() {
        // 8 GiB, where the chunk has a thousand bytes.
        let error = unpack(&frame(window(23), 1000), 1000).unwrap_err();
        assert!(error.to_string().contains("zstd"), "{error}");
    }

    #[test]
    fn a_frame_that_is_cut_or_another_thing_is_refused() {
        let whole = frame(window(0), 1000);
        for length in 0..whole.len() {
            assert!(unpack(&whole[..length], 1000).is_err(), "{length}");
        }
        assert!(unpack(b"not a frame of zstandard", 1000).is_err());
    }
}
