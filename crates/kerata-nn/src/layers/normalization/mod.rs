//! Normalization: mean zero and deviation one, over the batch, the features or groups of them.

use super::Layer;
use crate::config::macros::family;

mod moments;

family! { dyn Layer;
    batch_normalization => BatchNormalization,
    group_normalization => GroupNormalization,
    layer_normalization => LayerNormalization,
    rms_normalization => RMSNormalization,
    spectral_normalization => SpectralNormalization,
    unit_normalization => UnitNormalization,
}
