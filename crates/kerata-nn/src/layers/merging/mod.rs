//! Layers that make one tensor of several.

use super::Layer;
use crate::config::macros::family;

mod merge;

family! { dyn Layer;
    add => Add,
    average => Average,
    concatenate => Concatenate,
    dot => Dot,
    maximum => Maximum,
    minimum => Minimum,
    multiply => Multiply,
    subtract => Subtract,
}
