//! `GlobalAveragePooling2D`: the mean of a whole image, for each channel.

use super::global::global;
use crate::layers::prelude::*;

global! {
    /// The mean of a whole image, for each channel.
    GlobalAveragePooling2D, 2, ops::mean
}
