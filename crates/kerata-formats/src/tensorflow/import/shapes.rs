//! Shapes and what is computed of them: followed element by element, so that sizes known at run time stay sizes.

use kerata_core::graph::Tensor;
use kerata_core::ops::{self, Size};
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::{Element, Value};
use crate::containers::proto::tensorflow::TensorShapeProto;

pub const OPS: &[(&str, Lowering)] = &[
    ("BroadcastArgs", broadcast_args),
    ("BroadcastTo", broadcast_to),
    ("ConcatOffset", |_| Err(Error::unsupported("offsets of a concatenation"))),
    ("ConcatV2", |c| concat(c, c.inputs.len().saturating_sub(1), 0)),
    ("Concat", |c| concat(c, 0, 1)),
    ("EnsureShape", ensure_shape),
    ("ExpandDims", expand_dims),
    ("Fill", fill),
    ("GuaranteeConst", identity),
    ("Identity", identity),
    ("IdentityN", |c| Ok(c.inputs.clone())),
    ("OnesLike", |c| c.unary(ops::ones_like)),
    ("Pack", pack),
    ("PlaceholderWithDefault", identity),
    ("PreventGradient", identity),
    ("Range", range),
    ("Rank", |c| c.one(c.builder.constant(Array::scalar(c.tensor(0)?.rank() as i32)))),
    ("Reshape", reshape),
    ("Shape", shape),
    ("ShapeN", shape_n),
    ("Size", size),
    ("Snapshot", identity),
    ("Squeeze", squeeze),
    ("StopGradient", |c| c.unary(ops::stop_gradient)),
    ("StridedSlice", super::slices::strided_slice),
    ("StridedSliceGrad", super::slices::strided_slice_grad),
    ("Unpack", unpack),
    ("ZerosLike", |c| c.unary(ops::zeros_like)),
];

fn identity(c: &Call<'_>) -> Outputs {
    Ok(vec![c.input(0)?.clone()])
}

fn shape_value(c: &Call<'_>, x: &Tensor, dtype: DType) -> Result<Value> {
    let elements = (0..x.rank()).map(|axis| Element::of_axis(x, axis)).collect();
    c.followed(ops::shape_of_as(x, dtype)?, Some(elements))?
        .pop()
        .ok_or_else(|| Error::internal("a shape is one value"))
}

fn shape(c: &Call<'_>) -> Outputs {
    Ok(vec![shape_value(c, c.tensor(0)?, c.dtype("out_type", DType::Int32)?)?])
}

fn shape_n(c: &Call<'_>) -> Outputs {
    let dtype = c.dtype("out_type", DType::Int32)?;
    c.tensors(0..c.inputs.len())?.iter().map(|x| shape_value(c, x, dtype)).collect()
}

fn size(c: &Call<'_>) -> Outputs {
    let x = match c.input(0)? {
        Value::Characters(letters) => letters,
        other => other.tensor()?,
    };
    let dtype = c.dtype("out_type", DType::Int32)?;
    let product =
        (0..x.rank()).fold(Element::Known(1), |product, axis| product.times(&Element::of_axis(x, axis)));
    let tensor = ops::cast(&ops::prod(&ops::shape_of_as(x, dtype)?, &[0], false)?, dtype)?;
    c.followed(tensor, Some(vec![product]))
}

fn reshape(c: &Call<'_>) -> Outputs {
    let (x, shape) = (c.tensor(0)?, c.tensor(1)?);
    let Some(target) = c.elements(1)? else { return c.one(ops::reshape_to(x, shape)?) };
    let elements = c.elements(0)?.filter(|_| target.len() <= 1).map(<[_]>::to_vec);
    let mut sizes: Vec<Size> = target.iter().map(Element::size).collect();
    let open = sizes.iter().filter(|size| matches!(size, Size::Infer)).count();
    if open > 1 {
        // More than one axis whose size no other axis has: the shape itself decides when the graph runs.
        return c.one(ops::reshape_to(x, shape)?);
    }
    if let Some(kept) = keep_axes(x, &sizes) {
        sizes = kept;
    }
    c.followed(ops::reshape(x, sizes)?, elements)
}

