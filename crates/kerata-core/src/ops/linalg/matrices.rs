//! Matrices of a batch, one after the other, in float64.

use crate::array::Array;
use crate::graph::TensorSpec;
use crate::{Error, Result, Shape};

/// A matrix in C order.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
    /// The elements, row after row.
    pub elements: Vec<f64>,
}

impl Matrix {
    /// Zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, elements: vec![0.0; rows * columns] }
    }

    /// Ones on the diagonal.
    pub fn identity(size: usize) -> Self {
        let mut matrix = Self::zeros(size, size);
        (0..size).for_each(|at| *matrix.at_mut(at, at) = 1.0);
        matrix
    }

    /// An element.
    pub fn at(&self, row: usize, column: usize) -> f64 {
        self.elements[row * self.columns + column]
    }

    /// An element, to change it.
    pub fn at_mut(&mut self, row: usize, column: usize) -> &mut f64 {
        &mut self.elements[row * self.columns + column]
    }

    /// Rows and columns exchanged.
    pub fn transposed(&self) -> Self {
        let mut out = Self::zeros(self.columns, self.rows);
        for row in 0..self.rows {
            for column in 0..self.columns {
                *out.at_mut(column, row) = self.at(row, column);
            }
        }
        out
    }

    /// The sum of products of two columns.
    pub fn columns_product(&self, a: usize, b: usize) -> f64 {
        (0..self.rows).map(|row| self.at(row, a) * self.at(row, b)).sum()
    }

    /// Two columns turned by an angle given by its cosine and sine.
    pub fn turn_columns(&mut self, a: usize, b: usize, cos: f64, sin: f64) {
        for row in 0..self.rows {
            let (x, y) = (self.at(row, a), self.at(row, b));
            *self.at_mut(row, a) = cos * x - sin * y;
            *self.at_mut(row, b) = sin * x + cos * y;
        }
    }
}

/// Size of an axis, as far as known.
type Size = Option<u64>;

/// Fails unless the last two axes are matrices of floats; gives the leading axes, rows and columns.
pub fn check(x: &TensorSpec) -> Result<(&[Size], Size, Size)> {
    crate::ops::linear::floats::check_float(x.dtype)?;
    match x.shape.axes() {
        [batch @ .., rows, columns] => Ok((batch, *rows, *columns)),
        _ => Err(Error::mismatch(format!("{x} holds no matrices"))),
    }
}

/// Fails unless the last two axes are square matrices of floats.
pub fn check_square(x: &TensorSpec) -> Result<()> {
    let (_, rows, columns) = check(x)?;
    if rows.is_some() && columns.is_some() && rows != columns {
        return Err(Error::mismatch(format!("{x} holds no square matrices")));
    }
    Ok(())
}

/// A spec with other last axes.
pub fn with_matrix(x: &TensorSpec, last: &[Option<u64>]) -> TensorSpec {
    let batch = &x.shape.axes()[..x.rank() - 2];
    TensorSpec::new(x.dtype, Shape::new(batch.iter().chain(last).copied()))
}

/// The matrices of an array.
pub fn split(x: &Array) -> Result<Vec<Matrix>> {
    let (rows, columns) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    let values = x.to_f64s()?;
    let count: usize = x.shape()[..x.rank() - 2].iter().product();
    let size = rows * columns;
    let one = |at: usize| Matrix { rows, columns, elements: values[at * size..(at + 1) * size].to_vec() };
    Ok((0..count).map(one).collect())
}

/// An array of a spec from the elements of matrices put behind each other.
pub fn join(spec: &TensorSpec, parts: impl IntoIterator<Item = Vec<f64>>) -> Result<Array> {
    let values: Vec<f64> = parts.into_iter().flatten().collect();
    Array::from_vec(spec.sizes()?, values)?.cast(spec.dtype)
}
