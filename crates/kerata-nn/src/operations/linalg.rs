//! Linear algebra.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, Tree, ops};

use super::Table;
use super::call::{Call, one};

pub(super) const TABLE: Table = &[
    ("Cholesky", |call| {
        let lower = ops::cholesky(&ops::to_float(&call.first()?)?)?;
        if call.or("upper", false)? { one(ops::swap_last(&lower)) } else { Ok(vec![lower]) }
    }),
    ("CholeskyInverse", |call| {
        let factor = call.first()?;
        let factor = if call.or("upper", false)? { ops::swap_last(&factor)? } else { factor };
        one(ops::inv(&ops::matmul(&factor, &ops::swap_last(&factor)?)?))
    }),
    ("Det", |call| call.unary(ops::det)),
    ("Eigh", |call| {
        let (values, vectors) = ops::eigh(&call.first()?)?;
        Ok(vec![values, vectors])
    }),
    ("Inv", |call| call.unary(ops::inv)),
    ("Logdet", |call| call.unary(|x| Ok(ops::slogdet(x)?.1))),
    ("Lstsq", |call| call.binary(ops::lstsq)),
    ("Norm", |call| one(norm(call))),
    ("Pinv", |call| call.unary(ops::pinv)),
    ("Qr", |call| {
        if call.or("mode", "reduced".to_owned())? != "reduced" {
            return Err(Error::unsupported("complete factors of `qr`"));
        }
        let (q, r) = ops::qr(&call.first()?)?;
        Ok(vec![q, r])
    }),
    ("SVD", |call| {
        let x = call.first()?;
        let (u, values, v) = ops::svd(&x)?;
        if !call.or("compute_uv", true)? {
            return Ok(vec![values]);
        }
        if call.or("full_matrices", true)? && x.spec().known_axis(-1)? != x.spec().known_axis(-2)? {
            return Err(Error::unsupported("full matrices of `svd`").hint("use `full_matrices=False`"));
        }
        Ok(vec![u, values, v])
    }),
    ("Slogdet", |call| {
        let (sign, log) = ops::slogdet(&call.first()?)?;
        Ok(vec![sign, log])
    }),
    ("Solve", |call| call.binary(ops::solve)),
    ("SolveTriangular", |call| {
        let lower = call.or("lower", false)?;
        call.binary(|a, b| ops::solve_triangular(a, b, lower))
    }),
];

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
