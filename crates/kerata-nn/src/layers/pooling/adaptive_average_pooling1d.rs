//! `AdaptiveAveragePooling1D`: the mean of so many windows of a sequence that the result has a given size.

use super::adaptive::{adaptive, pool};
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

adaptive! {
    /// Pools a sequence to a size, with the mean of each window.
    AdaptiveAveragePooling1D, 1, ops::mean
}