fn broadcast_to(c: &Call<'_>) -> Outputs {
    match c.full_sizes(1) {
        Ok(sizes) => c.one(ops::broadcast_to(c.tensor(0)?, sizes)?),
        Err(_) => c.one(ops::broadcast_shape(c.tensor(0)?, c.tensor(1)?)?),
    }
}

/// A size that is left over and stands first, where all others are those of the tensor's own axes, is its first axis.
fn keep_axes(x: &Tensor, sizes: &[Size]) -> Option<Vec<Size>> {
    let [Size::Infer, rest @ ..] = sizes else { return None };
    let own: Vec<Option<u64>> = x.shape().axes().iter().skip(1).copied().collect();
    let asked: Vec<Option<u64>> = rest
        .iter()
        .map(|size| match size {
            Size::Known(size) => Some(*size),
            _ => None,
        })
        .collect();
    let product =
        |sizes: &[Option<u64>]| sizes.iter().try_fold(1u64, |product, size| product.checked_mul((*size)?));
    let same = product(&own).filter(|product| *product > 0) == product(&asked) && product(&own).is_some();
    same.then(|| std::iter::once(x.size(0)).chain(rest.iter().cloned()).collect())
}

fn ensure_shape(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let Some(shape) = c.shape("shape").filter(|shape| !shape.unknown_rank) else { return identity(c) };
    match refined(x, shape) {
        Some(sizes) => c.one(ops::reshape(x, sizes)?),
        None => identity(c),
    }
}

/// Sizes of a tensor with what a shape knows more than it; `None` when that is nothing.
fn refined(x: &Tensor, shape: &TensorShapeProto) -> Option<Vec<Size>> {
    if shape.dim.len() != x.rank() {
        return None;
    }
    let mut is_more = false;
    let sizes = shape.dim.iter().enumerate().map(|(axis, dim)| {
        match (u64::try_from(dim.size), x.spec().size(axis)) {
            (Ok(size), None) => {
                is_more = true;
                Size::Known(size)
            }
            _ => x.size(axis),
        }
    });
    let sizes = sizes.collect();
    is_more.then_some(sizes)
}

fn expand_dims(c: &Call<'_>) -> Outputs {
    let elements = c.elements(0)?.filter(|_| c.tensor(0).is_ok_and(|x| x.rank() == 0)).map(<[_]>::to_vec);
    c.followed(ops::expand_dims(c.tensor(0)?, c.number(1)?)?, elements)
}

fn squeeze(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let mut axes = c.ints("squeeze_dims").to_vec();
    if axes.is_empty() {
        axes = (0..x.rank()).filter(|axis| x.spec().size(*axis) == Some(1)).map(|axis| axis as i64).collect();
    }
    let elements = c.elements(0)?.map(<[_]>::to_vec);
    if axes.is_empty() {
        return identity(c);
    }
    c.followed(ops::squeeze(x, &axes)?, elements)
}

fn pack(c: &Call<'_>) -> Outputs {
    let tensors = c.tensors(0..c.inputs.len())?;
    let mut elements = Some(Vec::new());
    for (position, tensor) in tensors.iter().enumerate() {
        let one = c.elements(position)?.filter(|_| tensor.rank() == 0);
        elements = elements.zip(one).map(|(mut all, one): (Vec<Element>, _)| {
            all.extend_from_slice(one);
            all
        });
        // A scalar of whole numbers that nothing is known of may still be one of several sizes.
        if elements.is_none() && tensor.rank() == 0 && tensor.dtype().is_integer() {
            return packed_sizes(c, &tensors);
        }
    }
    c.followed(ops::stack(&tensors, c.int("axis", 0))?, elements)
}

fn packed_sizes(c: &Call<'_>, tensors: &[Tensor]) -> Outputs {
    let element = |position: usize| match c.elements(position) {
        Ok(Some([element])) => element.clone(),
        _ => Element::Unknown,
    };
    let elements = (0..tensors.len()).map(element).collect();
    c.followed(ops::stack(tensors, 0)?, Some(elements))
}

