//! Values written over others: an output of a step takes the place of an input that nothing reads afterwards.

use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::ops::Reshape;
use kerata_core::{Array, DType};

use super::{Plan, Source, Step};
use crate::cpu::context::buffer;
use crate::cpu::steps::Over;

impl Plan {
    /// Fills in which outputs of each step may take the place of which inputs; `values` are those of the slots. The first
    /// `given` inputs of the plan belong to the caller.
    pub(super) fn find_overs(&mut self, graph: &Graph, values: &[ValueId], given: usize) {
        let updates: Vec<(&str, ValueId)> =
            graph.updates.iter().map(|(path, value)| (path.as_str(), *value)).collect();
        let mut is_lent = vec![false; self.slots];
        self.inputs.iter().take(given).for_each(|&slot| is_lent[slot] = true);
        // A reshaped value shares the memory of the one before it, which must be read no more either.
        let mut root: Vec<usize> = (0..self.slots).collect();
        let mut is_dead = vec![false; self.slots];
        let mut names: Vec<Vec<usize>> = (0..self.slots).map(|slot| vec![slot]).collect();
        for step in &mut self.steps {
            if let (Reshape::NAME, &[output], Some(&Source::Slot(input))) =
                (step.kernel.name(), &step.outputs[..], step.inputs.first())
            {
                root[output] = root[input];
                names[root[input]].push(output);
            }
            step.dead.iter().for_each(|&slot| is_dead[slot] = true);
            if !step.kernel.writes_over() {
                continue;
            }
            let spec = |slot: usize| graph.spec(values[slot]).ok();
            let is_update = |slot: usize, output: usize| match &graph.nodes[values[slot].node].kind {
                NodeKind::Variable { path, .. } => updates.contains(&(path, values[output])),
                _ => false,
            };
            let mut free: Vec<(usize, usize)> = Vec::new();
            for (place, source) in step.inputs.iter().enumerate() {
                if let Source::Slot(slot) = *source
                    && step.dead.contains(&slot)
                    && !is_lent[root[slot]]
                    && names[root[slot]].iter().all(|&name| is_dead[name])
                    && step.inputs.iter().filter(|other| *other == source).count() == 1
                {
                    free.push((place, slot));
                }
            }
            let mut over = Vec::new();
            for is_first in [true, false] {
                for (output, &made) in step.outputs.iter().enumerate() {
                    let fits = |&(_, slot): &(usize, usize)| {
                        spec(slot).is_some_and(|from| {
                            from.dtype == DType::Float32
                                && spec(made).is_some_and(|to| to.shape == from.shape)
                        }) && (!is_first || is_update(slot, made))
                    };
                    if over.iter().all(|&(_, known)| known != output)
                        && let Some(at) = free.iter().position(fits)
                    {
                        over.push((free.swap_remove(at).0, output));
                    }
                }
            }
            step.over = over;
        }
    }
}

impl Step {
    /// Takes from the slots the inputs that outputs are to take the place of, unless something else holds them.
    pub(super) fn take_overs(&self, slots: &mut [Option<Array>]) -> Vec<Over> {
        let taken = self.over.iter().filter_map(|&(input, output)| {
            let Source::Slot(slot) = self.inputs[input] else { return None };
            let array = slots[slot].take_if(|array| array.is_alone() && array.dtype() == DType::Float32)?;
            let shape = array.shape().to_vec();
            Some(Over { input, output, shape, elements: buffer(array)? })
        });
        taken.collect()
    }
}
