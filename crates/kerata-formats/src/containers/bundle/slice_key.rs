//! The keys of slices: name and rectangle in TensorFlow's ordered code.

use kerata_core::{Error, Result};

/// A stretch of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extent {
    pub start: u64,
    pub len: u64,
}

impl Extent {
    /// A stretch of an axis of `size`; length -1 means the whole axis.
    pub fn new(start: i64, len: i64, size: u64) -> Result<Self> {
        if len == -1 {
            return Ok(Self { start: 0, len: size });
        }
        match (u64::try_from(start), u64::try_from(len)) {
            (Ok(start), Ok(len)) if start.checked_add(len).is_some_and(|end| end <= size) => {
                Ok(Self { start, len })
            }
            _ => Err(Error::corrupt(format!("a slice of {len} from {start} in an axis of {size}"))),
        }
    }
}

/// Name and (start, length) of each axis, as a slice's key spells them.
#[derive(Debug, PartialEq, Eq)]
pub struct SliceKey {
    pub name: Vec<u8>,
    pub extents: Vec<(i64, i64)>,
}

impl SliceKey {
    /// Whether a key is that of a slice and not a plain name.
    pub fn is_slice(key: &[u8]) -> bool {
        key.first() == Some(&0)
    }

    /// Reads a key; `None` when it is malformed.
    pub fn parse(mut key: &[u8]) -> Option<Self> {
        if take_number(&mut key)? != 0 {
            return None;
        }
        let name = take_text(&mut key)?;
        let rank = take_number(&mut key)?;
        let mut extents = Vec::new();
        for _ in 0..rank {
            extents.push((take_signed(&mut key)?, take_signed(&mut key)?));
        }
        key.is_empty().then_some(Self { name, extents })
    }
}

/// A length byte, then that many bytes, the highest first.
fn take_number(key: &mut &[u8]) -> Option<u64> {
    let (len, rest) = key.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(*len))?;
    *key = rest;
    (digits.len() <= 8).then(|| digits.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

/// Bytes with 0 as `00 ff` and 255 as `ff 00`, ended by `00 01`.
fn take_text(key: &mut &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let (first, rest) = key.split_first()?;
        *key = rest;
        if !matches!(first, 0 | 0xff) {
            text.push(*first);
            continue;
        }
        let (second, rest) = key.split_first()?;
        *key = rest;
        match (first, second) {
            (0, 1) => return Some(text),
            (0, 0xff) => text.push(0),
            (0xff, 0) => text.push(0xff),
            _ => return None,
        }
    }
}

/// A signed number: as many leading one bits as bytes, a zero bit, then the number; all inverted when negative.
fn take_signed(key: &mut &[u8]) -> Option<i64> {
    let first = *key.first()?;
    let invert = if first & 0x80 == 0 { 0xff } else { 0 };
    let mut len = usize::try_from((first ^ invert).leading_ones()).ok()?;
    if len == 8 {
        len += usize::try_from((key.get(1)? ^ invert).leading_ones()).ok()?;
    }
    if len > 10 {
        return None;
    }
    let (digits, rest) = key.split_at_checked(len)?;
    *key = rest;
    let raw = digits.iter().fold(0u128, |value, byte| value << 8 | u128::from(byte ^ invert));
    // The value has 7 bits a byte, the sign bit included.
    let value_bits = 7 * u32::try_from(len).ok()?;
    let value = i64::try_from(raw & ((1u128 << value_bits) - 1)).ok()?;
    Some(if invert == 0 { value } else { !value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_as_tensorflow_writes_them() {
        // "w" of rank 2: whole first axis (0, -1), then 16 from 3.
        let key = [0, b'w', 0, 1, 1, 2, 0x80, 0x7f, 0x83, 0x90];
        let parsed = SliceKey::parse(&key).unwrap();
        assert_eq!(parsed, SliceKey { name: b"w".to_vec(), extents: vec![(0, -1), (3, 16)] });
        for len in 0..key.len() {
            assert_eq!(SliceKey::parse(&key[..len]), None);
        }
    }

    #[test]
    fn signed_numbers_of_every_length() {
        // One byte holds -64..63, two bytes -8192..8191: 0xc0 0x40 is 64, 0x3f 0xbf is -65.
        for (bytes, value) in [
            (&[0x80][..], 0),
            (&[0xbf], 63),
            (&[0x7f], -1),
            (&[0x40], -64),
            (&[0xc0, 0x40], 64),
            (&[0xdf, 0xff], 8191),
            (&[0x3f, 0xbf], -65),
            (&[0xe0, 0x20, 0x00], 8192),
        ] {
            assert_eq!(take_signed(&mut &bytes[..]), Some(value), "{bytes:02x?}");
        }
    }

    #[test]
    fn names_are_unescaped() {
        let mut key = &[b'a', 0, 0xff, 0xff, 0, b'b', 0, 1][..];
        assert_eq!(take_text(&mut key).unwrap(), [b'a', 0, 0xff, b'b']);
    }
}
