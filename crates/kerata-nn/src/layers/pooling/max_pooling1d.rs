//! `MaxPooling1D`: the largest of windows of a sequence.

use super::pool::pool;
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

pool! {
    /// The largest of windows of a sequence.
    MaxPooling1D, 1, ops::max_pool
}
