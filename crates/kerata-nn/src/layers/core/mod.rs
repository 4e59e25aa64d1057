//! Layers that others are made of: dense layers, inputs, activations by name.

use super::Layer;
use crate::config::macros::family;

mod kernel;

pub(crate) use kernel::{grouped, rounded_to_int8, stored, unpacked};

family! { dyn Layer;
    activation => Activation,
    dense => Dense,
    einsum_dense => EinsumDense,
    identity => Identity,
    input_layer => InputLayer,
    lambda => Lambda,
    masking => Masking,
}
