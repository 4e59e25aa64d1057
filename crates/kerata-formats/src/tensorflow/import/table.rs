//! The table: name of a TensorFlow op and how it is read, one line an op, sorted within its room.

use kerata_core::{Error, Result};

use super::call::{Call, Outputs};
use super::value::Value;
use super::{
    arrays, control, images, linalg, lists, math, network, ragged, random, refused, shapes, state,
    tensor_arrays, text,
};

/// How a node is read.
pub type Lowering = fn(&Call<'_>) -> Outputs;

/// The rooms.
const ROOMS: &[&[(&str, Lowering)]] = &[
    math::OPS,
    shapes::OPS,
    arrays::OPS,
    network::OPS,
    images::OPS,
    control::OPS,
    linalg::OPS,
    lists::OPS,
    ragged::OPS,
    random::OPS,
    state::OPS,
    tensor_arrays::OPS,
    text::OPS,
];

/// Reads a node.
pub fn lower(call: &Call<'_>) -> Result<Vec<Value>> {
    let op = call.node.op.as_str();
    if let Some(why) = refused::reason(op) {
        return Err(
            Error::untrusted(format!("op `{op}` {why}")).hint("a model's graph may compute, nothing else")
        );
    }
    let known = ROOMS.iter().flat_map(|room| room.iter()).find(|entry| entry.0 == op);
    let (_, lowering) = known.ok_or_else(|| {
        Error::unsupported(format!("op `{op}` is not known"))
            .hint("the model opens, inspects and converts; only running it needs the op")
    })?;
    lowering(call)
}
