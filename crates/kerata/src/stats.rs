//! `Stats`: mean, spread and oddities of a variable's values.

use kerata_core::{Result, Variable};

use crate::elements;

/// Statistics of the finite values of a variable.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Mean of the finite values; 0 when there are none.
    pub mean: f64,
    /// Standard deviation (population) of the finite values.
    pub std: f64,
    /// Smallest finite value.
    pub min: f64,
    /// Largest finite value.
    pub max: f64,
    /// Number of NaN.
    pub nan: u64,
    /// Number of infinities.
    pub infinite: u64,
    /// Number of zeros.
    pub zero: u64,
}

impl Stats {
    /// Reads all values of a variable once.
    pub fn of(variable: &Variable) -> Result<Self> {
        let mut stats = Self {
            mean: 0.0,
            std: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            nan: 0,
            infinite: 0,
            zero: 0,
        };
        let (mut count, mut squares) = (0u64, 0.0f64);
        elements::for_each_block(variable, &mut |block| {
            for &value in block {
                if !value.is_finite() {
                    stats.nan += u64::from(value.is_nan());
                    stats.infinite += u64::from(value.is_infinite());
                    continue;
                }
                // Welford's update: stable whatever the mean.
                count += 1;
                let delta = value - stats.mean;
                stats.mean += delta / count as f64;
                squares += delta * (value - stats.mean);
                stats.min = stats.min.min(value);
                stats.max = stats.max.max(value);
                stats.zero += u64::from(value == 0.0);
            }
        })?;
        if count == 0 {
            (stats.min, stats.max) = (0.0, 0.0);
        } else {
            stats.std = (squares / count as f64).sqrt();
        }
        Ok(stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::{DType, Data};

    #[test]
    fn counts_what_is_not_finite_apart() {
        let values = [1.0f32, 3.0, f32::NAN, f32::INFINITY, 0.0, 0.0];
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let stats = Stats::of(&Variable::new(DType::Float32, [6], Data::owned(bytes)).unwrap()).unwrap();
        assert_eq!((stats.nan, stats.infinite, stats.zero), (1, 1, 2));
        assert_eq!((stats.min, stats.max, stats.mean), (0.0, 3.0, 1.0));
        // (0 + 4 + 1 + 1) / 4
        assert!((stats.std - 1.5f64.sqrt()).abs() < 1e-12);
    }
}
