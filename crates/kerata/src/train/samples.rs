//! Samples: arrays cut into batches in an order that follows from a seed.

use kerata_core::array::Array;
use kerata_core::{Error, Result};

/// Arrays with one sample in each row.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    arrays: Vec<Array>,
    count: usize,
}

impl Samples {
    /// Samples of arrays that must have as many rows.
    pub fn new(arrays: Vec<Array>) -> Result<Self> {
        let rows = |array: &Array| array.shape().first().copied();
        let count = arrays.first().and_then(rows).unwrap_or(0);
        if let Some(other) = arrays.iter().find(|array| rows(array) != Some(count)) {
            let found = other.shape().first().copied().unwrap_or(0);
            return Err(Error::mismatch(format!(
                "arrays have different numbers of samples: {count} and {found}"
            )));
        }
        if count == 0 {
            return Err(Error::usage("there are no samples"));
        }
        Ok(Self { arrays, count })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The first samples, and a share of all that lies at the end.
    pub fn split(self, share: f64) -> Result<(Self, Option<Self>)> {
        if share == 0.0 {
            return Ok((self, None));
        }
        let first = (self.count as f64 * (1.0 - share)).floor();
        if !(0.0..1.0).contains(&share) || first < 1.0 || first >= self.count as f64 {
            return Err(Error::usage(format!(
                "a share of {share} of {} samples leaves one part empty",
                self.count
            )));
        }
        let sizes = [first as usize, self.count - first as usize];
        let mut parts = [Vec::new(), Vec::new()];
        for array in &self.arrays {
            for (part, piece) in parts.iter_mut().zip(array.cut(&sizes, 0)?) {
                part.push(piece);
            }
        }
        let [train, rest] = parts;
        Ok((Self::new(train)?, Some(Self::new(rest)?)))
    }

    /// The rows at some positions.
    pub fn batch(&self, rows: &[usize]) -> Result<Vec<Array>> {
        let take = |array: &Array| {
            let mut shape = array.shape().to_vec();
            let width = shape.iter().skip(1).product();
            if let Some(first) = shape.first_mut() {
                *first = rows.len();
            }
            let starts: Vec<usize> = rows.iter().map(|row| row * width).collect();
            array.take_runs(&starts, width, shape)
        };
        self.arrays.iter().map(take).collect()
    }
}

/// The order of the samples of an epoch: Fisher and Yates's shuffle with SplitMix64, started at the seed and the number of
/// the epoch, so that an epoch can be gone through again without those before it.
pub(super) fn order(count: usize, seed: u64, epoch: usize) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..count).collect();
    let mut state = SplitMix64(seed);
    let mut state = SplitMix64(state.next() ^ (epoch as u64).wrapping_mul(0xd134_2543_de82_ef95));
    for last in (1..count).rev() {
        // The high half of the product is uniform below `last + 1`, but for 2^-64.
        let place = (u128::from(state.next()) * (last as u128 + 1)) >> 64;
        rows.swap(last, place as usize);
    }
    rows
}

/// Steele, Lea and Flood's generator.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_gives_the_published_numbers() {
        // The first numbers of SplitMix64 from 1234567, as its authors' test programs print them.
        let mut generator = SplitMix64(1_234_567);
        let numbers: Vec<u64> = (0..3).map(|_| generator.next()).collect();
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn orders_are_permutations_that_differ_by_seed_and_epoch() {
        let mut sorted = order(100, 7, 3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_ne!(order(100, 7, 3), order(100, 7, 4));
        assert_ne!(order(100, 7, 3), order(100, 8, 3));
    }

    #[test]
    fn validation_samples_are_the_last_ones() {
        let samples =
            Samples::new(vec![Array::from_f32([5, 1], vec![0.0, 1.0, 2.0, 3.0, 4.0]).unwrap()]).unwrap();
        let (train, rest) = samples.split(0.4).unwrap();
        // floor(5 · 0.6) = 3 samples are trained on.
        assert_eq!(train.batch(&[2, 0]).unwrap()[0].as_f32().unwrap(), [2.0, 0.0]);
        assert_eq!(rest.unwrap().batch(&[0, 1]).unwrap()[0].as_f32().unwrap(), [3.0, 4.0]);
    }
}
