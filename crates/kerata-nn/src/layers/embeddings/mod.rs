//! Layers that look vectors up by number.

use super::Layer;
use crate::config::macros::family;

family! { dyn Layer;
    embedding => Embedding,
}
