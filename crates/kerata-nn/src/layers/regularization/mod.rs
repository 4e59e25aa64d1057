//! Layers that make training harder so that what is learned holds: dropout, noise, penalties.

use super::Layer;
use crate::config::macros::family;

mod drop_out;
mod spatial;

pub(crate) use drop_out::{drop_out, noise_sizes};

family! { dyn Layer;
    activity_regularization => ActivityRegularization,
    alpha_dropout => AlphaDropout,
    dropout => Dropout,
    gaussian_dropout => GaussianDropout,
    gaussian_noise => GaussianNoise,
    spatial_dropout1d => SpatialDropout1D,
    spatial_dropout2d => SpatialDropout2D,
    spatial_dropout3d => SpatialDropout3D,
}
