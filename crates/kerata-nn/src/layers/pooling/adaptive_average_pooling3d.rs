//! `AdaptiveAveragePooling3D`: the mean of so many windows of a volume that the result has a given size.

use super::adaptive::{adaptive, pool};
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

adaptive! {
    /// Pools a volume to a size, with the mean of each window.
    AdaptiveAveragePooling3D, 3, ops::mean
}
