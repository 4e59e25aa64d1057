//! Layers around another layer.

use super::Layer;
use crate::config::macros::family;

family! { dyn Layer;
    bidirectional => Bidirectional,
    time_distributed => TimeDistributed,
    wrapper => Wrapper,
}
