//! Layers that look vectors up by number.

use super::Layer;
use crate::config::macros::family;

mod table;

family! { dyn Layer;
    embedding => Embedding,
    reversible_embedding => ReversibleEmbedding,
}
