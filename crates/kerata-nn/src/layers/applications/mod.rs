//! Layers that only models of `keras.applications` have.

use super::Layer;
use crate::config::macros::family;

family! { dyn Layer;
    custom_scale_layer => CustomScaleLayer,
    layer_scale => LayerScale,
    stochastic_depth => StochasticDepth,
}
