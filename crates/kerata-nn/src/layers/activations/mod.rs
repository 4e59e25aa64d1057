//! Activation functions that are layers because they have arguments or weights.

use super::Layer;
use crate::config::macros::family;

family! { dyn Layer;
    elu => ELU,
    leaky_relu => LeakyReLU,
    prelu => PReLU,
    relu => ReLU,
    softmax => Softmax,
}
