//! From a graph to a plan: groups become programs, products take theirs over, everything else becomes one step a node.

use std::collections::HashMap;

use kerata_core::graph::{Graph, NodeKind, ValueId};
use kerata_core::{Error, Result};

use super::fuse::{self, Group, Groups};
use super::{Plan, Source, Step, assemble};
use crate::cpu::kernels::isa::Isa;
use crate::cpu::steps::{self, Epilogue, Evaluate, Fused, Given, Kernel, Request};

impl Plan {
    /// The plan of a graph. Variables become inputs after the graph's own, in the order of [`Graph::variables`].
    pub fn new(graph: &Graph, isa: Isa) -> Result<Plan> {
        let groups = fuse::groups(graph);
        let mut maker = Maker { graph, groups: &groups, isa, plan: Plan::empty(), sources: HashMap::new() };
        for input in &graph.inputs {
            let slot = maker.slot(*input);
            maker.plan.inputs.push(slot);
        }
        for at in 0..graph.nodes.len() {
            maker.node(at)?;
        }
        let results = graph.results().map(|value| maker.source(value)).collect::<Result<_>>()?;
        let mut plan = maker.plan;
        plan.results = results;
        plan.find_deaths();
        Ok(plan)
    }

    fn empty() -> Plan {
        Plan { steps: Vec::new(), constants: Vec::new(), slots: 0, inputs: Vec::new(), results: Vec::new() }
    }
}

struct Maker<'a> {
    graph: &'a Graph,
    groups: &'a Groups,
    isa: Isa,
    plan: Plan,
    sources: HashMap<ValueId, Source>,
}

impl Maker<'_> {
    fn node(&mut self, at: usize) -> Result<()> {
        let graph = self.graph;
        let node = &graph.nodes[at];
        let value = ValueId { node: at, output: 0 };
        match &node.kind {
            NodeKind::Input { .. } => {}
            NodeKind::Variable { .. } => {
                let slot = self.slot(value);
                self.plan.inputs.push(slot);
            }
            NodeKind::Constant(array) => {
                self.sources.insert(value, Source::Constant(self.plan.constants.len()));
                self.plan.constants.push(array.clone());
            }
            NodeKind::Op(op) => match self.groups.of[at].map(|group| &self.groups.all[group]) {
                Some(group) if group.root == at => self.group(group)?,
                Some(_) => {}
                None => {
                    let kernel = self.kernel(at, None)?.unwrap_or_else(|| Box::new(Evaluate(op.clone())));
                    self.step(at, kernel, &node.inputs)?;
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
            return self.step(group.root, Box::new(Fused(program)), &inputs);
        };
        let others = &inputs[1..];
        let constants = others.iter().map(|value| graph.nodes[value.node].constant().cloned()).collect();
        let kernel = self
            .kernel(producer, Some(Epilogue { program, constants }))?
            .ok_or_else(|| Error::internal("a producer without a kernel"))?;
        let all: Vec<ValueId> = graph.nodes[producer].inputs.iter().chain(others).copied().collect();
        self.step(group.root, kernel, &all)
    }

    fn kernel(&self, at: usize, epilogue: Option<Epilogue>) -> Result<Option<Box<dyn Kernel>>> {
        let graph = self.graph;
        let node = &graph.nodes[at];
        let Some(op) = node.op() else { return Ok(None) };
        let inputs = node
            .inputs
            .iter()
            .map(|&value| {
                Ok(Given { spec: graph.spec(value)?, constant: graph.nodes[value.node].constant() })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(steps::lower(&mut Request { op, inputs, epilogue, isa: self.isa }))
    }

    fn step(&mut self, at: usize, kernel: Box<dyn Kernel>, inputs: &[ValueId]) -> Result<()> {
        let node = &self.graph.nodes[at];
        let inputs = inputs.iter().map(|&value| self.source(value)).collect::<Result<_>>()?;
        let outputs = (0..node.outputs.len()).map(|output| self.slot(ValueId { node: at, output })).collect();
        self.plan.steps.push(Step { name: node.name.clone(), kernel, inputs, outputs, dead: Vec::new() });
        Ok(())
    }

    fn slot(&mut self, value: ValueId) -> usize {
        let slot = self.plan.slots;
        self.plan.slots += 1;
        self.sources.insert(value, Source::Slot(slot));
        slot
    }

    fn source(&self, value: ValueId) -> Result<Source> {
        self.sources
            .get(&value)
            .copied()
            .ok_or_else(|| Error::internal(format!("value {}.{} is not made yet", value.node, value.output)))
    }
}
