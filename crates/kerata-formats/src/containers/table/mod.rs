//! The sorted table of LevelDB with TensorFlow's rules: the container of a TensorBundle's index.
//!
//! Layout: `docs/formats/tensor-bundle.md`, section "The index file".

mod block;
mod reader;
mod writer;

pub use reader::read_table;
pub use writer::TableWriter;

/// What is done with the key and the value of an entry.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> kerata_core::Result<()> + 'a;

/// Last eight bytes of a table, little-endian.
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// Bytes of the footer.
const FOOTER_BYTES: usize = 48;
/// Bytes after each block: its compression and its checksum.
const TRAILER_BYTES: usize = 5;
/// Size at which a data block is closed.
const BLOCK_BYTES: usize = 262_144;
/// Entries between two keys that are written whole, in data blocks.
const RESTART_INTERVAL: usize = 16;

/// The stored form of a CRC-32C: rotated and shifted, so that a checksum of checksums stays a good one.
pub fn mask_crc(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Takes a LEB128 number off the front of `bytes`; `None` when it is cut short or longer than 64 bits.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(first & 0x7f);
        let placed = part << shift;
        if placed >> shift != part {
            return None;
        }
        value |= placed;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Appends a LEB128 number.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_read_back_and_overlong_ones_are_refused() {
        for value in [0, 1, 127, 128, 300, 1 << 40, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(value, &mut bytes);
            let mut rest = bytes.as_slice();
            assert_eq!(take_varint(&mut rest), Some(value));
            assert!(rest.is_empty());
            assert_eq!(take_varint(&mut &bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(take_varint(&mut &[0xff; 11][..]), None);
        assert_eq!(take_varint(&mut &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02][..]), None);
    }

    #[test]
    fn the_mask_is_that_of_leveldb() {
        // CRC-32C of "123456789" is 0xe3069283; rotated right by 15 it is 0x2507c60d.
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(mask_crc(0xe306_9283), 0x2507_c60d_u32.wrapping_add(0xa282_ead8));
    }
}
