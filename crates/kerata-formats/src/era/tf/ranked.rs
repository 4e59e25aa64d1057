//! Functions of TensorFlow whose Keras ops depend on the ranks of their operands, which tracing tells.

use kerata_core::Tree;
use kerata_core::graph::TensorSpec;

use super::{Call, Op, has_tensor};

/// The Keras ops of a function; `specs` are those of its tensors, in order.
pub(in crate::era) fn convert(function: &str, call: &Call, specs: &[TensorSpec]) -> Option<Vec<Op>> {
    match function.strip_prefix("compat.v1.").unwrap_or(function) {
        "gather" | "gather_v2" => gather(call, specs),
        _ => None,
    }
}

/// `tf.gather` with batch axes: one row of indices for each row of values.
fn gather(call: &Call, specs: &[TensorSpec]) -> Option<Vec<Op>> {
    let (params, indices) = (call.operand(0, "params")?, call.get(1, "indices")?.clone());
    let [values, places] = specs else { return None };
    if !has_tensor(&params) || !has_tensor(&indices) {
        return None;
    }
    let (rank, places) = (values.rank(), places.rank());
    let counted = |number: i64, rank: usize| {
        let number = if number < 0 { number.checked_add(i64::try_from(rank).ok()?)? } else { number };
        usize::try_from(number).ok().filter(|number| *number <= rank)
    };
    let batch = counted(call.keyword("batch_dims")?.as_i64()?, places)?;
    let axis = match call.get(3, "axis").and_then(Tree::as_i64) {
        Some(axis) => counted(axis, rank)?,
        None => batch,
    };
    // One more axis of indices at most: with more, the result has axes that no operand has.
    if axis < batch || axis >= rank || places > batch + 1 {
        return None;
    }
    let mut ops = Vec::new();
    let mut at = indices;
    let mut expand = |axis: usize| {
        ops.push(Op::numpy("ExpandDims", vec![at.clone()]).with("axis", Tree::from(axis)));
        at = Op::before();
    };
    if places == batch {
        expand(batch);
    }
    // Axes that the indices are the same along.
    (batch..axis).for_each(&mut expand);
    (axis + 1..rank).for_each(&mut expand);
    let taken = Op::numpy("TakeAlongAxis", vec![params, at]).with("axis", Tree::from(axis));
    ops.push(taken);
    if places == batch {
        ops.push(Op::numpy("Squeeze", vec![Op::before()]).with("axis", Tree::from(axis)));
    }
    Some(ops)
}
