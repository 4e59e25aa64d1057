//! Philox 4×32-10 (Salmon et al. 2011), keyed by a seed as TensorFlow's stateless random ops do.

/// A counter-based generator: four 32-bit words a step.
#[derive(Clone, Copy, Debug)]
pub struct Philox {
    counter: [u32; 4],
    key: [u32; 2],
}

impl Philox {
    /// The generator of a seed of two numbers. TensorFlow scrambles the seed with a Philox step of its own.
    pub fn from_seed(seed: [u64; 2]) -> Self {
        let low = |x: u64| x as u32;
        let high = |x: u64| (x >> 32) as u32;
        let counter = [low(seed[0]), high(seed[0]), low(seed[1]), high(seed[1])];
        let mix = Self { counter, key: [0x3ec8_f720, 0x0246_1e29] }.step();
        Self { counter: [0, 0, mix[2], mix[3]], key: [mix[0], mix[1]] }
    }

    /// The generator so many steps further on.
    pub fn skipped(mut self, steps: u64) -> Self {
        let counter = self.counter.iter().rev().fold(0u128, |sum, &word| sum << 32 | u128::from(word));
        let counter = counter.wrapping_add(steps.into());
        for (at, word) in self.counter.iter_mut().enumerate() {
            *word = (counter >> (32 * at)) as u32;
        }
        self
    }

    /// The next four words.
    pub fn step(&mut self) -> [u32; 4] {
        let words = self.words();
        *self = self.skipped(1);
        words
    }

    fn words(&self) -> [u32; 4] {
        let (mut words, mut key) = (self.counter, self.key);
        for round in 0..10 {
            if round > 0 {
                key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
            }
            let first = u64::from(words[0]) * 0xd251_1f53;
            let second = u64::from(words[2]) * 0xcd9e_8d57;
            words = [
                (second >> 32) as u32 ^ words[1] ^ key[0],
                second as u32,
                (first >> 32) as u32 ^ words[3] ^ key[1],
                first as u32,
            ];
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of the Random123 library.
    #[test]
    fn known_answers() {
        let mut zero = Philox { counter: [0; 4], key: [0; 2] };
        assert_eq!(zero.step(), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let mut ones = Philox { counter: [u32::MAX; 4], key: [u32::MAX; 2] };
        assert_eq!(ones.step(), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }
}
