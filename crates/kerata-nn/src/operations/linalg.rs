//! Linear algebra.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[("Norm", |call| one(norm(call)))];

/// A norm of vectors (one axis, or all) or matrices (two axes).
fn norm(call: &Call<'_>) -> Result<Tensor> {
    let x = ops::to_float(&call.first()?)?;
    let keepdims = call.keepdims()?;
    let order: Tree = call.or("ord", Tree::Null)?;
    let axes = match call.axes()? {
        axes if axes.is_empty() => (0..x.rank() as i64).collect(),
        axes => axes,
    };
    let is_euclidean =
        order.is_null() || order.as_str() == Some("fro") || (axes.len() == 1 && order.as_f64() == Some(2.0));
    if is_euclidean {
        return ops::sqrt(&ops::sum(&ops::square(&x)?, &axes, keepdims)?);
    }
    let Some(order) = order.as_f64() else {
        return Err(Error::unsupported(format!("norm {}", order.to_json())));
    };
    match axes[..] {
        [axis] => vector_norm(&x, order, axis, keepdims),
        [rows, columns] => {
            // The norm of vectors, then of these: sums along one axis, the extreme along the other.
            let (inner, outer) = if order.abs() == 1.0 { (rows, columns) } else { (columns, rows) };
            if order.abs() != 1.0 && !order.is_infinite() {
                return Err(Error::unsupported(format!("matrix norm {order}")));
            }
            let sums = ops::sum(&ops::absolute(&x)?, &[inner], true)?;
            let extreme =
                if order > 0.0 { ops::max(&sums, &[outer], true)? } else { ops::min(&sums, &[outer], true)? };
            if keepdims { Ok(extreme) } else { ops::squeeze(&extreme, &[inner, outer]) }
        }
        _ => Err(Error::unsupported("a norm over more than two axes")),
    }
}

/// The norm of an order of the vectors along an axis.
pub(super) fn vector_norm(x: &Tensor, order: f64, axis: i64, keepdims: bool) -> Result<Tensor> {
    let size = ops::absolute(x)?;
    if order == f64::INFINITY {
        return ops::max(&size, &[axis], keepdims);
    }
    if order == f64::NEG_INFINITY {
        return ops::min(&size, &[axis], keepdims);
    }
    if order == 0.0 {
        let is_other = ops::not_equal(x, &ops::zeros_like(x)?)?;
        return ops::cast(&ops::sum(&ops::cast(&is_other, DType::Int32)?, &[axis], keepdims)?, x.dtype());
    }
    let sum = ops::sum(&ops::power(&size, &ops::scalar(x, order)?)?, &[axis], keepdims)?;
    ops::power(&sum, &ops::scalar(&sum, 1.0 / order)?)
}
