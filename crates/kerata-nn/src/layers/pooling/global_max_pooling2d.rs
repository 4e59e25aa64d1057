//! `GlobalMaxPooling2D`: the largest of a whole image, for each channel.

use super::global::global;
use crate::layers::prelude::*;

global! {
    /// The largest of a whole image, for each channel.
    GlobalMaxPooling2D, 2, ops::max
}
