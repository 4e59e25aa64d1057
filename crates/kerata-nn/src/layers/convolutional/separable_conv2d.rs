//! `SeparableConv2D`: a window for each channel, then a mix of the channels, over images.

use super::Spatial;
use super::conv::padded;
use super::separable::separable;
use crate::layers::prelude::*;

separable! {
    /// A depthwise convolution over images, then one with windows of one element.
    SeparableConv2D, 2
}
