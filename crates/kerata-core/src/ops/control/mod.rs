//! Loops and branches. What their bodies use of the graph around them is captured.

use crate::array::Array;
use crate::graph::{Graph, NodeKind, TensorSpec};
use crate::ops::room;
use crate::{Error, Result, Shape};

room! {
    cond => Cond { cond };
    scan => Scan { scan };
    while_loop => While { while_loop };
}

pub use scan::ScanOptions;

/// Fails unless values of these specs can be handed to a body, which reads no variables and updates none.
fn check_body(body: &Graph, arguments: &[TensorSpec]) -> Result<()> {
    let own = body.input_specs()?;
    if own.len() != arguments.len() {
        return Err(Error::mismatch(format!(
            "the body takes {} values, found {}",
            own.len(),
            arguments.len()
        )));
    }
    if let Some((own, argument)) =
        own.iter().zip(arguments).find(|(own, argument)| meet(own, argument).is_none())
    {
        return Err(Error::mismatch(format!("the body takes {own}, found {argument}")));
    }
    let reads = body.nodes.iter().any(|node| matches!(node.kind, NodeKind::Variable { .. }));
    if reads || !body.updates.is_empty() {
        return Err(Error::mismatch("a body reads variables as captures and updates none"));
    }
    Ok(())
}

/// What two specs agree on; `None` when they contradict each other. Sizes that only one of them knows are not known.
fn meet(a: &TensorSpec, b: &TensorSpec) -> Option<TensorSpec> {
    if a.dtype != b.dtype || a.rank() != b.rank() {
        return None;
    }
    let axes = a.shape.axes().iter().zip(b.shape.axes()).map(|(&a, &b)| match (a, b) {
        (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        _ => Some(None),
    });
    Some(TensorSpec::new(a.dtype, axes.collect::<Option<Vec<_>>>().map(Shape::new)?))
}

/// Bodies read variables as captures only.
fn no_variables(path: &str) -> Result<Array> {
    Err(Error::internal(format!("variable `{path}` is read in a body")))
}
