//! Small data sets to try things on; their bytes are part of the library.

mod digits;

pub use digits::digits;

use kerata_core::array::Array;

/// Samples with their labels, in a part to train on and a part to test with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Split {
    /// Samples to train on.
    pub x_train: Array,
    /// Their labels.
    pub y_train: Array,
    /// Samples to test with.
    pub x_test: Array,
    /// Their labels.
    pub y_test: Array,
}
