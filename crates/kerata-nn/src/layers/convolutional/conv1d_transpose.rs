//! `Conv1DTranspose`: transposed convolution over sequences.

use super::Spatial;
use super::conv_transpose::conv_transpose;
use crate::layers::prelude::*;

conv_transpose! {
    /// Transposed convolution over sequences: what a convolution would have made of the result, spread back.
    Conv1DTranspose, 1
}
