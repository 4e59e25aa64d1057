//! Compression of datasets: bytes shuffled or not, deflated or packed by Zstandard, one chunk a dataset.

use std::borrow::Cow;
use std::io::Write;

use flate2::write::ZlibEncoder;
use kerata_core::{Error, Result};
use structured_zstd::encoding::{CompressionLevel, compress_slice_to_vec};

use super::filter::unpack;
use crate::Compression;

/// Chunks hold less than this.
const MAX_CHUNK_BYTES: u64 = u32::MAX as u64;
/// Smaller datasets are not worth the message that says how they are compressed.
const WORTH_BYTES: u64 = 128;
/// Bytes that the messages of a chunk take more than those of a contiguous dataset.
const COST_BYTES: usize = 64;
const LEVEL: u32 = 9;
/// Of float weights only the frequencies of values have a pattern; levels in between find repetitions that cost more than they
/// bring, and are larger than deflate.
const ZSTD_LEVEL: u32 = 19;
/// Tells whether shuffling helps.
const ZSTD_QUICK: u32 = 1;
/// Numbers that the HDF Group gave to filters.
const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
pub(super) const ZSTD: u16 = 32_015;

/// Packs bytes at a level; none where it cannot.
type Packer = fn(&[u8], u32) -> Result<Option<Vec<u8>>>;

/// Packed bytes, and how.
#[derive(Debug, PartialEq)]
struct Packed {
    bytes: Vec<u8>,
    /// Bytes of an element, if they were shuffled.
    element: Option<u32>,
    level: u32,
}

/// A dataset in its compressed form.
pub(super) struct Compressed {
    /// What is stored.
    pub bytes: Vec<u8>,
    /// Body of the filter message.
    pub filters: Vec<u8>,
}

/// The smallest compressed form of a dataset; `None` when it is not smaller.
pub(super) fn compress(
    bytes: &[u8],
    element_size: usize,
    compression: Compression,
) -> Result<Option<Compressed>> {
    let (filter, quick, level, pack): (u16, u32, u32, Packer) = match compression {
        Compression::None => return Ok(None),
        Compression::Deflate => (DEFLATE, LEVEL, LEVEL, deflate),
        Compression::Zstd => (ZSTD, ZSTD_QUICK, ZSTD_LEVEL, zstd),
    };
    let size = bytes.len() as u64;
    if !(WORTH_BYTES..MAX_CHUNK_BYTES).contains(&size) {
        return Ok(None);
    }
    let packed = smallest(bytes, element_size, pack, [quick, level])?;
    Ok(packed.filter(|packed| packed.bytes.len() + COST_BYTES < bytes.len()).map(|packed| Compressed {
        filters: filters(packed.element, filter, packed.level),
        bytes: packed.bytes,
    }))
}

/// Bytes packed at the second level, shuffled when they are smaller so at the first. Where the second cannot pack them, the
/// first has.
fn smallest(
    bytes: &[u8],
    element_size: usize,
    pack: Packer,
    [quick, level]: [u32; 2],
) -> Result<Option<Packed>> {
    let mut inputs = vec![(Cow::Borrowed(bytes), None)];
    if element_size > 1 {
        inputs.push((Cow::Owned(shuffle(bytes, element_size)), u32::try_from(element_size).ok()));
    }
    let mut best: Option<(Packed, Cow<'_, [u8]>)> = None;
    for (input, element) in inputs {
        if let Some(bytes) = pack(&input, quick)?
            && best.as_ref().is_none_or(|(smaller, _)| bytes.len() < smaller.bytes.len())
        {
            best = Some((Packed { bytes, element, level: quick }, input));
        }
    }
    let Some((packed, input)) = best else { return Ok(None) };
    let better = if level == quick { None } else { pack(&input, level)? };
    Ok(Some(match better {
        Some(bytes) => Packed { bytes, level, ..packed },
        None => packed,
    }))
}

/// Layout version 4: one filtered chunk. The second answer is the place of the address in the body.
pub(super) fn layout(sizes: &[u64], element_size: usize, stored: usize) -> Result<(Vec<u8>, usize)> {
    const CHUNKED: u8 = 2;
    const SINGLE_FILTERED: u8 = 2;
    const SINGLE_CHUNK: u8 = 1;
    let rank = u8::try_from(sizes.len() + 1).map_err(|_| Error::unsupported("so many axes in HDF5"))?;
    let mut body = vec![4, CHUNKED, SINGLE_FILTERED, rank, 8];
    for size in sizes.iter().copied().chain([element_size as u64]) {
        body.extend(size.to_le_bytes());
    }
    body.push(SINGLE_CHUNK);
    body.extend((stored as u64).to_le_bytes());
    // No filter is left out.
    body.extend(0u32.to_le_bytes());
    let place = body.len();
    body.extend(u64::MAX.to_le_bytes());
    Ok((body, place))
}

/// Fill value version 2 of a chunked dataset: allocated as chunks come, written if set, the default value.
pub(super) const FILL: [u8; 8] = [2, 3, 2, 1, 0, 0, 0, 0];

/// Filter message version 1: shuffle with the bytes of an element, then what packs, with its level.
fn filters(shuffle: Option<u32>, filter: u16, value: u32) -> Vec<u8> {
    let mut body = vec![1, 1 + u8::from(shuffle.is_some()), 0, 0, 0, 0, 0, 0];
    let both = shuffle.map(|size| (SHUFFLE, size)).into_iter().chain([(filter, value)]);
    for (filter, value) in both {
        body.extend(filter.to_le_bytes());
        // No name, optional, one value.
        for number in [0u16, 1, 1] {
            body.extend(number.to_le_bytes());
        }
        body.extend(value.to_le_bytes());
        body.extend([0; 4]);
    }
    body
}

fn deflate(bytes: &[u8], level: u32) -> Result<Option<Vec<u8>>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.map(Some).map_err(|error| Error::io("deflate", &error))
}

