//! Places of elements, checked.

use crate::array::Array;
use crate::{Error, Result};

/// Places along an axis of a size; negative ones count from the end, others outside are refused, as TensorFlow does on
/// the CPU.
pub fn places(places: &Array, size: usize) -> Result<Vec<usize>> {
    places.to_i64s()?.into_iter().map(|place| checked(place, size)).collect()
}

/// One place along an axis of a size.
pub fn checked(place: i64, size: usize) -> Result<usize> {
    let from_start = if place < 0 { place.saturating_add(size as i64) } else { place };
    usize::try_from(from_start)
        .ok()
        .filter(|&place| place < size)
        .ok_or_else(|| Error::mismatch(format!("place {place} is outside an axis of {size}")))
}
