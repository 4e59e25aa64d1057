//! Layers that change shapes and nothing else.

use super::Layer;
use crate::config::macros::family;

mod crop;
mod zero_pad;

family! { dyn Layer;
    cropping1d => Cropping1D,
    cropping2d => Cropping2D,
    cropping3d => Cropping3D,
    flatten => Flatten,
    permute => Permute,
    repeat_vector => RepeatVector,
    reshape => Reshape,
    up_sampling1d => UpSampling1D,
    up_sampling2d => UpSampling2D,
    up_sampling3d => UpSampling3D,
    zero_padding1d => ZeroPadding1D,
    zero_padding2d => ZeroPadding2D,
    zero_padding3d => ZeroPadding3D,
}
