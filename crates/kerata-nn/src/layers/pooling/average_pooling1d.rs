//! `AveragePooling1D`: the mean of windows of a sequence.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The mean of windows of a sequence.
    AveragePooling1D, 1, ops::average_pool
}
