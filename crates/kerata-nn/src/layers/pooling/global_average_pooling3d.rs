//! `GlobalAveragePooling3D`: the mean of a whole volume, for each channel.

use super::global::global;
use crate::layers::prelude::*;

global! {
    /// The mean of a whole volume, for each channel.
    GlobalAveragePooling3D, 3, ops::mean
}
