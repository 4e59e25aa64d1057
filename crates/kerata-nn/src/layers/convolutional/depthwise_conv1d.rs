//! `DepthwiseConv1D`: convolution over sequences with a window of its own for each channel.

use super::Spatial;
use super::conv::padded;
use super::depthwise::depthwise;
use crate::layers::prelude::*;

depthwise! {
    /// Convolution over sequences with windows of its own for each channel.
    DepthwiseConv1D, 1
}
