//! The program of a group of nodes.

use std::collections::HashMap;

use kerata_core::graph::{Graph, Node, ValueId};
use kerata_core::{Error, Result};

use super::fuse::{self, Group};
use crate::cpu::kernels::elementwise::{Binary, Unary};
use crate::cpu::program::{Instruction, Operand, Program};
use crate::cpu::steps;

/// A value of a program while it is made.
#[derive(Clone, Copy)]
struct Made {
    operand: Operand,
    is_column: bool,
}

/// The program of a group and the values it reads; the producer's is the first. Its results are the root's value, then those
/// of further nodes.
pub fn program(graph: &Graph, group: &Group) -> Result<(Program, Vec<ValueId>)> {
    let mut assembly = Assembly { graph, inputs: Vec::new(), made: HashMap::new(), list: Vec::new() };
    if let Some(producer) = group.producer {
        assembly.inputs.push(ValueId { node: producer, output: 0 });
    }
    for &member in &group.members {
        let made = assembly.node(&graph.nodes[member])?;
        assembly.made.insert(ValueId { node: member, output: 0 }, made);
    }
    let mut results = Vec::with_capacity(1 + group.more.len());
    for &node in std::iter::once(&group.root).chain(&group.more) {
        let result = assembly.result(node)?;
        // Each result is written by an instruction of its own.
        results.push(match result {
            Operand::Value(value) if !results.contains(&value) => value,
            other => assembly.push_instruction(Instruction::Unary(Unary::Copy, other)),
        });
    }
    Ok((Program::with_results(assembly.list, results), assembly.inputs))
}

struct Assembly<'a> {
    graph: &'a Graph,
    inputs: Vec<ValueId>,
    made: HashMap<ValueId, Made>,
    list: Vec<Instruction>,
}

impl Assembly<'_> {
    fn node(&mut self, node: &Node) -> Result<Made> {
        let op = node.op().ok_or_else(|| Error::internal("a group of ops"))?;
        let inputs = &node.inputs;
        if let Some(function) = fuse::row_reduction(op, self.graph, node) {
            let x = self.full(inputs[0]);
            return Ok(self.push(Instruction::Reduce(function, x), true));
        }
        if fuse::is_stretched(self.graph, node) {
            return Ok(self.read(inputs[0]));
        }
        if let Some(function) = steps::unary(op) {
            let x = self.read(inputs[0]);
            // A copy is only another name.
            if function == Unary::Copy {
                return Ok(x);
            }
            return Ok(self.push(Instruction::Unary(function, x.operand), x.is_column));
        }
        if op.name() == "where" {
            let [c, a, b] = [0, 1, 2].map(|at| self.full(inputs[at]));
            return Ok(self.push(Instruction::Select(c, a, b), false));
        }
        let function = steps::binary(op).or_else(|| steps::comparison(op));
        let function = function.ok_or_else(|| Error::internal("an elementwise op"))?;
        Ok(self.binary(function, inputs[0], inputs[1]))
    }

    fn binary(&mut self, function: Binary, left: ValueId, right: ValueId) -> Made {
        for (number_side, other, is_left) in [(right, left, false), (left, right, true)] {
            if let Some(number) = fuse::constant_number(self.graph, number_side)
                && let Some(function) = steps::with_number(function, number, is_left)
            {
                let x = self.read(other);
                return self.push(Instruction::Unary(function, x.operand), x.is_column);
            }
        }
        let (a, b) = (self.read(left), self.read(right));
        if a.is_column && b.is_column {
            return self.push(Instruction::Binary(function, a.operand, b.operand), true);
        }
        let (a, b) = (self.expanded(a), self.expanded(b));
        self.push(Instruction::Binary(function, a, b), false)
    }

    /// A value as an operand: made in the group, a number, or an input.
    fn read(&mut self, value: ValueId) -> Made {
        if let Some(&made) = self.made.get(&value) {
            return made;
        }
        if let Some(number) = fuse::constant_number(self.graph, value) {
            return self.push(Instruction::Number(number), false);
        }
        let known = self.inputs.iter().position(|&input| input == value);
        let place = known.unwrap_or_else(|| {
            self.inputs.push(value);
            self.inputs.len() - 1
        });
        Made { operand: Operand::Input(place), is_column: false }
    }

    fn full(&mut self, value: ValueId) -> Operand {
        let made = self.read(value);
        self.expanded(made)
    }

    fn expanded(&mut self, made: Made) -> Operand {
        if made.is_column {
            self.push(Instruction::Expand(made.operand), false).operand
        } else {
            made.operand
        }
    }

    /// The value of a member, full.
    fn result(&mut self, node: usize) -> Result<Operand> {
        let made = self.made.get(&ValueId { node, output: 0 }).copied();
        Ok(self.expanded(made.ok_or_else(|| Error::internal("a result of a group is a member"))?))
    }

    fn push(&mut self, instruction: Instruction, is_column: bool) -> Made {
        Made { operand: Operand::Value(self.push_instruction(instruction)), is_column }
    }

    fn push_instruction(&mut self, instruction: Instruction) -> usize {
        self.list.push(instruction);
        self.list.len() - 1
    }
}
