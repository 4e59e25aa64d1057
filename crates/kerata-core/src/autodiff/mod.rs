//! `gradients`: writes the backward pass of a graph in the same ops.

use std::collections::{HashMap, HashSet};

use crate::graph::{GraphBuilder, NodeKind, Tensor, ValueId};
use crate::ops::{self, Gradient};
use crate::{Error, Result, ResultExt};

/// The gradients of a scalar loss with respect to tensors of the same graph; zeros where nothing flows.
pub fn gradients(builder: &GraphBuilder, loss: &Tensor, wrt: &[Tensor]) -> Result<Vec<Tensor>> {
    let grads = flows(builder, std::slice::from_ref(loss), &[Some(ops::ones_like(loss)?)], wrt)?;
    grads.into_iter().zip(wrt).map(|(grad, wrt)| grad.map_or_else(|| ops::zeros_like(wrt), Ok)).collect()
}

/// What gradients of several tensors mean for others; `None` where nothing flows.
pub fn flows(
    builder: &GraphBuilder,
    from: &[Tensor],
    grads: &[Option<Tensor>],
    wrt: &[Tensor],
) -> Result<Vec<Option<Tensor>>> {
    let wrt = wrt.iter().map(|tensor| builder.local(tensor)).collect::<Result<Vec<_>>>()?;
    let from = from.iter().map(|tensor| builder.local(tensor)).collect::<Result<Vec<_>>>()?;
    let end = from.iter().map(|tensor| tensor.id().node + 1).max().unwrap_or(0);
    let useful = depends_on(builder, end, &wrt.iter().map(Tensor::id).collect());
    let mut sums: HashMap<ValueId, Tensor> = HashMap::new();
    for (tensor, grad) in from.iter().zip(grads) {
        if let Some(grad) = grad {
            add_to(&mut sums, tensor.id(), grad)?;
        }
    }
    let targets: HashSet<ValueId> = wrt.iter().map(Tensor::id).collect();
    for index in (0..end).rev().filter(|&index| useful[index]) {
        let (node, outputs, inputs) = builder.node_tensors(index)?;
        let NodeKind::Op(op) = &node.kind else { continue };
        let grads: Vec<Option<Tensor>> = outputs
            .iter()
            .map(|output| match targets.contains(&output.id()) {
                true => sums.get(&output.id()).cloned(),
                false => sums.remove(&output.id()),
            })
            .collect();
        if grads.iter().all(Option::is_none) {
            continue;
        }
        let wanted: Vec<bool> = inputs.iter().map(|input| useful[input.id().node]).collect();
        let back = op
            .gradient(&Gradient { inputs: &inputs, outputs: &outputs, grads: &grads, wanted: &wanted })
            .at(|| format!("gradient of op `{}`", op.name()))
            .at(|| node.name.clone())?;
        if back.len() != inputs.len() {
            return Err(Error::internal(format!(
                "op `{}` has {} inputs, {} gradients",
                op.name(),
                inputs.len(),
                back.len()
            )));
        }
        for (input, grad) in inputs.iter().zip(back) {
            if let Some(grad) = grad.filter(|_| useful[input.id().node]) {
                add_to(&mut sums, input.id(), &grad)?;
            }
        }
    }
    Ok(wrt.iter().map(|tensor| sums.get(&tensor.id()).cloned()).collect())
}

fn add_to(sums: &mut HashMap<ValueId, Tensor>, id: ValueId, grad: &Tensor) -> Result<()> {
    let sum = match sums.get(&id) {
        Some(sum) => ops::add(sum, grad)?,
        None => grad.clone(),
    };
    sums.insert(id, sum);
    Ok(())
}

/// Which of the first nodes depend on some values.
fn depends_on(builder: &GraphBuilder, end: usize, values: &HashSet<ValueId>) -> Vec<bool> {
    let targets: HashSet<usize> = values.iter().map(|id| id.node).collect();
    builder.with_nodes(|nodes| {
        let mut depends = vec![false; nodes.len()];
        for (index, node) in nodes.iter().enumerate().take(end) {
            depends[index] = targets.contains(&index) || node.inputs.iter().any(|id| depends[id.node]);
        }
        depends
    })
}
