//! Shapes and places that are computed in the graph, as foreign graphs have them.

mod sizes;

use crate::array::Array;
use crate::graph::TensorSpec;
use crate::ops::room;
use crate::{Error, Result};

room! {
    broadcast_shape => BroadcastShape { broadcast_shape };
    range => RangeOf { range };
    reshape_to => ReshapeTo { reshape_to };
    slice_at => SliceAt { slice_at };
    slice_update => SliceUpdate { slice_update };
}

pub use sizes::sizes_from;

/// The length of a vector of whole numbers, which must be known.
fn vector_length(vector: &TensorSpec) -> Result<usize> {
    if vector.rank() != 1 || !vector.dtype.is_integer() {
        return Err(Error::mismatch(format!("expected a vector of whole numbers, found {vector}")));
    }
    vector.known_axis(0)
}

/// A vector of whole numbers as sizes.
fn to_sizes(vector: &Array) -> Result<Vec<usize>> {
    let sizes = vector.to_i64s()?.into_iter().map(usize::try_from).collect::<std::result::Result<_, _>>();
    sizes.map_err(|_| Error::mismatch("a shape with negative sizes"))
}
