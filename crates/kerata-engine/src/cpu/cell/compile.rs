//! From the graph of a body to a cell.

use std::collections::HashMap;

use kerata_core::graph::{Graph, Node, NodeKind, ValueId};
use kerata_core::ops::{Add, Full, Range, Slice, Split};
use kerata_core::{Array, DType, TensorSpec};

use super::{Cell, Part, Place, State, Work};
use crate::cpu::kernels::elementwise::Binary;
use crate::cpu::kernels::isa::Isa;
use crate::cpu::kernels::pack::Panels;
use crate::cpu::plan::assemble;
use crate::cpu::plan::fuse::{self, Group, Groups};
use crate::cpu::program::{Instruction, Operand};

impl Cell {
    /// The cell of a body that takes states and then elements of sequences; `None` when it does what cells do not know.
    pub fn new(body: &Graph, states: usize, isa: Isa) -> Option<Cell> {
        let groups = fuse::groups(body);
        let cell = Cell {
            elements: Vec::new(),
            constants: Vec::new(),
            registers: Vec::new(),
            work: Vec::new(),
            states: Vec::new(),
            results: Vec::new(),
        };
        let mut compiler =
            Compiler { body, groups: &groups, isa, made: HashMap::new(), masks: HashMap::new(), cell };
        compiler.inputs(states)?;
        for at in 0..body.nodes.len() {
            compiler.node(at)?;
        }
        compiler.results(states)?;
        Some(compiler.cell)
    }
}

struct Compiler<'a> {
    body: &'a Graph,
    groups: &'a Groups,
    isa: Isa,
    made: HashMap<ValueId, Part>,
    /// Of nodes that are a mask: its sequence.
    masks: HashMap<usize, usize>,
    cell: Cell,
}