/// A frame that says how much it unpacks to, which the HDF Group's filter asks for. Another decoder has to give the bytes back
/// before they are stored so: the encoder is young, and of some weights it makes frames that nothing reads.
fn zstd(bytes: &[u8], level: u32) -> Result<Option<Vec<u8>>> {
    let level = i32::try_from(level).map_err(|_| Error::internal("no such level of Zstandard"))?;
    let frame = compress_slice_to_vec(bytes, CompressionLevel::from_level(level));
    let is_whole = unpack(&frame, bytes.len()).is_ok_and(|unpacked| unpacked == bytes);
    Ok(is_whole.then_some(frame))
}

/// The first bytes of all elements, then the second ones, and so on.
fn shuffle(bytes: &[u8], size: usize) -> Vec<u8> {
    (0..size).flat_map(|position| bytes.iter().skip(position).step_by(size).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_elements_are_put_together() {
        assert_eq!(shuffle(&[1, 2, 3, 4, 5, 6], 2), [1, 3, 5, 2, 4, 6]);
    }

    #[test]
    fn what_a_level_cannot_pack_another_does_or_none() {
        let bytes = [1, 2, 3, 4];
        // As long as the level says; level 9 cannot.
        let sized: Packer = |_, level| Ok((level < 9).then(|| vec![0; level as usize]));
        let packed = |levels| smallest(&bytes, 2, sized, levels).unwrap();
        assert_eq!(packed([5, 3]), Some(Packed { bytes: vec![0; 3], element: None, level: 3 }));
        assert_eq!(packed([5, 9]), Some(Packed { bytes: vec![0; 5], element: None, level: 5 }));
        assert_eq!(packed([9, 9]), None);
        // It packs no bytes but shuffled ones.
        let shuffled: Packer = |bytes, _| Ok((bytes[1] == 3).then(|| bytes.to_vec()));
        assert_eq!(
            smallest(&bytes, 2, shuffled, [1, 1]).unwrap(),
            Some(Packed { bytes: vec![1, 3, 2, 4], element: Some(2), level: 1 })
        );
    }

    #[test]
    fn frames_say_what_they_unpack_to() {
        for size in [200, 4096, 300_000] {
            let frame = zstd(&vec![7; size], ZSTD_LEVEL).unwrap().unwrap();
            let mut decoder = ruzstd::decoding::FrameDecoder::new();
            decoder.init(&frame[..]).unwrap();
            assert_eq!(decoder.content_size(), size as u64);
        }
    }

    #[test]
    fn zstandard_takes_no_more_than_deflate_for_floats() {
        // Sums of twelve numbers of a multiplicative generator are spread like weights.
        let mut state = 1u32;
        let mut even = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32
        };
        let weights = std::iter::repeat_with(|| (0..12).map(|_| even()).sum::<f32>() / 6.0 - 1.0);
        let bytes: Vec<u8> = weights.take(20_000).flat_map(f32::to_le_bytes).collect();
        let size = |how| compress(&bytes, 4, how).unwrap().unwrap().bytes.len();
        let (zstd, deflate) = (size(Compression::Zstd), size(Compression::Deflate));
        assert!(zstd < deflate, "{zstd} bytes, {deflate} deflated");
    }

    #[test]
    fn what_does_not_shrink_is_left_alone() {
        // Bytes of a multiplicative generator have no pattern that deflate finds.
        let mut state = 1u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(4096)
        .collect();
        assert!(
            [Compression::Deflate, Compression::Zstd]
                .iter()
                .all(|how| compress(&noise, 4, *how).unwrap().is_none())
        );
        for how in [Compression::Deflate, Compression::Zstd] {
            assert!(compress(&[7; 4096], 4, how).unwrap().is_some_and(|packed| packed.bytes.len() < 100));
        }
        assert!(compress(&[7; 4096], 4, Compression::None).unwrap().is_none());
    }
}
