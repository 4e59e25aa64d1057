//! Running a graph plainly: node after node through [`Op::evaluate`](crate::ops::Op::evaluate).

use super::{Graph, NodeKind, ValueId};
use crate::array::Array;
use crate::{Error, Result, ResultExt};

impl Graph {
    /// Runs the graph; gives the outputs and the new values of updated variables.
    pub fn evaluate(
        &self,
        inputs: &[Array],
        variables: &dyn Fn(&str) -> Result<Array>,
    ) -> Result<(Vec<Array>, Vec<Array>)> {
        self.check_inputs(inputs)?;
        let mut uses = self.use_counts();
        let mut values: Vec<Vec<Option<Array>>> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let made = match &node.kind {
                NodeKind::Input { name } => {
                    let position = self.inputs.iter().position(|input| input.node == index);
                    let input = position.and_then(|position| inputs.get(position));
                    vec![input.cloned().ok_or_else(|| Error::internal(format!("unlisted input `{name}`")))?]
                }
                NodeKind::Variable { path, .. } => vec![variables(path)?],
                NodeKind::Constant(array) => vec![array.clone()],
                NodeKind::Op(op) => {
                    let arrays = node
                        .inputs
                        .iter()
                        .map(|&id| take(&mut values, &mut uses, id))
                        .collect::<Result<Vec<_>>>()?;
                    op.evaluate(&arrays).at(|| format!("op `{}`", op.name())).at(|| node.name.as_str())?
                }
            };
            // What nothing uses is dropped at once.
            values.push(
                made.into_iter()
                    .zip(&uses[index])
                    .map(|(value, &uses)| (uses > 0).then_some(value))
                    .collect(),
            );
        }
        let mut result = |id: ValueId| take(&mut values, &mut uses, id);
        let outputs = self.outputs.iter().map(|(_, id)| result(*id)).collect::<Result<_>>()?;
        let updates = self.updates.iter().map(|(_, id)| result(*id)).collect::<Result<_>>()?;
        Ok((outputs, updates))
    }

    /// Fails unless arrays fit the inputs in number, dtype and sizes.
    pub fn check_inputs(&self, inputs: &[Array]) -> Result<()> {
        if inputs.len() != self.inputs.len() {
            return Err(Error::mismatch(format!(
                "expected {} inputs, found {}",
                self.inputs.len(),
                inputs.len()
            )));
        }
        for ((&id, array), name) in self.inputs.iter().zip(inputs).zip(self.input_names()) {
            let spec = self.spec(id)?;
            let fits = spec.dtype == array.dtype()
                && spec.rank() == array.rank()
                && (0..array.rank())
                    .all(|axis| spec.size(axis).is_none_or(|size| size == array.shape()[axis]));
            if !fits {
                return Err(Error::mismatch(format!("expected {spec}, found {}", array.spec()))
                    .at(format!("input `{name}`")));
            }
        }
        Ok(())
    }

    /// How often each value is used, by nodes and as a result.
    pub fn use_counts(&self) -> Vec<Vec<usize>> {
        let mut counts: Vec<Vec<usize>> = self.nodes.iter().map(|node| vec![0; node.outputs.len()]).collect();
        let used = self.nodes.iter().flat_map(|node| node.inputs.iter().copied()).chain(self.results());
        for id in used {
            if let Some(count) = counts.get_mut(id.node).and_then(|outputs| outputs.get_mut(id.output)) {
                *count += 1;
            }
        }
        counts
    }
}

/// A value for one of its uses; the last one takes it, so that its memory is freed in time.
fn take(values: &mut [Vec<Option<Array>>], uses: &mut [Vec<usize>], id: ValueId) -> Result<Array> {
    let missing = || Error::internal(format!("value {}.{} is not there", id.node, id.output));
    let slot = values.get_mut(id.node).and_then(|outputs| outputs.get_mut(id.output)).ok_or_else(missing)?;
    let left = uses.get_mut(id.node).and_then(|outputs| outputs.get_mut(id.output)).ok_or_else(missing)?;
    *left = left.saturating_sub(1);
    if *left == 0 { slot.take() } else { slot.clone() }.ok_or_else(missing)
}
