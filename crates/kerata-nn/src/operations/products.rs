//! Products of matrices and vectors.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};
use crate::Registry;
use crate::config::{Axes, Value};

pub(super) const TABLE: Table = &[
    ("Cross", cross),
    ("Dot", |call| call.binary(dot)),
    ("Einsum", |call| {
        let tensors =
            call.arguments.iter().map(|argument| call.to_tensor(argument)).collect::<Result<Vec<_>>>()?;
        let equation: String = call.require("subscripts")?;
        one(ops::einsum(&equation, &tensors.iter().collect::<Vec<_>>()))
    }),
    ("Inner", |call| {
        call.binary(|a, b| {
            if a.rank() == 0 || b.rank() == 0 {
                return ops::multiply(a, b);
            }
            ops::tensordot(a, b, &[a.rank() as i64 - 1], &[b.rank() as i64 - 1])
        })
    }),
    ("Kron", |call| call.binary(kron)),
    ("Matmul", |call| call.binary(ops::matmul)),
    ("Outer", |call| {
        call.binary(|a, b| ops::multiply(&ops::expand_dims(&ops::ravel(a)?, 1)?, &ops::ravel(b)?))
    }),
    ("Tensordot", tensordot),
    ("Vdot", |call| {
        call.binary(|a, b| ops::sum(&ops::multiply(&ops::ravel(a)?, &ops::ravel(b)?)?, &[], false))
    }),
];

/// Sums over the last axis of the first and the last but one of the second tensor.
fn dot(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if a.rank() == 0 || b.rank() == 0 {
        return ops::multiply(a, b);
    }
    let axis = if b.rank() == 1 { 0 } else { b.rank() as i64 - 2 };
    ops::tensordot(a, b, &[a.rank() as i64 - 1], &[axis])
}

fn tensordot(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = call.pair()?;
    let axes: Tree = call.require("axes")?;
    if let Some(count) = axes.as_i64() {
        let rank = a.rank() as i64;
        let first: Vec<i64> = (rank - count..rank).collect();
        let second: Vec<i64> = (0..count).collect();
        return one(ops::tensordot(&a, &b, &first, &second));
    }
    let Some([first, second]) = axes.as_list() else {
        return Err(Error::corrupt("`axes` are a number or two lists"));
    };
    let read = |tree: &Tree, x: &Tensor| {
        let axes = Axes::read(tree, Registry::built_in())?;
        axes.list()
            .iter()
            .map(|&axis| x.spec().axis(axis).map(|axis| axis as i64))
            .collect::<Result<Vec<_>>>()
    };
    one(ops::tensordot(&a, &b, &read(first, &a)?, &read(second, &b)?))
}

/// Every element of the first tensor times the whole second one.
fn kron(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let rank = a.rank().max(b.rank());
    let raise = |x: &Tensor| (x.rank()..rank).try_fold(x.clone(), |x, _| ops::expand_dims(&x, 0));
    let (a, b) = (raise(a)?, raise(b)?);
    let mut sizes = (Vec::new(), Vec::new(), Vec::new());
    for axis in 0..rank {
        sizes.0.extend([a.size(axis), ops::Size::Known(1)]);
        sizes.1.extend([ops::Size::Known(1), b.size(axis)]);
        sizes.2.push(match (a.spec().size(axis), b.spec().size(axis)) {
            (Some(a), Some(b)) => ops::Size::from(a * b),
            (_, Some(1)) => a.size(axis),
            (Some(1), _) => b.size(axis),
            _ => ops::Size::Infer,
        });
    }
    let product = ops::multiply(&ops::reshape(&a, sizes.0)?, &ops::reshape(&b, sizes.1)?)?;
    ops::reshape(&product, sizes.2)
}

/// Products of vectors in space; in a plane, their third element.
fn cross(call: &Call<'_>) -> Result<Vec<Tensor>> {
    let (a, b) = call.pair()?;
    let axis: Option<i64> = call.get("axis")?;
    let axis_of = |key| Ok::<_, Error>(axis.unwrap_or(call.or(key, -1)?));
    let a = ops::moveaxis(&a, &[axis_of("axisa")?], &[-1])?;
    let b = ops::moveaxis(&b, &[axis_of("axisb")?], &[-1])?;
    let parts = |x: &Tensor| -> Result<Vec<Tensor>> {
        let mut parts = ops::unstack(x, -1)?;
        if let [first, _] = &parts[..] {
            parts.push(ops::zeros_like(first)?);
        }
        Ok(parts)
    };
    let in_plane = a.spec().known_axis(-1)? == 2 && b.spec().known_axis(-1)? == 2;
    let (a, b) = (parts(&a)?, parts(&b)?);
    let ([a0, a1, a2], [b0, b1, b2]) = (&a[..], &b[..]) else {
        return Err(Error::mismatch("a cross product is of vectors of two or three elements"));
    };
    let minor = |a: &Tensor, b: &Tensor, c: &Tensor, d: &Tensor| {
        ops::subtract(&ops::multiply(a, b)?, &ops::multiply(c, d)?)
    };
    let third = minor(a0, b1, a1, b0)?;
    if in_plane {
        return Ok(vec![third]);
    }
    let product = ops::stack(&[minor(a1, b2, a2, b1)?, minor(a2, b0, a0, b2)?, third], -1)?;
    one(ops::moveaxis(&product, &[-1], &[axis_of("axisc")?]))
}
