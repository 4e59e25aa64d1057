//! `GlobalMaxPooling1D`: the largest of a whole sequence, for each channel.

use super::global::global;
use crate::layers::prelude::*;

global! {
    /// The largest of a whole sequence, for each channel.
    GlobalMaxPooling1D, 1, ops::max
}
