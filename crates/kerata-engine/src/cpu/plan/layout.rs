//! `Layout`: which values of a run share a buffer.
//!
//! Sizes are known with the shapes of the inputs, so a layout is made at the first run of these shapes and kept. Values are
//! given buffers from the largest on, each the smallest that no value alive at the same time has (greedy by size).

use std::sync::{Arc, Mutex};

use kerata_core::graph::{Graph, Known, NodeKind, ValueId, specs_for};
use kerata_core::ops::{Op, Reshape};
use kerata_core::{Array, DType, Shape, TensorSpec};

use super::{Plan, Source, Step};
use crate::cpu::context::{Planned, Pool, buffer};
use crate::cpu::kernels::memory::fresh;
use crate::cpu::steps::Memory;

/// Floats from which a value is given a place; smaller ones are taken from what is free.
const LEAST: usize = 1024;
/// Shapes of inputs whose layout is kept.
const KEPT: usize = 8;

/// The shapes of all inputs.
type Shapes = Vec<Vec<usize>>;

/// How the sizes of values follow from the shapes of inputs, and what was found so far.
pub(super) struct Layout {
    nodes: Vec<Sketch>,
    /// The nodes of the plan's inputs.
    inputs: Vec<usize>,
    /// The value of each slot.
    values: Vec<ValueId>,
    found: Mutex<Vec<(Shapes, Arc<Places>)>>,
}

/// A node without its constant.
struct Sketch {
    op: Option<Arc<dyn Op>>,
    inputs: Vec<ValueId>,
    outputs: Vec<TensorSpec>,
}

/// The buffers of a run.
pub(super) struct Places {
    /// Floats of each buffer, falling.
    pub sizes: Vec<usize>,
    /// The buffer that each slot's value is made in.
    pub made_in: Vec<Option<usize>>,
    /// The buffer that is free when a slot's value is: that of the value it is another name of.
    pub frees: Vec<Option<usize>>,
}

/// A value that needs memory of its own.
struct Need {
    slot: usize,
    floats: usize,
    from: usize,
    to: usize,
}

impl Layout {
    /// What is to be known of a graph; `slots` are its values that the plan holds, `inputs` those it is given.
    pub fn new(graph: &Graph, values: Vec<ValueId>, inputs: &[usize]) -> Layout {
        let nodes = graph.nodes.iter().map(|node| Sketch {
            op: match &node.kind {
                NodeKind::Op(op) => Some(op.clone()),
                _ => None,
            },
            inputs: node.inputs.clone(),
            outputs: node.outputs.clone(),
        });
        let nodes = nodes.collect();
        let inputs = inputs.iter().map(|&slot| values[slot].node).collect();
        Layout { nodes, inputs, values, found: Mutex::default() }
    }

    /// The buffers for these inputs; none when values are too small to care.
    pub fn places(&self, plan: &Plan, inputs: &[Array]) -> Option<Arc<Places>> {
        let mut found = self.found.lock().ok()?;
        let is_same = |shapes: &[Vec<usize>]| {
            shapes.len() == inputs.len()
                && shapes.iter().zip(inputs).all(|(shape, input)| shape == input.shape())
        };
        let places = match found.iter().find(|(shapes, _)| is_same(shapes)) {
            Some((_, places)) => places.clone(),
            None => {
                let places = Arc::new(self.find(plan, inputs));
                if found.len() == KEPT {
                    found.remove(0);
                }
                let shapes = inputs.iter().map(|input| input.shape().to_vec()).collect();
                found.push((shapes, places.clone()));
                places
            }
        };
        (!places.sizes.is_empty()).then_some(places)
    }

