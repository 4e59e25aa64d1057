//! Layers that only models of `keras.applications` have.

use super::Layer;
use crate::config::macros::family;

family! { dyn Layer;
    layer_scale => LayerScale,
    stochastic_depth => StochasticDepth,
}
