//! Handwritten digits, 8 by 8 pixels.

use kerata_core::array::Array;
use kerata_core::{DType, Error, Limits, MemorySource, Result};
use kerata_formats::npz;

use super::Split;

/// Origin and license: `fixtures/data/README.md`.
const BYTES: &[u8] = include_bytes!("../../../../fixtures/data/digits.npz");

/// The largest value of a pixel.
const INK: f32 = 16.0;

/// Of so many images in a row the last one is for testing.
const EVERY: usize = 5;

/// 1,797 handwritten digits: images `(n, 8, 8, 1)` float32 from 0 (paper) to 1 (ink), labels `(n)` int32 from 0 to 9.
///
/// Every fifth image, 359 in all, is for testing, so that the 13 writers are in both parts. The images are the test set of
/// *Optical Recognition of Handwritten Digits* by E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
/// <https://doi.org/10.24432/C50P49>, licensed under CC BY 4.0; their 17 shades are divided by 16.
pub fn digits() -> Result<Split> {
    let source = MemorySource::shared(BYTES.to_vec());
    let arrays = npz::read_arrays(&source, &Limits::default())?;
    let array = |name: &str| {
        let found = arrays.get(name).ok_or_else(|| Error::internal(format!("no `{name}`")))?;
        Array::from_variable(found)
    };
    let images = array("images")?.cast(DType::Float32)?;
    let pixels: Vec<f32> = images.as_f32()?.iter().map(|pixel| pixel / INK).collect();
    let labels = array("labels")?.cast(DType::Int32)?;
    let count = labels.len();
    let (test, train): (Vec<usize>, Vec<usize>) = (0..count).partition(|image| image % EVERY == EVERY - 1);
    let images = Array::from_f32([count, 8, 8, 1], pixels)?;
    Ok(Split {
        x_train: rows(&images, &train)?,
        y_train: rows(&labels, &train)?,
        x_test: rows(&images, &test)?,
        y_test: rows(&labels, &test)?,
    })
}

fn rows(array: &Array, rows: &[usize]) -> Result<Array> {
    let width: usize = array.shape().iter().skip(1).product();
    let starts: Vec<usize> = rows.iter().map(|row| row * width).collect();
    let shape: Vec<usize> =
        std::iter::once(rows.len()).chain(array.shape().iter().skip(1).copied()).collect();
    array.take_runs(&starts, width, shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_scikit_learn() {
        let split = digits().unwrap();
        assert_eq!(split.x_train.shape(), [1438, 8, 8, 1]);
        assert_eq!(split.x_test.shape(), [359, 8, 8, 1]);
        // `load_digits().images.sum()` is 561718, and its first labels are 0, 1, 2, 3, 4, 5.
        let sum = |array: &Array| array.as_f32().unwrap().iter().map(|pixel| f64::from(*pixel)).sum::<f64>();
        assert_eq!((sum(&split.x_train) + sum(&split.x_test)) * 16.0, 561_718.0);
        assert_eq!(split.y_train.to_i64s().unwrap()[..5], [0, 1, 2, 3, 5]);
        assert_eq!(split.y_test.to_i64s().unwrap()[0], 4);
    }
}