    fn find(&self, plan: &Plan, inputs: &[Array]) -> Places {
        let specs = self.specs(inputs);
        let slots = self.values.len();
        let floats = |slot: usize| {
            let value = self.values[slot];
            let spec =
                specs.get(value.node)?.get(value.output).filter(|spec| spec.dtype == DType::Float32)?;
            usize::try_from(spec.shape.elements()?).ok()
        };
        // Other names of values: a reshaped value lies where it lay, as does one that a step gives twice.
        let mut root: Vec<usize> = (0..slots).collect();
        let mut born = vec![None; slots];
        let mut last = vec![plan.steps.len(); slots];
        for (at, step) in plan.steps.iter().enumerate() {
            let is_name = step.kernel.name() == Reshape::NAME;
            if let (true, &[output], Some(&Source::Slot(input))) =
                (is_name, &step.outputs[..], step.inputs.first())
            {
                root[output] = root[input];
            } else if step.kernel.memory() == Memory::Planned {
                for (output, &slot) in step.outputs.iter().enumerate() {
                    match step.kernel.same(output) {
                        Some(same) => root[slot] = root[step.outputs[same]],
                        None => born[slot] = Some(at),
                    }
                }
            }
            // So does one that takes the place of another.
            for &(input, output) in &step.over {
                if let Source::Slot(input) = step.inputs[input]
                    && floats(input).is_some_and(|size| floats(step.outputs[output]) == Some(size))
                {
                    root[step.outputs[output]] = root[input];
                }
            }
            for &slot in &step.dead {
                last[slot] = at;
            }
        }
        // Results leave the run, so their memory is not used again.
        let mut leaves = vec![false; slots];
        for source in &plan.results {
            if let Source::Slot(slot) = *source {
                leaves[root[slot]] = true;
            }
        }
        let mut end = vec![0; slots];
        for slot in 0..slots {
            end[root[slot]] = end[root[slot]].max(last[slot]);
        }
        let mut needs: Vec<Need> = (0..slots)
            .filter(|&slot| root[slot] == slot && !leaves[slot])
            .filter_map(|slot| {
                let floats = floats(slot).filter(|&floats| floats >= LEAST)?;
                Some(Need { slot, floats, from: born[slot]?, to: end[slot] })
            })
            .collect();
        needs.sort_by_key(|need| std::cmp::Reverse(need.floats));
        let mut made_in = vec![None; slots];
        let mut buffers: Vec<(usize, Vec<(usize, usize)>)> = Vec::new();
        for need in &needs {
            let is_free =
                |spans: &[(usize, usize)]| spans.iter().all(|&(from, to)| need.to < from || to < need.from);
            // Buffers fall in size, so the last one that is free is the smallest.
            let at = match buffers.iter().rposition(|(_, spans)| is_free(spans)) {
                Some(at) => at,
                None => {
                    buffers.push((need.floats, Vec::new()));
                    buffers.len() - 1
                }
            };
            buffers[at].1.push((need.from, need.to));
            made_in[need.slot] = Some(at);
        }
        let frees = (0..slots).map(|slot| made_in[root[slot]]).collect();
        Places { sizes: buffers.into_iter().map(|(size, _)| size).collect(), made_in, frees }
    }

    /// The specs of all values for these inputs, as far as they can be known.
    fn specs(&self, inputs: &[Array]) -> Vec<Vec<TensorSpec>> {
        let given: Vec<_> = self.inputs.iter().copied().zip(inputs.iter().map(spec)).collect();
        let nodes = self.nodes.iter().map(|node| Known {
            op: node.op.as_deref(),
            inputs: &node.inputs,
            outputs: &node.outputs,
        });
        specs_for(nodes, &given)
    }
}

fn spec(array: &Array) -> TensorSpec {
    TensorSpec::new(array.dtype(), Shape::known(array.shape().iter().map(|&size| size as u64)))
}

/// The buffers of one run, those of its plan and the pool's.
pub(super) struct Buffers<'a> {
    plan: &'a Plan,
    pool: &'a Pool,
    places: Option<Arc<Places>>,
    /// By place; empty while a value lies there, and before the first.
    set: Vec<Vec<f32>>,
}

impl<'a> Buffers<'a> {
    /// The buffers for places.
    pub fn new(plan: &'a Plan, pool: &'a Pool, places: Option<Arc<Places>>) -> Buffers<'a> {
        let set = places.as_ref().map_or_else(Vec::new, |places| pool.take_set(&places.sizes));
        Buffers { plan, pool, places, set }
    }

    /// The buffers that a step is to write its outputs to, where they have places.
    pub fn of(&mut self, step: &Step) -> Planned {
        let Some(places) = &self.places else { return Planned::new() };
        let outputs = step.outputs.iter().map(|&slot| {
            let place = places.made_in[slot]?;
            let (buffer, size) = (std::mem::take(self.set.get_mut(place)?), places.sizes[place]);
            Some(if buffer.len() < size { fresh(size) } else { buffer })
        });
        outputs.collect()
    }

    /// Takes back buffers that a step did not use.
    pub fn put_back(&mut self, step: &Step, unused: Planned) {
        let Some(places) = &self.places else { return };
        for (&slot, buffer) in step.outputs.iter().zip(unused) {
            if let (Some(place), Some(buffer)) = (places.made_in[slot], buffer) {
                self.set[place] = buffer;
            }
        }
    }

    /// Takes back the memory of a slot's value, unless something else holds it.
    pub fn free(&mut self, slot: usize, array: Array) {
        let Some(buffer) = buffer(array) else { return };
        let places = self.places.as_ref();
        match places.and_then(|places| places.frees[slot].map(|place| (place, places.sizes[place]))) {
            // What did not come from the place is dropped, so that memory does not grow from run to run.
            Some((place, size)) => {
                if self.set[place].is_empty() && buffer.len() >= size {
                    self.set[place] = buffer;
                }
            }
            None if self.plan.own[slot] => {}
            None => self.pool.give(buffer),
        }
    }
}

