//! `LocallyConnected2D`: a convolution with a kernel of its own for each place.

use super::local::{Windows, bias, kernel_shape, locally_connected, product};
use crate::layers::convolutional::Spatial;
use crate::layers::prelude::*;

locally_connected! {
    /// A convolution of images with a kernel of its own for each place.
    LocallyConnected2D, 2
}
