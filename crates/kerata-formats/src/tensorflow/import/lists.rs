//! Tensor lists: outside loops one tensor with a further axis in front.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Size};
use kerata_core::{DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::{Element, List, Place, Value, Written};

pub const OPS: &[(&str, Lowering)] = &[
    ("TensorListElementShape", |_| Err(Error::unsupported("the shape of a list's elements"))),
    ("TensorListFromTensor", |c| Ok(vec![Value::List(List::Stacked(c.tensor(0)?.clone()))])),
    ("TensorListGetItem", |c| read(c, list(c, 0)?, 1)),
    ("TensorListLength", |c| length_of(c, list(c, 0)?)),
    ("TensorListReserve", reserve),
    ("TensorListSetItem", |c| write(c, list(c, 0)?, 1, 2)),
    ("TensorListStack", |c| c.one(stacked(list(c, 0)?)?.clone())),
];

/// An input that is a list.
pub fn list<'a>(c: &'a Call<'_>, position: usize) -> Result<&'a List> {
    match c.input(position)? {
        Value::List(list) => Ok(list),
        _ => Err(Error::corrupt("expected a tensor list")),
    }
}

fn reserve(c: &Call<'_>) -> Outputs {
    let length = match c.elements(1)? {
        Some([length]) => length.clone(),
        _ => Element::Unknown,
    };
    // A shape of -1 is unknown, so is each axis of -1.
    let shape = match (c.elements(0)?, c.tensor(0)?.rank()) {
        (Some(elements), 1) => {
            Some(elements.iter().map(|size| size.known().and_then(|size| u64::try_from(size).ok())).collect())
        }
        _ => None,
    };
    Ok(vec![Value::List(List::Reserved { length, shape, dtype: c.dtype("element_dtype", DType::Float32)? })])
}

/// The number of elements.
pub fn length_of(c: &Call<'_>, list: &List) -> Outputs {
    let length = match list {
        List::Stacked(tensor) => Element::of_axis(tensor, 0),
        List::Reserved { length, .. } => length.clone(),
        List::Present { .. } | List::Written(_) => return Err(not_here()),
    };
    match &length {
        Element::Known(number) => c.one(c.builder.constant(kerata_core::Array::scalar(*number as i32))),
        Element::Of(tensor, axis) => {
            let size = ops::index(&ops::shape_of(tensor)?, 0, *axis as i64)?;
            c.followed(size, Some(vec![length]))
        }
        _ => Err(Error::unsupported("the length of a list that is known only when the graph runs")),
    }
}

/// The element at the place that is an input.
pub fn read(c: &Call<'_>, list: &List, place_input: usize) -> Outputs {
    let place = c.tensor(place_input)?;
    match list {
        List::Stacked(tensor) => c.one(ops::take(tensor, place, Some(0))?),
        List::Present { element, place } if is_here(c, place_input, place)? => c.one(element.clone()),
        List::Reserved { .. } => Err(Error::unsupported("reading a list before it is written")),
        List::Present { .. } | List::Written(_) => Err(not_here()),
    }
}

/// The list with another element at a place; both are inputs.
pub fn write(c: &Call<'_>, list: &List, place_input: usize, item: usize) -> Outputs {
    let (place, item) = (c.tensor(place_input)?, c.tensor(item)?);
    let written = match list {
        List::Stacked(tensor) => List::Stacked(replaced(tensor, place, item)?),
        List::Reserved { length, .. } => {
            let sizes = std::iter::once(length.size()).chain(item.sizes());
            if length.is_open() {
                return Err(Error::unsupported("a list whose length is known only when the graph runs"));
            }
            let sizes: Vec<Size> = sizes.collect();
            let zeros = ops::full(&c.builder, sizes, 0, item.dtype())?;
            List::Stacked(replaced(&zeros, place, item)?)
        }
        List::Written(written) if written.element.is_none() => {
            // A list of one element keeps the last; others take one element a step.
            let is_single = written.is_single && c.numbers(place_input).is_ok_and(|place| place == [0]);
            if !is_single && !is_here(c, place_input, &written.place)? {
                return Err(not_here());
            }
            if written.is_empty && !c.flag("resize_if_index_out_of_bounds", false) {
                return Err(Error::corrupt("a list without room is written"));
            }
            List::Written(Written { element: Some(item.clone()), is_single, ..written.clone() })
        }
        List::Present { .. } | List::Written(_) => return Err(not_here()),
    };
    Ok(vec![Value::List(written)])
}

/// Whether an input is the place that belongs to the present step.
fn is_here(c: &Call<'_>, position: usize, place: &Place) -> Result<bool> {
    Ok(match (place, c.elements(position)?) {
        (Place::Forward(counter), _) => c.tensor(position)?.is(counter),
        (Place::Backward(last), Some([Element::Back(found)])) => found.is_same(last),
        (Place::Backward(_), _) => false,
    })
}

fn replaced(stack: &Tensor, place: &Tensor, item: &Tensor) -> Result<Tensor> {
    let place = ops::reshape(&ops::cast(place, DType::Int32)?, [1, 1])?;
    ops::scatter_update(stack, &place, &ops::expand_dims(item, 0)?)
}

/// All elements along a new first axis.
pub fn stacked(list: &List) -> Result<&Tensor> {
    match list {
        List::Stacked(tensor) => Ok(tensor),
        _ => Err(Error::unsupported("the elements of a list that was never written")),
    }
}

/// Why a scan is not the way to read a loop.
fn not_here() -> Error {
    Error::unsupported("a list that is not read or written one element a step")
}
