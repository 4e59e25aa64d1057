//! The order of steps: what frees as much memory as it takes is done as soon as it can be.
//!
//! A graph of training has all gradients first and then all updates. In that order every gradient is held until the end;
//! done at once, an update of a variable gives its gradient's memory back to the next one.

use super::{Plan, Source, Step};

/// Bytes that do not count.
const SMALL: u64 = 1 << 12;

impl Plan {
    /// Reorders the steps; `bytes` are those of each slot, where they are known. Values stay the same to the bit.
    pub(super) fn put_in_order(&mut self, bytes: &[Option<u64>]) {
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.slots];
        let mut maker: Vec<Option<usize>> = vec![None; self.slots];
        for (at, step) in self.steps.iter().enumerate() {
            step.outputs.iter().for_each(|&slot| maker[slot] = Some(at));
            for slot in slots_of(step) {
                readers[slot].push(at);
            }
        }
        let mut unread: Vec<usize> = readers.iter().map(Vec::len).collect();
        let mut is_result = vec![false; self.slots];
        for source in &self.results {
            if let Source::Slot(slot) = *source {
                // A result is never freed.
                unread[slot] += 1;
                is_result[slot] = true;
            }
        }
        // A new value is written over the variable's old one when all have read that.
        let waits = |step: &Step, unread: &[usize]| {
            let is_alike =
                |slot: usize| step.outputs.iter().any(|&to| is_result[to] && bytes[to] == bytes[slot]);
            slots_of(step).any(|slot| maker[slot].is_none() && unread[slot] > 1 && is_alike(slot))
        };
        let mut missing: Vec<usize> = self
            .steps
            .iter()
            .map(|step| slots_of(step).filter(|&slot| maker[slot].is_some()).count())
            .collect();
        let mut is_done = vec![false; self.steps.len()];
        let mut order = Vec::with_capacity(self.steps.len());
        // What is small and needs nothing is there before the first that waits for it.
        let is_small = |step: &Step| {
            step.outputs
                .iter()
                .map(|&slot| bytes[slot])
                .sum::<Option<u64>>()
                .is_some_and(|taken| taken <= SMALL)
        };
        let ready = |&at: &usize| missing[at] == 0 && is_small(&self.steps[at]);
        let mut early: Vec<usize> = (0..self.steps.len()).rev().filter(ready).collect();
        let is_due = |at: usize, unread: &[usize]| {
            frees(&self.steps[at], bytes, unread) && !waits(&self.steps[at], unread)
        };
        for next in std::iter::once(None).chain((0..self.steps.len()).map(Some)) {
            let mut take = next.filter(|&at| !is_done[at]);
            loop {
                while take.is_none()
                    && let Some(candidate) = early.pop()
                {
                    let can = !is_done[candidate] && missing[candidate] == 0 && is_due(candidate, &unread);
                    take = can.then_some(candidate);
                }
                let Some(at) = take.take() else { break };
                is_done[at] = true;
                order.push(at);
                slots_of(&self.steps[at]).for_each(|slot| unread[slot] -= 1);
                // Steps whose inputs are all there now, and those that may have become the last reader of one.
                for &slot in &self.steps[at].outputs {
                    for &reader in &readers[slot] {
                        missing[reader] -= 1;
                        early.push(reader);
                    }
                }
                for slot in slots_of(&self.steps[at]) {
                    if unread[slot] == 1 {
                        early.extend(readers[slot].iter().copied());
                    }
                }
            }
        }
        let mut steps: Vec<Option<Step>> = std::mem::take(&mut self.steps).into_iter().map(Some).collect();
        self.steps = order.into_iter().filter_map(|at| steps[at].take()).collect();
    }
}

/// The slots that a step reads, each once.
fn slots_of(step: &Step) -> impl Iterator<Item = usize> + '_ {
    let slot = |source: &Source| match *source {
        Source::Slot(slot) => Some(slot),
        Source::Constant(_) => None,
    };
    step.inputs.iter().enumerate().filter_map(move |(at, source)| {
        let found = slot(source)?;
        (!step.inputs[..at].contains(source)).then_some(found)
    })
}

/// Whether a step gives back at least what it takes.
fn frees(step: &Step, bytes: &[Option<u64>], unread: &[usize]) -> bool {
    let Some(taken) = step.outputs.iter().map(|&slot| bytes[slot]).sum::<Option<u64>>() else { return false };
    let freed: u64 = slots_of(step).filter(|&slot| unread[slot] == 1).filter_map(|slot| bytes[slot]).sum();
    taken <= freed + SMALL
}

#[cfg(test)]
mod tests {
    use kerata_core::graph::GraphBuilder;
    use kerata_core::{DType, Shape, TensorSpec, ops};

    use super::*;
    use crate::cpu::kernels::isa::Isa;

    #[test]
    fn updates_follow_their_gradients_at_once() {
        let builder = GraphBuilder::new("step");
        let spec = TensorSpec::new(DType::Float32, Shape::known([64, 64]));
        let x = builder.input("x", spec.clone());
        let weights = ["a", "b", "c"].map(|path| builder.variable(path, spec.clone(), true).unwrap());
        // All gradients first, as a tape writes them.
        let gradients = weights.clone().map(|weight| ops::matmul(&x, &weight).unwrap());
        for ((path, weight), gradient) in ["a", "b", "c"].iter().zip(&weights).zip(&gradients) {
            let new = ops::exp(&ops::subtract(weight, &ops::matmul(gradient, &x).unwrap()).unwrap()).unwrap();
            builder.update(path, &new).unwrap();
        }
        let loss = ops::sum(&x, &[], false).unwrap();
        let graph = builder.finish(&[("loss", &loss)]).unwrap();
        let plan = Plan::new(&graph, Isa::best(), None).unwrap();
        // Two products and the update that needs them, three times.
        let kernels = plan.kernels();
        let order: Vec<&str> =
            kernels.into_iter().filter(|name| ["matmul", "fused"].contains(name)).collect();
        assert_eq!(order, ["matmul", "matmul", "fused"].repeat(3));
    }
}
