//! Reductions, running sums, sorting.

use kerata_core::{DType, Result};

use super::attributes::dtype;
use super::elementwise::convert;
use super::table::{Lowering, Write};
use super::writer::FunctionWriter;
use crate::containers::proto::tensorflow::attr_value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("all", |f, w| reduce(f, w, "All")),
    ("any", |f, w| reduce(f, w, "Any")),
    ("argmax", |f, w| place(f, w, "ArgMax")),
    ("argmin", |f, w| place(f, w, "ArgMin")),
    ("argsort", argsort),
    ("cumprod", |f, w| running(f, w, "Cumprod")),
    ("cumsum", |f, w| running(f, w, "Cumsum")),
    ("max", |f, w| reduce(f, w, "Max")),
    ("mean", |f, w| reduce(f, w, "Mean")),
    ("min", |f, w| reduce(f, w, "Min")),
    ("prod", |f, w| reduce(f, w, "Prod")),
    ("sum", |f, w| reduce(f, w, "Sum")),
    ("top_k", top_k),
];

fn reduce(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str) -> Result<Vec<String>> {
    let axes = f.vector(&w.numbers("axes")?)?;
    let mut attributes = vec![("keep_dims", Value::B(w.flag("keepdims"))), ("Tidx", dtype(DType::Int32)?)];
    let to = w.output()?.dtype;
    let input = convert(f, w.name(0)?, w.input(0)?.spec.dtype, to)?;
    if !matches!(op, "All" | "Any") {
        attributes.push(("T", dtype(to)?));
    }
    Ok(vec![f.node(op, &[input, axes], attributes)])
}

fn place(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str) -> Result<Vec<String>> {
    let axis = f.scalar(w.number("axis")?)?;
    let to = w.output()?.dtype;
    let kind = if to == DType::Int64 { DType::Int64 } else { DType::Int32 };
    let mut input = w.name(0)?;
    let mut from = w.input(0)?.spec.dtype;
    if from == DType::Bool {
        input = convert(f, input, from, DType::Int32)?;
        from = DType::Int32;
    }
    let attributes = vec![("T", dtype(from)?), ("Tidx", dtype(DType::Int32)?), ("output_type", dtype(kind)?)];
    let made = f.node(op, &[input, axis], attributes);
    Ok(vec![convert(f, made, kind, to)?])
}

fn running(f: &mut FunctionWriter<'_>, w: &Write<'_>, op: &str) -> Result<Vec<String>> {
    let axis = f.scalar(w.number("axis")?)?;
    let to = w.output()?.dtype;
    let input = convert(f, w.name(0)?, w.input(0)?.spec.dtype, to)?;
    let attributes = vec![
        ("T", dtype(to)?),
        ("Tidx", dtype(DType::Int32)?),
        ("exclusive", Value::B(w.flag("exclusive"))),
        ("reverse", Value::B(w.flag("reverse"))),
    ];
    Ok(vec![f.node(op, &[input, axis], attributes)])
}

fn top_k(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let k = f.scalar(w.number("k")?)?;
    let attributes = vec![("T", dtype(w.input(0)?.spec.dtype)?), ("sorted", Value::B(true))];
    let node = f.add("TopKV2", &[w.name(0)?, k], attributes);
    let to = w.outputs.get(1).map_or(DType::Int32, |spec| spec.dtype);
    let indices = convert(f, format!("{node}:indices:0"), DType::Int32, to)?;
    Ok(vec![format!("{node}:values:0"), indices])
}

/// Ascending along the last axis: the order of the largest of the negated elements, which keeps equal ones in order.
fn argsort(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let x = w.input(0)?;
    let kind = x.spec.dtype;
    let last = x.spec.rank().saturating_sub(1);
    let count = f.size_of(x, last)?;
    let negated = f.node("Neg", &[w.name(0)?], vec![("T", dtype(kind)?)]);
    let node = f.add("TopKV2", &[negated, count], vec![("T", dtype(kind)?), ("sorted", Value::B(true))]);
    Ok(vec![convert(f, format!("{node}:indices:0"), DType::Int32, w.output()?.dtype)?])
}