impl Compiler<'_> {
    fn inputs(&mut self, states: usize) -> Option<()> {
        let uses = self.body.use_counts();
        for (at, &value) in self.body.inputs.iter().enumerate() {
            let spec = self.body.spec(value).ok()?;
            let width = row_width(spec);
            if let Some(at) = at.checked_sub(states) {
                let is_read = uses[value.node].iter().any(|&count| count > 0);
                self.cell.elements.push(if is_read { width.unwrap_or(0) } else { 0 });
                match width {
                    Some(width) => {
                        self.made.insert(value, Part { place: Place::Element(at), offset: 0, width });
                    }
                    None if is_mask(spec) => {
                        self.masks.insert(value.node, at);
                    }
                    // Whatever reads it makes the body unknown.
                    None => {}
                }
                continue;
            }
            match width {
                Some(width) => {
                    let part = Part { place: Place::State(at), offset: 0, width };
                    self.cell.states.push(State::Rows(width, part));
                    self.made.insert(value, part);
                }
                None => self.cell.states.push(State::Counter(self.growth(at, value)?)),
            }
        }
        Some(())
    }

    /// By how much a state of a whole number grows in a step, when that is all that happens to it.
    fn growth(&self, at: usize, state: ValueId) -> Option<i64> {
        let spec = self.body.spec(state).ok()?;
        let (_, new) = self.body.outputs.get(at)?;
        let node = &self.body.nodes[new.node];
        let readers = self.body.nodes.iter().filter(|node| node.inputs.contains(&state)).count();
        let [a, b] = node.inputs[..] else { return None };
        let step = if a == state { b } else { a };
        let is_sum = node.op()?.as_any().is::<Add>() && (a == state || b == state) && readers == 1;
        let known = matches!(spec.dtype, DType::Int32 | DType::Int64) && spec.rank() == 0;
        let numbers = self.body.nodes[step.node].constant()?.to_i64s().ok()?;
        match numbers[..] {
            [number] if is_sum && known => Some(number),
            _ => None,
        }
    }

    fn node(&mut self, at: usize) -> Option<()> {
        let body = self.body;
        let node = &body.nodes[at];
        let NodeKind::Op(op) = &node.kind else { return Some(()) };
        if let Some(group) = self.groups.of[at] {
            let group = &self.groups.all[group];
            return if group.root == at { self.group(group) } else { Some(()) };
        }
        let value = ValueId { node: at, output: 0 };
        let any = op.as_any();
        if op.name() == "matmul" {
            let part = self.product(node, None)?;
            self.made.insert(value, part);
        } else if let Some(split) = any.downcast_ref::<Split>().filter(|split| split.axis == 1) {
            let mut part = self.part(node.inputs[0], None)?;
            for (output, &width) in split.sizes.iter().enumerate() {
                part.width = width;
                self.made.insert(ValueId { node: at, output }, part);
                part.offset += width;
            }
        } else if let Some(slice) = any.downcast_ref::<Slice>() {
            let [Range::ALL, range] = slice.ranges[..] else { return Some(()) };
            let mut part = self.part(node.inputs[0], None)?;
            let (start, width) = range.resolve(part.width);
            if range.step == 1 {
                part.offset += usize::try_from(start).ok()?;
                part.width = width;
                self.made.insert(value, part);
            }
        } else if let Some(full) = any.downcast_ref::<Full>() {
            if let Some(width) = row_width(&node.outputs[0]) {
                let part = self.constant(vec![full.value as f32; width]);
                self.made.insert(value, part);
            }
        } else if op.name() == "reshape" {
            if let Some(&mask) = self.masks.get(&node.inputs[0].node).filter(|_| is_mask(&node.outputs[0])) {
                self.masks.insert(at, mask);
            }
        } else if let ("where", &[mask, on, off]) = (op.name(), &node.inputs[..])
            && let Some(&mask) = self.masks.get(&mask.node)
            && let Some(width) = row_width(&node.outputs[0])
        {
            let (on, off) = (self.part(on, Some(width))?, self.part(off, Some(width))?);
            let to = self.register(width);
            self.cell.work.push(Work::Select { mask, on, off, to });
            self.made.insert(value, Part { place: Place::Register(to), offset: 0, width });
        }
        Some(())
    }

    fn group(&mut self, group: &Group) -> Option<()> {
        let body = self.body;
        let root = ValueId { node: group.root, output: 0 };
        let width = row_width(&body.nodes[group.root].outputs[0])?;
        let (program, inputs) = assemble::program(body, group).ok()?;
        if let Some(producer) = group.producer {
            let bias = match (program.instructions(), &inputs[..]) {
                ([Instruction::Binary(Binary::Add, Operand::Input(_), Operand::Input(_))], [_, bias]) => {
                    body.nodes[bias.node].constant().and_then(|array| row(array, width))
                }
                _ => None,
            };
            let is_all = bias.is_some();
            let part = self.product(&body.nodes[producer], bias)?;
            self.made.insert(ValueId { node: producer, output: 0 }, part);
            if is_all {
                self.made.insert(root, part);
                return Some(());
            }
        }
        let inputs = inputs.iter().map(|&value| self.part(value, Some(width))).collect::<Option<Vec<_>>>()?;
        let to = self.register(width);
        self.cell.work.push(Work::Program { program, inputs, to });
        self.made.insert(root, Part { place: Place::Register(to), offset: 0, width });
        Some(())
    }

    fn product(&mut self, node: &Node, bias: Option<Vec<f32>>) -> Option<Part> {
        let [left, right] = node.inputs[..] else { return None };
        let left = self.part(left, None)?;
        let array = self.body.nodes[right.node].constant()?;
        let [depth, columns] = *array.shape() else { return None };
        if depth != left.width || matches!(left.place, Place::Constant(_)) {
            return None;
        }
        let mut panels = Panels::new(self.isa);
        panels.pack_array(array, 0..columns, None).ok()?;
        let to = self.register(columns);
        self.cell.work.push(Work::Product { left, right: panels, bias, to });
        Some(Part { place: Place::Register(to), offset: 0, width: columns })
    }

    fn results(&mut self, states: usize) -> Option<()> {
        let body = self.body;
        for (at, (_, value)) in body.outputs.iter().enumerate() {
            let width = row_width(body.spec(*value).ok()?);
            match self.cell.states.get(at).filter(|_| at < states) {
                Some(State::Counter(_)) => {}
                Some(&State::Rows(own, _)) => {
                    let part = self.part(*value, Some(own))?;
                    self.cell.states[at] = State::Rows(own, part);
                }
                None => {
                    let part = self.part(*value, Some(width?))?;
                    self.cell.results.push(part);
                }
            }
        }
        Some(())
    }

    /// Where a value lies, if it has the width that is wanted.
    fn part(&mut self, value: ValueId, width: Option<usize>) -> Option<Part> {
        if let Some(&part) = self.made.get(&value) {
            return width.is_none_or(|width| width == part.width).then_some(part);
        }
        let array = self.body.nodes[value.node].constant()?;
        let row = row(array, width?)?;
        Some(self.constant(row))
    }

    fn constant(&mut self, row: Vec<f32>) -> Part {
        let width = row.len();
        self.cell.constants.push(row);
        Part { place: Place::Constant(self.cell.constants.len() - 1), offset: 0, width }
    }

    fn register(&mut self, width: usize) -> usize {
        self.cell.registers.push(width);
        self.cell.registers.len() - 1
    }
}

/// Floats in a row, of a float value that is rows of a known width.
fn row_width(spec: &TensorSpec) -> Option<usize> {
    (spec.dtype == DType::Float32 && spec.rank() == 2).then(|| spec.size(1)).flatten().filter(|&n| n > 0)
}

/// Whether a value is one bool for each row.
fn is_mask(spec: &TensorSpec) -> bool {
    spec.dtype == DType::Bool && (spec.rank() == 1 || (spec.rank() == 2 && spec.size(1) == Some(1)))
}

/// A constant that is the same in all rows, as one row.
fn row(array: &Array, width: usize) -> Option<Vec<f32>> {
    let values = array.as_f32().ok()?;
    let is_row = array.rank() <= 2 && array.shape().last() == Some(&width) && values.len() == width;
    match values {
        [value] if array.rank() <= 2 => Some(vec![*value; width]),
        _ => is_row.then(|| values.to_vec()),
    }
}