fn concat(c: &Call<'_>, axis_at: usize, first: usize) -> Outputs {
    let axis = c.number(axis_at)?;
    let count = c.inputs.len().saturating_sub(1);
    let tensors = c.tensors(first..first + count)?;
    let mut elements = Some(Vec::new());
    for position in first..first + count {
        let part = c.elements(position)?;
        elements = elements.zip(part).map(|(mut all, part): (Vec<Element>, _)| {
            all.extend_from_slice(part);
            all
        });
    }
    c.followed(ops::concatenate(&tensors, axis)?, elements)
}

fn unpack(c: &Call<'_>) -> Outputs {
    let x = c.tensor(0)?;
    let parts = ops::unstack(x, c.int("axis", 0))?;
    let elements = c.elements(0)?;
    let value = |(position, part): (usize, Tensor)| match elements.and_then(|elements| elements.get(position))
    {
        Some(element) if x.rank() == 1 => Value::with_elements(part, vec![element.clone()]),
        _ => Value::of(part),
    };
    Ok(parts.into_iter().enumerate().map(value).collect())
}

fn fill(c: &Call<'_>) -> Outputs {
    let value = c.tensor(1)?;
    match c.full_sizes(0) {
        Ok(sizes) if sizes.is_empty() => Ok(vec![c.input(1)?.clone()]),
        Ok(sizes) => c.one(ops::broadcast_to(value, sizes)?),
        Err(_) => c.one(ops::broadcast_shape(value, c.tensor(0)?)?),
    }
}

fn broadcast_args(c: &Call<'_>) -> Outputs {
    let unknown = || Error::unsupported("shapes of unknown length");
    let (a, b) = (c.elements(0)?.ok_or_else(unknown)?, c.elements(1)?.ok_or_else(unknown)?);
    let rank = a.len().max(b.len());
    let at = |list: &[Element], axis: usize| {
        let missing = rank - list.len();
        axis.checked_sub(missing).and_then(|axis| list.get(axis)).cloned().unwrap_or(Element::Known(1))
    };
    let meet = |axis| match (at(a, axis), at(b, axis)) {
        (Element::Known(1), other) => other,
        (this, _) => this,
    };
    let elements: Vec<Element> = (0..rank).map(meet).collect();
    let ones =
        |tensor: &Tensor, missing: usize| ops::pad(tensor, &[(missing, 0)], ops::PadMode::Constant, 1.0);
    let first = ones(c.tensor(0)?, rank - a.len())?;
    let second = ones(c.tensor(1)?, rank - b.len())?;
    let is_one = ops::equal(&first, &ops::scalar(&first, 1)?)?;
    c.followed(ops::select(&is_one, &second, &first)?, Some(elements))
}

fn range(c: &Call<'_>) -> Outputs {
    let dtype = c.tensor(0)?.dtype();
    let constant = |position: usize| c.tensor(position).ok().and_then(Tensor::constant);
    if let (Some(start), Some(limit), Some(step)) = (constant(0), constant(1), constant(2)) {
        let (start, limit, step) = (start.to_f64()?, limit.to_f64()?, step.to_f64()?);
        let count = ((limit - start) / step).ceil().max(0.0);
        if count > c.reader.limits.max_dimension as f64 || count.is_nan() {
            return Err(Error::limit("a range that is too long"));
        }
        let numbers: Vec<f64> = (0..count as usize).map(|i| start + step * i as f64).collect();
        return c.one(c.builder.constant(Array::vector(numbers).cast(dtype)?));
    }
    // From 0 in steps of one to the size of an axis.
    if let (Some([Element::Known(0)]), Some([Element::Of(tensor, axis)]), Ok([1])) =
        (c.elements(0)?, c.elements(1)?, c.numbers(2).as_deref())
    {
        return c.one(ops::iota(&c.builder, tensor.size(*axis), dtype)?);
    }
    c.one(ops::range(c.tensor(0)?, c.tensor(1)?, c.tensor(2)?)?)
}
