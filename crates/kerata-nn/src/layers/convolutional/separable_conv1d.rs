//! `SeparableConv1D`: a window for each channel, then a mix of the channels, over sequences.

use super::Spatial;
use super::conv::padded;
use super::separable::separable;
use crate::layers::prelude::*;

separable! {
    /// A depthwise convolution over sequences, then one with windows of one element.
    SeparableConv1D, 1
}
