//! `Tail`: what follows a product: scale and bias folded into it, a clamp, and the rest as a program on its rows.

use kerata_core::{Array, Result};

use super::Epilogue;
use super::fused::{Fused, broadcast};
use super::{Context, Kernel};
use crate::cpu::domain::Domain;
use crate::cpu::kernels::elementwise::{Binary, Unary};
use crate::cpu::kernels::isa::Isa;
use crate::cpu::kernels::product::Finish;
use crate::cpu::program::{Instruction, Operand, Program};

/// What follows a product.
pub(super) struct Tail {
    bias: Option<Vec<f32>>,
    clamp: (f32, f32),
    program: Option<Program>,
    /// Values of the program's inputs but the first, where constant.
    constants: Vec<Option<Array>>,
}

/// `x * scale + shift`, each one number or one for each column.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Tail {
    /// The tail of an epilogue.
    pub fn new(epilogue: Option<Epilogue>) -> Tail {
        let (program, constants) = match epilogue {
            Some(epilogue) => (Some(epilogue.program), epilogue.constants),
            None => (None, Vec::new()),
        };
        Tail { bias: None, clamp: (f32::NEG_INFINITY, f32::INFINITY), program, constants }
    }

    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        self.program.is_none() && self.bias.is_none() && self.clamp.0 == f32::NEG_INFINITY
    }

    /// The bias folded into the product.
    pub fn bias(&self) -> Option<&[f32]> {
        self.bias.as_deref()
    }

    /// Whether a program is left to run on the rows.
    pub fn has_program(&self) -> bool {
        self.program.is_some()
    }

    /// Takes scales, biases and a clamp out of the program; gives the scale of each column, unless all are one.
    pub fn absorb(&mut self, columns: usize) -> Option<Vec<f32>> {
        let scale = self.peel(columns, true).scale;
        scale.iter().any(|scale| *scale != 1.0).then_some(scale)
    }

    /// Takes biases and a clamp out of the program, for weights that are not known.
    pub fn absorb_bias(&mut self, columns: Option<usize>) {
        if let Some(columns) = columns {
            self.peel(columns, false);
        }
    }

    /// Whether the program's inputs (but the first) fit an output shape without stretching it.
    pub fn fits(&self, shape: &[usize], others: &[(&[f32], &[usize])]) -> bool {
        self.program.is_none()
            || others.iter().all(|(_, own)| {
                own.len() <= shape.len()
                    && own.iter().rev().zip(shape.iter().rev()).all(|(own, full)| *own == 1 || own == full)
            })
    }

    /// Calls `work` with what a product is to do at its end; `base` is the row of the whole output it starts at.
    pub fn run(
        &self,
        shape: &[usize],
        others: &[(&[f32], &[usize])],
        isa: Isa,
        base: usize,
        work: impl FnOnce(Finish),
    ) {
        let finish = Finish { bias: self.bias.as_deref(), clamp: self.clamp, rows: None };
        let Some(program) = self.program.as_ref().filter(|_| self.fits(shape, others)) else {
            return work(finish);
        };
        let width = shape.last().copied().unwrap_or(1);
        let mut inputs: Vec<(&[f32], &[usize])> = vec![(&[], shape)];
        inputs.extend(others);
        let domain = Domain::new(shape, &inputs, program.has_reductions());
        let rows = |row: usize, rows: &mut [f32]| {
            domain.run_in_place(isa, program, (base + row) * width, rows);
        };
        work(Finish { rows: Some(&rows), ..finish });
    }

    /// Runs the program on a finished product whose shape its other inputs stretch; else gives it back.
    pub fn stretch(&self, cx: &Context, product: Array, others: &[&Array]) -> Result<Array> {
        let Some(program) = &self.program else { return Ok(product) };
        let mut inputs = vec![&product];
        inputs.extend(others);
        if broadcast(&inputs)? == product.shape() {
            return Ok(product);
        }
        let mut made = Fused::new(program.clone(), None).run(cx, &inputs)?;
        Ok(made.swap_remove(0))
    }

    fn peel(&mut self, columns: usize, may_scale: bool) -> Affine {
        let mut affine = Affine { scale: vec![1.0; columns], shift: vec![0.0; columns] };
        let Some(program) = self.program.take() else { return affine };
        let mut instructions: Vec<Option<Instruction>> =
            program.instructions().iter().copied().map(Some).collect();
        let mut head = Operand::Input(0);
        let mut has_bias = false;
        while let Some(at) = only_reader(&instructions, head) {
            let Some((scale, shift)) = self.step(instructions[at], head, columns, may_scale) else { break };
            for j in 0..columns {
                affine.scale[j] *= scale[j];
                affine.shift[j] = affine.shift[j] * scale[j] + shift[j];
            }
            has_bias = true;
            instructions[at] = None;
            head = Operand::Value(at);
        }
        if has_bias {
            self.bias = Some(affine.shift.clone());
        }
        while let Some(at) = only_reader(&instructions, head)
            && let Some(Instruction::Unary(function, _)) = instructions[at]
            && let Some((low, high)) = clamp(function)
            && low <= self.clamp.1
            && self.clamp.0 <= high
        {
            self.clamp = (self.clamp.0.max(low), self.clamp.1.min(high));
            instructions[at] = None;
            head = Operand::Value(at);
        }
        self.program = without(&instructions, head);
        affine
    }

    /// An instruction on the head as scale and shift of columns.
    fn step(
        &self,
        instruction: Option<Instruction>,
        head: Operand,
        columns: usize,
        may_scale: bool,
    ) -> Option<(Vec<f32>, Vec<f32>)> {
        let one = || vec![1.0; columns];
        let zero = || vec![0.0; columns];
        match instruction? {
            Instruction::Unary(Unary::Plus(c), _) => Some((one(), vec![c; columns])),
            Instruction::Unary(Unary::Times(c), _) if may_scale => Some((vec![c; columns], zero())),
            Instruction::Unary(Unary::Per(c), _) if may_scale => Some((vec![1.0 / c; columns], zero())),
            Instruction::Unary(Unary::Negative, _) if may_scale => Some((vec![-1.0; columns], zero())),
            Instruction::Binary(function, a, b) if a != b => {
                let (other, head_is_left) = if a == head { (b, true) } else { (a, false) };
                let values = self.column_values(other, columns)?;
                match (function, head_is_left) {
                    (Binary::Add, _) => Some((one(), values)),
                    (Binary::Subtract, true) => Some((one(), values.iter().map(|v| -v).collect())),
                    (Binary::Multiply, _) if may_scale => Some((values, zero())),
                    (Binary::Divide, true) if may_scale => {
                        Some((values.iter().map(|v| 1.0 / v).collect(), zero()))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The constant that an operand is, as one number for each column.
    fn column_values(&self, operand: Operand, columns: usize) -> Option<Vec<f32>> {
        let Operand::Input(input) = operand else { return None };
        let array = self.constants.get(input.checked_sub(1)?)?.as_ref()?;
        let values = array.as_f32().ok()?;
        let is_vector = array.shape().last() == Some(&columns) && array.len() == columns;
        match values {
            [value] => Some(vec![*value; columns]),
            _ if is_vector => Some(values.to_vec()),
            _ => None,
        }
    }
}

fn clamp(function: Unary) -> Option<(f32, f32)> {
    match function {
        Unary::Relu => Some((0.0, f32::INFINITY)),
        Unary::Clip(low, high) => Some((low, high)),
        Unary::AtLeast(low) => Some((low, f32::INFINITY)),
        Unary::AtMost(high) => Some((f32::NEG_INFINITY, high)),
        _ => None,
    }
}

/// The instruction that reads a value, when it is the only one.
fn only_reader(instructions: &[Option<Instruction>], value: Operand) -> Option<usize> {
    let mut readers = instructions.iter().enumerate().filter_map(|(at, instruction)| {
        instruction.as_ref().filter(|i| i.operands().any(|operand| operand == value)).map(|_| at)
    });
    let first = readers.next()?;
    readers.next().is_none().then_some(first)
}

/// The program of the instructions that are left, reading `head` as its first input.
fn without(instructions: &[Option<Instruction>], head: Operand) -> Option<Program> {
    let mut places = vec![0; instructions.len()];
    let mut left = Vec::new();
    for (at, instruction) in instructions.iter().enumerate() {
        let Some(instruction) = instruction else { continue };
        let moved = |operand: Operand| match operand {
            _ if operand == head => Operand::Input(0),
            Operand::Value(value) => Operand::Value(places[value]),
            input => input,
        };
        let instruction = instruction.map(moved);
        places[at] = left.len();
        left.push(instruction);
    }
    (!left.is_empty()).then(|| Program::new(left))
}
