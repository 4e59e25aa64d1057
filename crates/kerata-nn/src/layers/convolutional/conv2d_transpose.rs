//! `Conv2DTranspose`: transposed convolution over images.

use super::Spatial;
use super::conv_transpose::conv_transpose;
use crate::layers::prelude::*;

conv_transpose! {
    /// Transposed convolution over images: what a convolution would have made of the result, spread back.
    Conv2DTranspose, 2
}
