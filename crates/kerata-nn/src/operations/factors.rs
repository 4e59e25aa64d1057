//! Factors of matrices that Keras's `linalg` has beside those of one op.

use kerata_core::graph::Tensor;
use kerata_core::{DType, Error, Result, ops};

use super::Table;
use super::call::{Call, one};

/// Rows up to which matrices are factored step by step.
const MAX_ROWS: usize = 256;

pub(super) const TABLE: Table =
    &[("LuFactor", |call| lu_factor(&call.first()?)), ("MatrixRank", |call| one(rank(call)))];

/// The number of singular values above a tolerance.
fn rank(call: &Call<'_>) -> Result<Tensor> {
    let x = ops::to_float(&call.first()?)?;
    let (_, values, _) = ops::svd(&x)?;
    let least = match call.get::<f64>("tol")? {
        Some(tolerance) => ops::scalar(&values, tolerance)?,
        None => {
            let size = x.spec().known_axis(-1)?.max(x.spec().known_axis(-2)?);
            let epsilon = match x.dtype() {
                DType::Float64 => f64::EPSILON,
                _ => f64::from(f32::EPSILON),
            };
            ops::times(&ops::max(&values, &[-1], true)?, epsilon * size as f64)?
        }
    };
    ops::sum(&ops::cast(&ops::greater(&values, &least)?, DType::Int32)?, &[-1], false)
}

/// Both triangles of a matrix in one, and where each of its rows went: Gaussian elimination with the largest element of the
/// column as pivot.
fn lu_factor(x: &Tensor) -> Result<Vec<Tensor>> {
    let (rows, columns) = (x.spec().known_axis(-2)?, x.spec().known_axis(-1)?);
    if x.rank() != 2 || rows != columns {
        return Err(Error::unsupported(
            "`lu_factor` of anything but one square matrix: Keras on TensorFlow has none",
        ));
    }
    if rows > MAX_ROWS {
        return Err(Error::unsupported(format!("`lu_factor` of {rows} rows, more than {MAX_ROWS}")));
    }
    let places = ops::iota(x.builder(), rows, DType::Int32)?;
    let (mut matrix, mut order) = (x.clone(), places.clone());
    for step in 0..rows {
        let at = step as i64;
        let column = ops::slice_axis(&ops::absolute(&ops::index(&matrix, 1, at)?)?, 0, ops::Range::from(at))?;
        let pivot = ops::plus(&ops::cast(&ops::argmax(&column, Some(0), false)?, DType::Int32)?, at)?;
        let here = ops::scalar(&places, at)?;
        let swapped = ops::select(&ops::equal(&places, &pivot)?, &here, &places)?;
        let swapped = ops::select(&ops::equal(&places, &here)?, &pivot, &swapped)?;
        matrix = ops::take(&matrix, &swapped, Some(0))?;
        order = ops::take(&order, &swapped, Some(0))?;
        if step + 1 == rows {
            break;
        }
        let top = ops::slice_axis(&matrix, 0, ops::Range::to(at + 1))?;
        let below = ops::slice_axis(&matrix, 0, ops::Range::from(at + 1))?;
        let left = ops::slice_axis(&below, 1, ops::Range::to(at))?;
        let row = ops::slice_axis(&ops::index(&top, 0, at)?, 0, ops::Range::from(at))?;
        let factors = ops::divide(&ops::index(&below, 1, at)?, &ops::index(&row, 0, 0)?)?;
        let factors = ops::expand_dims(&factors, 1)?;
        let rest = ops::slice_axis(&below, 1, ops::Range::from(at + 1))?;
        let row = ops::slice_axis(&row, 0, ops::Range::from(1))?;
        let rest = ops::subtract(&rest, &ops::multiply(&factors, &row)?)?;
        let below = ops::concatenate(&[left, factors, rest], 1)?;
        matrix = ops::concatenate(&[top, below], 0)?;
    }
    // Keras gives for each row of the matrix the place it went to.
    Ok(vec![matrix, ops::cast(&ops::argsort(&order, 0)?, DType::Int32)?])
}
