//! `Conv2D`: convolution over images.

use super::conv::{Spatial, conv, convolve};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

conv! {
    /// Convolution over images.
    Conv2D, 2
}
