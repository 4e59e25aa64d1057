//! `AdaptiveAveragePooling2D`: the mean of so many windows of a image that the result has a given size.

use super::adaptive::{adaptive, pool};
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

adaptive! {
    /// Pools a image to a size, with the mean of each window.
    AdaptiveAveragePooling2D, 2, ops::mean
}
