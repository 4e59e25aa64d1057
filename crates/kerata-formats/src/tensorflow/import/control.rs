//! Calls, branches and loops.

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::ops::{self, Size, scalar};
use kerata_core::{DType, Error, Result};

use super::call::{Call, Outputs};
use super::loops::while_loop;
use super::table::Lowering;
use super::value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("Case", case),
    ("If", branch),
    ("PartitionedCall", call),
    ("StatefulPartitionedCall", call),
    ("StatelessCase", case),
    ("StatelessIf", branch),
    ("StatelessWhile", while_loop),
    ("While", while_loop),
];

fn call(c: &Call<'_>) -> Outputs {
    c.reader.call(c.function("f")?, c.inputs.clone(), &c.builder, c.depth + 1)
}

/// A branch's outputs as tensors.
fn inner(c: &Call<'_>, function: &str, arguments: &[Value], child: &GraphBuilder) -> Result<Vec<Tensor>> {
    let outputs = c.reader.call(function, arguments.to_vec(), child, c.depth + 1)?;
    outputs.iter().map(|output| child.local(output.tensor()?)).collect()
}

fn branch(c: &Call<'_>) -> Outputs {
    let arguments = c.inputs.get(1..).unwrap_or_default();
    let (on_true, on_false) = (c.function("then_branch")?, c.function("else_branch")?);
    let predicate = truth(c.tensor(0)?)?;
    if let Some(constant) = predicate.constant() {
        let chosen = if constant.to_f64()? != 0.0 { on_true } else { on_false };
        return c.reader.call(chosen, arguments.to_vec(), &c.builder, c.depth + 1);
    }
    let outputs = ops::cond(
        &predicate,
        |child| inner(c, on_true, arguments, child),
        |child| inner(c, on_false, arguments, child),
    )?;
    Ok(outputs.into_iter().map(Value::of).collect())
}

/// A scalar that is a bool: numbers are true unless they are zero.
pub fn truth(x: &Tensor) -> Result<Tensor> {
    let x = if x.rank() == 0 { x.clone() } else { ops::reshape(x, Vec::<Size>::new())? };
    match x.dtype() {
        DType::Bool => Ok(x),
        DType::String => Err(Error::unsupported("text as a condition")),
        _ => ops::not_equal(&x, &scalar(&x, 0)?),
    }
}

/// One of several branches by number; a number outside means the last.
fn case(c: &Call<'_>) -> Outputs {
    let arguments = c.inputs.get(1..).unwrap_or_default();
    let branches: Vec<&str> = c
        .list("branches")
        .map(|list| list.func.iter().map(|f| f.name.as_str()).collect())
        .unwrap_or_default();
    let outputs = choose(c, c.tensor(0)?, &branches, 0, arguments, &c.builder)?;
    Ok(outputs.into_iter().map(Value::of).collect())
}

fn choose(
    c: &Call<'_>,
    number: &Tensor,
    branches: &[&str],
    first: i64,
    arguments: &[Value],
    builder: &GraphBuilder,
) -> Result<Vec<Tensor>> {
    let [branch, rest @ ..] = branches else {
        return Err(Error::corrupt("a choice between no branches"));
    };
    if rest.is_empty() {
        return inner(c, branch, arguments, builder);
    }
    if branches.len() > c.reader.limits.max_depth {
        return Err(Error::limit(format!("a choice between {} branches", branches.len())));
    }
    let number = builder.local(number)?;
    ops::cond(
        &ops::equal(&number, &scalar(&number, first)?)?,
        |child| inner(c, branch, arguments, child),
        |child| choose(c, &number, rest, first + 1, arguments, child),
    )
}
