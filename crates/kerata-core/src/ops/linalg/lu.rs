//! Solving by Gaussian elimination with the largest element of the column as pivot.

use super::matrices::Matrix;

/// The determinant, and the solution of `a x = b`; `None` when the matrix is singular.
pub fn eliminate(mut a: Matrix, mut b: Matrix) -> (f64, Option<Matrix>) {
    let size = a.rows;
    let mut determinant = 1.0;
    for column in 0..size {
        let pivot = (column..size).fold(column, |best, row| {
            if a.at(row, column).abs() > a.at(best, column).abs() { row } else { best }
        });
        if a.at(pivot, column) == 0.0 {
            return (0.0, None);
        }
        if pivot != column {
            determinant = -determinant;
            swap_rows(&mut a, pivot, column);
            swap_rows(&mut b, pivot, column);
        }
        determinant *= a.at(column, column);
        for row in column + 1..size {
            let factor = a.at(row, column) / a.at(column, column);
            subtract_row(&mut a, row, column, factor);
            subtract_row(&mut b, row, column, factor);
        }
    }
    (determinant, Some(substitute(&a, b, false)))
}

/// The solution of `a x = b` where `a` is a triangle: the lower one, or the upper one.
pub fn substitute(a: &Matrix, mut b: Matrix, is_lower: bool) -> Matrix {
    let size = a.rows;
    for step in 0..size {
        let row = if is_lower { step } else { size - 1 - step };
        let solved = if is_lower { 0..row } else { row + 1..size };
        for column in 0..b.columns {
            let known: f64 = solved.clone().map(|at| a.at(row, at) * b.at(at, column)).sum();
            *b.at_mut(row, column) = (b.at(row, column) - known) / a.at(row, row);
        }
    }
    b
}

fn swap_rows(matrix: &mut Matrix, a: usize, b: usize) {
    for column in 0..matrix.columns {
        matrix.elements.swap(a * matrix.columns + column, b * matrix.columns + column);
    }
}

fn subtract_row(matrix: &mut Matrix, row: usize, from: usize, factor: f64) {
    for column in 0..matrix.columns {
        *matrix.at_mut(row, column) -= factor * matrix.at(from, column);
    }
}
