//! `Cropping3D`: cuts the edges of a volume off.

use super::crop::crop;
use crate::layers::prelude::*;

crop! {
    /// Cuts the edges of a volume off.
    Cropping3D, 3, data_format
}
