//! Matrices and complex numbers.

use kerata_core::ops::{Fft, TriangularSolve};
use kerata_core::{DType, Error, Result};

use super::attributes::{Attribute, dtype};
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("cholesky", |f, w| same(f, w, "Cholesky", vec![])),
    ("complex", |f, w| {
        let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("Tout", dtype(w.output()?.dtype)?)];
        Ok(vec![f.node("Complex", &[w.name(0)?, w.name(1)?], attributes)])
    }),
    ("det", |f, w| same(f, w, "MatrixDeterminant", vec![])),
    ("eigh", |f, w| {
        let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("compute_v", Value::B(true))];
        let node = f.add("SelfAdjointEigV2", &[w.name(0)?], attributes);
        Ok(vec![format!("{node}:e:0"), format!("{node}:v:0")])
    }),
    ("fft", |f, w| {
        let name = if w.op::<Fft>()?.inverse { "IFFT" } else { "FFT" };
        Ok(vec![f.node(name, &[w.name(0)?], vec![("Tcomplex", dtype(w.output()?.dtype)?)])])
    }),
    ("imag", |f, w| part(f, w, "Imag")),
    ("qr", |f, w| {
        let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("full_matrices", Value::B(false))];
        let node = f.add("Qr", &[w.name(0)?], attributes);
        Ok(vec![format!("{node}:q:0"), format!("{node}:r:0")])
    }),
    ("real", |f, w| part(f, w, "Real")),
    ("solve", |f, w| same(f, w, "MatrixSolve", vec![("adjoint", Value::B(false))])),
    ("svd", svd),
    ("triangular_solve", |f, w| {
        let lower = Value::B(w.op::<TriangularSolve>()?.lower);
        same(f, w, "MatrixTriangularSolve", vec![("adjoint", Value::B(false)), ("lower", lower)])
    }),
];

/// An op with the same inputs and one output.
fn same(
    f: &mut FunctionWriter<'_>,
    w: &Write<'_>,
    name: &str,
    mut attributes: Vec<Attribute>,
) -> Result<Vec<String>> {
    let inputs: Vec<String> = w.inputs.iter().map(|input| input.name.clone()).collect();
    attributes.push(("T", dtype(w.output()?.dtype)?));
    Ok(vec![f.node(name, &inputs, attributes)])
}

fn part(f: &mut FunctionWriter<'_>, w: &Write<'_>, name: &str) -> Result<Vec<String>> {
    let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("Tout", dtype(w.output()?.dtype)?)];
    Ok(vec![f.node(name, &[w.name(0)?], attributes)])
}

/// TensorFlow gives `s`, `u` and the transpose of `v`.
fn svd(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let spec = &w.input(0)?.spec;
    let attributes =
        vec![("T", dtype(spec.dtype)?), ("compute_uv", Value::B(true)), ("full_matrices", Value::B(false))];
    let node = f.add("Svd", &[w.name(0)?], attributes);
    let rank = spec.rank();
    if rank < 2 || spec.dtype == DType::String {
        return Err(Error::mismatch("a matrix"));
    }
    let mut order: Vec<i64> = (0..rank as i64).collect();
    order.swap(rank - 1, rank - 2);
    let order = f.vector(&order)?;
    let attributes = vec![("T", dtype(spec.dtype)?), ("Tperm", dtype(DType::Int32)?)];
    let v = f.node("Transpose", &[format!("{node}:v:0"), order], attributes);
    Ok(vec![format!("{node}:u:0"), format!("{node}:s:0"), v])
}
