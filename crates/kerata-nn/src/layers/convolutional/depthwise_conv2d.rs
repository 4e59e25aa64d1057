//! `DepthwiseConv2D`: convolution over images with a window of its own for each channel.

use super::Spatial;
use super::conv::padded;
use super::depthwise::depthwise;
use crate::layers::prelude::*;

depthwise! {
    /// Convolution over images with windows of its own for each channel.
    DepthwiseConv2D, 2
}
