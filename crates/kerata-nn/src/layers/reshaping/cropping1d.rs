//! `Cropping1D`: cuts the edges of a sequence off.

use super::crop::crop;
use crate::layers::prelude::*;

crop! {
    /// Cuts the edges of a sequence off.
    Cropping1D, 1
}
