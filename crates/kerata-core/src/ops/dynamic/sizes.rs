//! Sizes that are computed in the graph: found out while building where that is possible.

use crate::graph::{NodeKind, Tensor};
use crate::ops::{Cast, Concat, Reshape, ShapeOf, Size, Slice, Take};

/// The sizes that a vector of whole numbers stands for, when they are constants and sizes of tensors, put together.
pub fn sizes_from(vector: &Tensor) -> Option<Vec<Size>> {
    trace(vector, 0)
}

fn trace(tensor: &Tensor, depth: usize) -> Option<Vec<Size>> {
    if depth > 64 || tensor.rank() > 1 {
        return None;
    }
    let (node, inputs) = tensor.builder().producer(tensor).ok()?;
    let op = match node.kind {
        NodeKind::Constant(array) => {
            return Some(array.to_i64s().ok()?.into_iter().map(Size::from).collect());
        }
        NodeKind::Op(op) => op,
        _ => return None,
    };
    let op = op.as_any();
    if op.is::<ShapeOf>() {
        return Some(inputs.first()?.sizes());
    }
    if op.is::<Cast>() || op.is::<Reshape>() {
        return trace(inputs.first()?, depth + 1);
    }
    if op.is::<Concat>() {
        let parts = inputs.iter().map(|input| trace(input, depth + 1)).collect::<Option<Vec<_>>>()?;
        return Some(parts.concat());
    }
    if let Some(slice) = op.downcast_ref::<Slice>() {
        let all = trace(inputs.first()?, depth + 1)?;
        let range = *slice.ranges.first()?;
        let (start, count) = range.resolve(all.len());
        return (0..count as i64)
            .map(|at| all.get(usize::try_from(start + at * range.step).ok()?).cloned())
            .collect();
    }
    if op.is::<Take>() {
        let all = trace(inputs.first()?, depth + 1)?;
        let places = inputs.get(1)?.constant()?;
        let pick = |place: &i64| {
            let place = if *place < 0 { *place + all.len() as i64 } else { *place };
            all.get(usize::try_from(place).ok()?).cloned()
        };
        return places.to_i64s().ok()?.iter().map(pick).collect();
    }
    None
}
