//! `TensorArray`s of TensorFlow 1, read as lists: the flow between their ops is the list, their handle only its room.

use kerata_core::graph::Tensor;
use kerata_core::ops;
use kerata_core::{DType, Result};

use super::call::{Call, Outputs};
use super::lists;
use super::table::Lowering;
use super::value::{Element, List, Value};

pub const OPS: &[(&str, Lowering)] = &[
    ("TensorArrayCloseV3", |_| Ok(vec![Value::Nothing])),
    ("TensorArrayGatherV3", gather),
    ("TensorArrayReadV3", |c| lists::read(c, list(c, 2)?, 1)),
    ("TensorArrayScatterV3", scatter),
    ("TensorArraySizeV3", |c| lists::length_of(c, list(c, 1)?)),
    ("TensorArrayV3", array),
    ("TensorArrayWriteV3", |c| lists::write(c, list(c, 3)?, 1, 2)),
];

/// The list that flows into a node.
fn list<'a>(c: &'a Call<'_>, position: usize) -> Result<&'a List> {
    lists::list(c, position)
}

fn array(c: &Call<'_>) -> Outputs {
    let length = match c.elements(0)? {
        Some([length]) => length.clone(),
        _ => Element::Unknown,
    };
    let shape = c.shape("element_shape").filter(|shape| !shape.unknown_rank);
    let shape = shape.map(|shape| shape.dim.iter().map(|dim| u64::try_from(dim.size).ok()).collect());
    let room = List::Reserved { length, shape, dtype: c.dtype("dtype", DType::Float32)? };
    Ok(vec![Value::Nothing, Value::List(room)])
}

/// All elements in the order of the places, which count up from 0 wherever TensorFlow's own functions write them.
fn scatter(c: &Call<'_>) -> Outputs {
    let (places, items) = (c.tensor(1)?, c.tensor(2)?);
    if counts_up(c, 1) {
        return Ok(vec![Value::List(List::Stacked(items.clone()))]);
    }
    let order = ops::argsort(places, -1)?;
    Ok(vec![Value::List(List::Stacked(ops::take(items, &order, Some(0))?))])
}

fn gather(c: &Call<'_>) -> Outputs {
    let items = lists::stacked(list(c, 2)?)?;
    if counts_up(c, 1) {
        return c.one(items.clone());
    }
    c.one(ops::take(items, c.tensor(1)?, Some(0))?)
}

/// Whether an input is `0, 1, 2, ...`: it comes from a range that starts so.
fn counts_up(c: &Call<'_>, position: usize) -> bool {
    let Ok(tensor) = c.tensor(position) else { return false };
    if let Some(numbers) = tensor.constant().and_then(|array| array.to_i64s().ok()) {
        return numbers.iter().enumerate().all(|(at, number)| usize::try_from(*number) == Ok(at));
    }
    let Ok((node, inputs)) = tensor.builder().producer(tensor) else { return false };
    let number = |at: usize| {
        let tensor: Option<&Tensor> = inputs.get(at);
        tensor.and_then(Tensor::constant).and_then(|array| array.to_f64().ok())
    };
    match node.op().map(|op| op.name()) {
        Some("iota") => true,
        Some("range") => number(0) == Some(0.0) && number(2) == Some(1.0),
        _ => false,
    }
}
