//! From a graph to a plan: groups become programs, products take theirs over, everything else becomes one step a node.

use std::collections::HashMap;

use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::{Array, Error, Result};

use super::fuse::{self, Group, Groups};
use super::layout::Layout;
use super::transposes::{self, Transposes};
use super::{Plan, Source, Step, Weights, assemble};
use crate::cpu::kernels::isa::Isa;
use crate::cpu::steps::{self, Epilogue, Evaluate, Fused, Given, Kernel, Memory, Request};

impl Plan {
    /// The plan of a graph. Variables become inputs after the graph's own, in the order of [`Graph::variables`].
    ///
    /// Those among `weights` are constants instead, read where they are packed.
    pub fn new(graph: &Graph, isa: Isa, weights: Option<&Weights>) -> Result<Plan> {
        let groups = fuse::groups(graph);
        let moves = Transposes::new(graph, &groups, weights);
        let mut maker = Maker {
            graph,
            weights,
            groups: &groups,
            moves: &moves,
            isa,
            plan: Plan::empty()?,
            sources: HashMap::new(),
            values: Vec::new(),
            nothing: None,
        };
        for input in &graph.inputs {
            let slot = maker.slot(*input);
            maker.plan.inputs.push(slot);
        }
        for at in 0..graph.nodes.len() {
            maker.node(at)?;
        }
        let results = graph.results().map(|value| maker.source(value)).collect::<Result<_>>()?;
        let (mut plan, values) = (maker.plan, maker.values);
        plan.results = results;
        if !graph.updates.is_empty() {
            let bytes = |value: &ValueId| {
                let spec = graph.spec(*value).ok()?;
                Some(spec.shape.elements()? * spec.dtype.size()? as u64)
            };
            plan.put_in_order(&values.iter().map(bytes).collect::<Vec<_>>());
        }
        plan.find_deaths();
        plan.find_overs(graph, &values, graph.inputs.len());
        plan.layout = weights.map(|_| Layout::new(graph, values, &plan.inputs));
        Ok(plan)
    }

    fn empty() -> Result<Plan> {
        Ok(Plan {
            steps: Vec::new(),
            constants: Vec::new(),
            slots: 0,
            nothing: Array::from_f32([0], Vec::new())?,
            inputs: Vec::new(),
            results: Vec::new(),
            own: Vec::new(),
            layout: None,
        })
    }
}

struct Maker<'a> {
    graph: &'a Graph,
    weights: Option<&'a Weights<'a>>,
    groups: &'a Groups,
    moves: &'a Transposes,
    isa: Isa,
    plan: Plan,
    sources: HashMap<ValueId, Source>,
    /// The value of each slot.
    values: Vec<ValueId>,
    /// The placeholder, once there is one.
    nothing: Option<Source>,
}

