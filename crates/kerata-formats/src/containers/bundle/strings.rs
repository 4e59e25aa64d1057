//! The stored form of string and variant tensors: lengths, then bytes, each with a checksum.

use kerata_core::{Error, Result};

use crate::containers::table::{mask_crc, put_varint, take_varint};

/// The elements of a string tensor and the checksum (not masked) that its entry must have.
pub fn read_strings(stored: &[u8], elements: u64, big_endian: bool) -> Result<(Vec<Vec<u8>>, u32)> {
    let cut = || Error::corrupt("a string tensor is cut short");
    // Each element takes at least the byte of its length.
    if elements > stored.len() as u64 {
        return Err(cut());
    }
    let mut rest = stored;
    let mut lengths = Vec::new();
    let mut crc = 0;
    for _ in 0..elements {
        let length = take_varint(&mut rest).ok_or_else(cut)?;
        crc = crc32c::crc32c_append(crc, hashed_length(length, big_endian).as_slice());
        lengths.push(usize::try_from(length).map_err(|_| cut())?);
    }
    let (checksum, mut rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let expected = if big_endian { u32::from_be_bytes(*checksum) } else { u32::from_le_bytes(*checksum) };
    if mask_crc(crc) != expected {
        return Err(Error::corrupt("the checksum of the lengths of a string tensor is wrong"));
    }
    crc = crc32c::crc32c_append(crc, checksum);
    let mut strings = Vec::with_capacity(lengths.len());
    for length in lengths {
        let (text, tail) = rest.split_at_checked(length).ok_or_else(cut)?;
        crc = crc32c::crc32c_append(crc, text);
        strings.push(text.to_vec());
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(Error::corrupt(format!("{} bytes after the last string of a tensor", rest.len())));
    }
    Ok((strings, crc))
}

/// The stored form of a string tensor and its checksum (not masked).
pub fn write_strings(strings: &[Vec<u8>]) -> (Vec<u8>, u32) {
    let mut stored = Vec::new();
    let mut crc = 0;
    for text in strings {
        put_varint(text.len() as u64, &mut stored);
        crc = crc32c::crc32c_append(crc, hashed_length(text.len() as u64, false).as_slice());
    }
    let checksum = mask_crc(crc).to_le_bytes();
    stored.extend_from_slice(&checksum);
    crc = crc32c::crc32c_append(crc, &checksum);
    for text in strings {
        stored.extend_from_slice(text);
        crc = crc32c::crc32c_append(crc, text);
    }
    (stored, crc)
}

/// The checksum (not masked) of a variant tensor whose elements stay as they are stored.
pub fn check_variants(stored: &[u8], elements: u64, big_endian: bool) -> Result<u32> {
    let cut = || Error::corrupt("a variant tensor is cut short");
    let mut rest = stored;
    let mut crc = 0;
    for _ in 0..elements {
        let length = take_varint(&mut rest).ok_or_else(cut)?;
        let bytes = if big_endian { length.to_be_bytes() } else { length.to_le_bytes() };
        crc = crc32c::crc32c_append(crc, &bytes);
        let length = usize::try_from(length).map_err(|_| cut())?;
        let (element, tail) = rest.split_at_checked(length).ok_or_else(cut)?;
        crc = crc32c::crc32c_append(crc, element);
        let (checksum, tail) = tail.split_first_chunk::<4>().ok_or_else(cut)?;
        crc = crc32c::crc32c_append(crc, checksum);
        rest = tail;
    }
    if !rest.is_empty() {
        return Err(Error::corrupt(format!("{} bytes after the last variant of a tensor", rest.len())));
    }
    Ok(crc)
}

/// A length as it enters the checksum: four bytes, eight above 4 GiB.
fn hashed_length(length: u64, big_endian: bool) -> Vec<u8> {
    match (u32::try_from(length), big_endian) {
        (Ok(length), false) => length.to_le_bytes().to_vec(),
        (Ok(length), true) => length.to_be_bytes().to_vec(),
        (Err(_), false) => length.to_le_bytes().to_vec(),
        (Err(_), true) => length.to_be_bytes().to_vec(),
    }
}
