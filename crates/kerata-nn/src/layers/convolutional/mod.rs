//! Convolutions: windows that slide over sequences, images and volumes.

use super::Layer;
use crate::config::macros::family;

mod conv;
mod conv_transpose;
mod depthwise;
mod separable;

pub(crate) use conv::{Spatial, convolve};

family! { dyn Layer;
    conv1d => Conv1D,
    conv1d_transpose => Conv1DTranspose,
    conv2d => Conv2D,
    conv2d_transpose => Conv2DTranspose,
    conv3d => Conv3D,
    conv3d_transpose => Conv3DTranspose,
    depthwise_conv1d => DepthwiseConv1D,
    depthwise_conv2d => DepthwiseConv2D,
    separable_conv1d => SeparableConv1D,
    separable_conv2d => SeparableConv2D,
}
