//! `Cropping2D`: cuts the edges of a image off.

use super::crop::crop;
use crate::layers::prelude::*;

crop! {
    /// Cuts the edges of a image off.
    Cropping2D, 2, data_format
}
