//! `GlobalMaxPooling3D`: the largest of a whole volume, for each channel.

use super::global::global;
use crate::layers::prelude::*;

global! {
    /// The largest of a whole volume, for each channel.
    GlobalMaxPooling3D, 3, ops::max
}
