//! Layers of older eras that Keras 3 no longer has. Their configs come under the names that Keras 3 has for arguments.

use super::Layer;
use crate::config::macros::family;

mod local;

family! { dyn Layer;
    highway => Highway,
    locally_connected1d => LocallyConnected1D,
    locally_connected2d => LocallyConnected2D,
    maxout_dense => MaxoutDense,
    parametric_softplus => ParametricSoftplus,
    s_relu => SReLU,
}
