//! `Conv3D`: convolution over volumes.

use super::conv::{Spatial, conv, convolve};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

conv! {
    /// Convolution over volumes.
    Conv3D, 3
}
