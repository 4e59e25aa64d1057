//! The two checksums of HDF5: Jenkins's lookup3 over metadata, Fletcher-32 over chunks.

/// Bob Jenkins's `hashlittle` with start value 0.
pub(super) fn lookup3(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let start = 0xdead_beef_u32.wrapping_add(length);
    let mut state = [start; 3];
    let mut rest = bytes;
    // The last block, even when it is full, goes through the final mix instead.
    while let Some((block, tail)) = rest.split_at_checked(12).filter(|(_, tail)| !tail.is_empty()) {
        add(&mut state, block);
        mix(&mut state);
        rest = tail;
    }
    if !rest.is_empty() {
        add(&mut state, rest);
        finish(&mut state);
    }
    state[2]
}

fn add(state: &mut [u32; 3], block: &[u8]) {
    for (word, bytes) in state.iter_mut().zip(block.chunks(4)) {
        let value = bytes.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte));
        *word = word.wrapping_add(value);
    }
}

fn mix([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, turn: u32| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(turn);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

fn finish([a, b, c]: &mut [u32; 3]) {
    let step = |x: &mut u32, y: u32, turn: u32| *x = (*x ^ y).wrapping_sub(y.rotate_left(turn));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

/// Fletcher-32 as HDF5 computes it: over big-endian pairs, an odd last byte as the high half.
pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (0u32, 0u32);
    // 360 pairs are as many as fit before the sums need folding.
    for block in bytes.chunks(720) {
        for pair in block.chunks(2) {
            let word = pair.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte));
            low += if pair.len() == 1 { word << 8 } else { word };
            high += low;
        }
        low = (low & 0xffff) + (low >> 16);
        high = (high & 0xffff) + (high >> 16);
    }
    low = (low & 0xffff) + (low >> 16);
    high = (high & 0xffff) + (high >> 16);
    (high << 16) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup3_gives_the_published_values() {
        // From the driver in lookup3.c: hashlittle("", 0, 0) and "Four score and seven years ago".
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