impl Drop for Buffers<'_> {
    /// Keeps the buffers for the next run.
    fn drop(&mut self) {
        if self.places.is_some() {
            self.pool.give_set(std::mem::take(&mut self.set));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kerata_core::graph::GraphBuilder;
    use kerata_core::{Error, ops};

    use super::*;
    use crate::cpu::kernels::isa::Isa;
    use crate::cpu::plan::Weights;

    /// Five products in a row, of which the last is the result.
    #[test]
    fn values_that_are_not_alive_together_share_a_buffer() {
        let builder = GraphBuilder::new("chain");
        let input =
            builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(64), Some(64)])));
        let kernel = |k: f32| {
            let values = (0..64 * 64).map(|at| (at % 7) as f32 * 0.01 + k).collect();
            builder.constant(Array::from_f32([64, 64], values).unwrap())
        };
        let chain = (0..5).try_fold(input, |x, k| ops::matmul(&x, &kernel(k as f32 * 0.1)));
        let graph = builder.finish(&[("y", &chain.unwrap())]).unwrap();
        let read = |_: &str, _: &TensorSpec| Err(Error::internal("no variables"));
        let weights = Weights { paths: &HashSet::new(), read: &read };
        let plan = Plan::new(&graph, Isa::best(), Some(&weights)).unwrap();
        let layout = plan.layout.as_ref().unwrap();
        let sizes = |samples: usize| {
            let x = Array::zeros([samples, 64, 64], DType::Float32).unwrap();
            layout.places(&plan, &[x]).unwrap().sizes.clone()
        };
        // Each product reads the one before it: two are alive at a time.
        assert_eq!(sizes(1), [64 * 64, 64 * 64]);
        assert_eq!(sizes(3), [3 * 64 * 64, 3 * 64 * 64]);
    }

    /// A product that is split, both parts multiplied: the parts lie beside it, what comes after them in its place.
    #[test]
    fn each_output_of_a_step_has_a_place() {
        let builder = GraphBuilder::new("parts");
        let input =
            builder.input("x", TensorSpec::new(DType::Float32, Shape::new([None, Some(64), Some(64)])));
        let kernel = |rows: usize| {
            let values = (0..rows * 64).map(|at| (at % 7) as f32 * 0.01).collect();
            builder.constant(Array::from_f32([rows, 64], values).unwrap())
        };
        let whole = ops::matmul(&input, &kernel(64)).unwrap();
        let parts = ops::split(&whole, 2, -1).unwrap();
        let first = ops::matmul(&parts[0], &kernel(32)).unwrap();
        let second = ops::matmul(&parts[1], &kernel(32)).unwrap();
        let result = ops::matmul(&first, &second).unwrap();
        let graph = builder.finish(&[("y", &result)]).unwrap();
        let read = |_: &str, _: &TensorSpec| Err(Error::internal("no variables"));
        let weights = Weights { paths: &HashSet::new(), read: &read };
        let plan = Plan::new(&graph, Isa::best(), Some(&weights)).unwrap();
        let layout = plan.layout.as_ref().unwrap();
        let x = Array::zeros([2, 64, 64], DType::Float32).unwrap();
        // The whole, then the first product; the second product; the parts, of which the second is longest alive.
        let sizes = layout.places(&plan, &[x]).unwrap().sizes.clone();
        assert_eq!(sizes, [2 * 64 * 64, 2 * 64 * 64, 2 * 64 * 32]);
    }
}
