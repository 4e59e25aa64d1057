//! Matrices and complex numbers.

use kerata_core::graph::Tensor;
use kerata_core::{Error, Result, ops};

use super::call::Call;
use super::table::Lowering;
use super::value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("Cholesky", |c| c.unary(ops::cholesky)),
    ("Complex", |c| c.binary(ops::complex)),
    ("ComplexAbs", |c| {
        c.unary(|x| {
            let squares = ops::add(&ops::square(&ops::real(x)?)?, &ops::square(&ops::imag(x)?)?)?;
            ops::sqrt(&squares)
        })
    }),
    ("Conj", |c| c.unary(ops::conj)),
    ("FFT", |c| c.unary(ops::fft)),
    ("IFFT", |c| c.unary(ops::ifft)),
    ("IRFFT", |c| {
        let length = length(c.number(1)?)?;
        c.one(ops::irfft(c.tensor(0)?, Some(length))?)
    }),
    ("Imag", |c| c.unary(ops::imag)),
    ("MatrixDeterminant", |c| c.unary(ops::det)),
    ("MatrixInverse", |c| {
        refuse_adjoint(c)?;
        c.unary(ops::inv)
    }),
    ("MatrixSolve", |c| {
        refuse_adjoint(c)?;
        c.binary(ops::solve)
    }),
    ("MatrixTriangularSolve", |c| {
        refuse_adjoint(c)?;
        c.binary(|a, b| ops::solve_triangular(a, b, c.flag("lower", true)))
    }),
    ("Qr", |c| {
        if c.flag("full_matrices", false) {
            return Err(Error::unsupported("QR factors of full size"));
        }
        let (q, r) = ops::qr(c.tensor(0)?)?;
        Ok(vec![Value::of(q), Value::of(r)])
    }),
    ("RFFT", |c| {
        let x = c.tensor(0)?;
        let length = length(c.number(1)?)?;
        c.one(ops::rfft(x, Some(length))?)
    }),
    ("Real", |c| c.unary(ops::real)),
    ("SelfAdjointEigV2", |c| {
        let (values, vectors) = ops::eigh(c.tensor(0)?)?;
        Ok(vec![Value::of(values), Value::of(vectors)])
    }),
    ("Svd", |c| {
        if c.flag("full_matrices", false) {
            return Err(Error::unsupported("singular vectors of full size"));
        }
        let (u, s, v) = ops::svd(c.tensor(0)?)?;
        Ok(vec![Value::of(s), Value::of(u), Value::of(transposed(&v)?)])
    }),
];

fn refuse_adjoint(c: &Call<'_>) -> Result<()> {
    match c.flag("adjoint", false) {
        true => Err(Error::unsupported("the adjoint of a matrix")),
        false => Ok(()),
    }
}

fn length(length: i64) -> Result<usize> {
    usize::try_from(length).map_err(|_| Error::corrupt("a transform of negative length"))
}

fn transposed(x: &Tensor) -> Result<Tensor> {
    ops::swapaxes(x, -1, -2)
}
