//! `Conv3DTranspose`: transposed convolution over volumes.

use super::Spatial;
use super::conv_transpose::conv_transpose;
use crate::layers::prelude::*;

conv_transpose! {
    /// Transposed convolution over volumes: what a convolution would have made of the result, spread back.
    Conv3DTranspose, 3
}
