//! `AdaptiveMaxPooling1D`: the largest of so many windows of a sequence that the result has a given size.

use super::adaptive::{adaptive, pool};
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

adaptive! {
    /// Pools a sequence to a size, with the largest of each window.
    AdaptiveMaxPooling1D, 1, ops::max
}
