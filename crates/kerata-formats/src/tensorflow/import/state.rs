//! Constants, variables, and ops that do nothing here.

use kerata_core::graph::Tensor;
use kerata_core::ops;
use kerata_core::{Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::tensors::array_of;
use super::value::Value;

pub const OPS: &[(&str, Lowering)] = &[
    ("Assert", |_| Ok(vec![Value::Nothing])),
    ("AssignAddVariableOp", |c| assign(c, ops::add)),
    ("AssignSubVariableOp", |c| assign(c, ops::subtract)),
    ("AssignVariableOp", |c| assign(c, |_, value| Ok(value.clone()))),
    ("Const", constant),
    ("DisableCopyOnRead", |_| Ok(vec![Value::Nothing])),
    ("NoOp", |_| Ok(vec![Value::Nothing])),
    ("Placeholder", |_| Err(Error::not_found("an input that is not among those of the signature"))),
    ("PlaceholderWithDefault", |c| Ok(vec![c.input(0)?.clone()])),
    ("ReadVariableOp", |c| Ok(vec![Value::of(read(c, 0)?)])),
    ("ResourceGather", |c| c.one(ops::take(&read(c, 0)?, c.tensor(1)?, Some(0))?)),
    ("ResourceGatherNd", |c| c.one(ops::gather_nd(&read(c, 0)?, c.tensor(1)?)?)),
    ("VarHandleOp", handle),
    ("VarIsInitializedOp", |c| {
        c.one(c.builder.constant(kerata_core::Array::from_bools(Vec::new(), vec![true])?))
    }),
    ("VariableShape", |c| c.one(ops::shape_of(&read(c, 0)?)?)),
    ("Variable", named),
    ("VariableV2", named),
];

fn constant(c: &Call<'_>) -> Outputs {
    let tensor = c.value("value").ok_or_else(|| Error::corrupt("a constant without a value"))?;
    c.one(c.builder.constant(array_of(tensor, c.reader.limits)?))
}

/// The handle of a variable of the main graph, known by its shared name.
fn handle(c: &Call<'_>) -> Outputs {
    let shared = c.text("shared_name", "");
    let name = if shared.is_empty() { c.node.name.as_str() } else { shared };
    Ok(vec![Value::Variable(name.to_owned())])
}

/// A variable of TensorFlow 1, which is its own value.
fn named(c: &Call<'_>) -> Outputs {
    let (spec, trainable) = (c.reader.variables)(&c.node.name)?;
    c.one(c.builder.variable(&c.node.name, spec, trainable)?)
}

fn path<'a>(c: &'a Call<'_>, position: usize) -> Result<&'a str> {
    match c.input(position)? {
        Value::Variable(path) => Ok(path),
        _ => Err(Error::unsupported("a resource that is no variable")),
    }
}

/// The present value of a variable.
fn read(c: &Call<'_>, position: usize) -> Result<Tensor> {
    let path = path(c, position)?;
    if let Some(updated) = c.builder.updated(path) {
        return c.builder.local(&updated);
    }
    let (spec, trainable) = (c.reader.variables)(path)?;
    c.builder.variable(path, spec, trainable)
}

fn assign(c: &Call<'_>, f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Outputs {
    let old = read(c, 0)?;
    let new = f(&old, c.tensor(1)?)?;
    c.builder.update(path(c, 0)?, &new)?;
    Ok(vec![Value::Nothing])
}
