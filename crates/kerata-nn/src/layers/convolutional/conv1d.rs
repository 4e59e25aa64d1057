//! `Conv1D`: convolution over sequences.

use super::conv::{Spatial, conv, convolve};
use crate::layers::lora::Lora;
use crate::layers::prelude::*;

conv! {
    /// Convolution over sequences.
    Conv1D, 1
}