impl Maker<'_> {
    fn node(&mut self, at: usize) -> Result<()> {
        let graph = self.graph;
        let node = &graph.nodes[at];
        let value = ValueId { node: at, output: 0 };
        match &node.kind {
            // Constants are kept when a step reads them.
            NodeKind::Input { .. } | NodeKind::Constant(_) => {}
            NodeKind::Variable { path, .. } if Weights::have(self.weights, path) => {}
            NodeKind::Variable { .. } => {
                let slot = self.slot(value);
                self.plan.inputs.push(slot);
            }
            NodeKind::Op(op) => match self.groups.of[at].map(|group| &self.groups.all[group]) {
                Some(group) if group.root == at => self.group(group)?,
                Some(_) => {}
                None if self.moves.is_skipped[at] || self.moves.written_through[at].is_some() => {}
                None => {
                    let maker = self.moves.product[at].unwrap_or(at);
                    let kernel = self.kernel(maker, None)?.unwrap_or_else(|| Box::new(Evaluate(op.clone())));
                    let inputs = self.read_through(maker).0;
                    self.step(at, kernel, &inputs)?;
                }
            },
            other => return Err(Error::unsupported(format!("a node of kind {other:?}"))),
        }
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        let graph = self.graph;
        let (program, inputs) = assemble::program(graph, group)?;
        let Some(producer) = group.producer else {
            let shape = graph.nodes[group.root].outputs[0].sizes().ok();
            let made = std::iter::once(&group.root).chain(&group.more);
            let made = made.map(|&node| ValueId { node, output: 0 }).collect();
            return self.step_making(made, Box::new(Fused::new(program, shape)), &inputs);
        };
        let others = &inputs[1..];
        let constants = others.iter().map(|value| graph.nodes[value.node].constant().cloned()).collect();
        let kernel = self
            .kernel(producer, Some(Epilogue { program, constants }))?
            .ok_or_else(|| Error::internal("a producer without a kernel"))?;
        let all: Vec<ValueId> = self.read_through(producer).0.iter().chain(others).copied().collect();
        self.step(group.root, kernel, &all)
    }

    fn kernel(&self, at: usize, epilogue: Option<Epilogue>) -> Result<Option<Box<dyn Kernel>>> {
        let graph = self.graph;
        let node = &graph.nodes[at];
        let Some(op) = node.op() else { return Ok(None) };
        let (values, orders) = self.read_through(at);
        let constants = values.iter().map(|&value| self.constant(value)).collect::<Result<Vec<_>>>()?;
        let pairs = values.iter().zip(&constants);
        let inputs = pairs
            .map(|(&value, constant)| Ok(Given { spec: graph.spec(value)?, constant: constant.as_ref() }))
            .collect::<Result<Vec<_>>>()?;
        let out_order = self.moves.written_through[at].and_then(|to| transposes::order(graph, to));
        let out_order = out_order.map(<[usize]>::to_vec);
        Ok(steps::lower(&mut Request { op, inputs, epilogue, orders, out_order, isa: self.isa }))
    }

    /// The values that a node reads, with those before transposes where a product reads through them.
    fn read_through(&self, at: usize) -> (Vec<ValueId>, Vec<Option<Vec<usize>>>) {
        let node = &self.graph.nodes[at];
        let is_product = node.op().is_some_and(|op| op.name() == "matmul");
        node.inputs
            .iter()
            .map(|&value| match transposes::order(self.graph, value.node).filter(|_| is_product) {
                Some(order) => (self.graph.nodes[value.node].inputs[0], Some(order.to_vec())),
                None => (value, None),
            })
            .unzip()
    }

    fn step(&mut self, at: usize, kernel: Box<dyn Kernel>, inputs: &[ValueId]) -> Result<()> {
        let outputs = 0..self.graph.nodes[at].outputs.len();
        self.step_making(outputs.map(|output| ValueId { node: at, output }).collect(), kernel, inputs)
    }

    fn step_making(&mut self, made: Vec<ValueId>, kernel: Box<dyn Kernel>, inputs: &[ValueId]) -> Result<()> {
        let inputs = inputs
            .iter()
            .enumerate()
            .map(|(place, &value)| match kernel.reads(place) {
                true => self.source(value),
                false => self.placeholder(),
            })
            .collect::<Result<_>>()?;
        let name = made.first().map_or("", |value| &self.graph.nodes[value.node].name).to_owned();
        let outputs: Vec<usize> = made.into_iter().map(|value| self.slot(value)).collect();
        for &slot in &outputs {
            self.plan.own[slot] = kernel.memory() == Memory::Own;
        }
        self.plan.steps.push(Step { name, kernel, inputs, outputs, dead: Vec::new(), over: Vec::new() });
        Ok(())
    }

    fn slot(&mut self, value: ValueId) -> usize {
        let slot = self.plan.slots;
        self.plan.slots += 1;
        self.plan.own.push(false);
        self.values.push(value);
        self.sources.insert(value, Source::Slot(slot));
        slot
    }

    /// The value, if it is constant.
    fn constant(&self, value: ValueId) -> Result<Option<Array>> {
        let node = &self.graph.nodes[value.node];
        match (&node.kind, self.weights) {
            (NodeKind::Constant(array), _) => Ok(Some(array.clone())),
            (NodeKind::Variable { path, .. }, Some(weights)) if weights.paths.contains(path) => {
                (weights.read)(path, self.graph.spec(value)?).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn source(&mut self, value: ValueId) -> Result<Source> {
        if let Some(&source) = self.sources.get(&value) {
            return Ok(source);
        }
        let constant = self.constant(value)?;
        let constant = constant.ok_or_else(|| {
            Error::internal(format!("value {}.{} is not made yet", value.node, value.output))
        })?;
        let source = self.keep(constant);
        self.sources.insert(value, source);
        Ok(source)
    }

    /// Stands for an input that a kernel has taken in.
    fn placeholder(&mut self) -> Result<Source> {
        if self.nothing.is_none() {
            let nothing = self.plan.nothing.clone();
            self.nothing = Some(self.keep(nothing));
        }
        self.nothing.ok_or_else(|| Error::internal("a placeholder"))
    }

    fn keep(&mut self, constant: Array) -> Source {
        self.plan.constants.push(constant);
        Source::Constant(self.plan.constants.len() - 1)
    }
}
