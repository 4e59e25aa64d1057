//! `Program`: a chain of elementwise functions and row reductions, run block after block while values stay in cache.
//!
//! The domain is `rows x width`. A value is either full (one element each) or a column (one element a row, made by a
//! reduction). Softmax, layer normalisation and activations are such programs; nothing else knows about them.

use super::kernels::elementwise::{self, Binary, Unary};
use super::kernels::isa::Isa;
use super::kernels::memory::Lines;
use super::kernels::reduce::{self, Reduce};

/// Where an instruction reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    /// An input of the program; always full.
    Input(usize),
    /// What the instruction of this number gave.
    Value(usize),
}

/// One instruction.
#[derive(Clone, Copy, Debug)]
pub enum Instruction {
    /// A function of one value.
    Unary(Unary, Operand),
    /// A function of two values of one kind.
    Binary(Binary, Operand, Operand),
    /// The second where the first is not zero, else the third.
    Select(Operand, Operand, Operand),
    /// A number everywhere; always full.
    Number(f32),
    /// Full to column.
    Reduce(Reduce, Operand),
    /// Column to full.
    Expand(Operand),
}

/// A straight program; its results are full.
#[derive(Clone, Debug, Default)]
pub struct Program {
    instructions: Vec<Instruction>,
    /// The values that are results, in their order.
    results: Vec<usize>,
    is_column: Vec<bool>,
    /// Where each value lies, and how many registers there are.
    places: Vec<Place>,
    count: usize,
}

impl Program {
    /// A program of these instructions, the last of which gives the result.
    pub fn new(instructions: Vec<Instruction>) -> Program {
        let last = instructions.len().saturating_sub(1);
        Program::with_results(instructions, vec![last])
    }

    /// A program of these instructions and the numbers of those that give its results.
    pub fn with_results(instructions: Vec<Instruction>, results: Vec<usize>) -> Program {
        let mut program = Program { instructions, results, ..Program::default() };
        for instruction in &program.instructions {
            let column = match *instruction {
                Instruction::Unary(_, x) | Instruction::Binary(_, x, _) | Instruction::Select(x, ..) => {
                    match x {
                        Operand::Input(_) => false,
                        Operand::Value(at) => program.is_column[at],
                    }
                }
                Instruction::Reduce(..) => true,
                Instruction::Expand(_) | Instruction::Number(_) => false,
            };
            program.is_column.push(column);
        }
        program.allocate();
        program
    }

    /// The instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// How many results there are.
    pub fn results(&self) -> usize {
        self.results.len()
    }

    /// Whether rows must be whole.
    pub fn has_reductions(&self) -> bool {
        self.instructions.iter().any(|i| matches!(i, Instruction::Reduce(..)))
    }

    /// Runs on one block of whole rows (or, without reductions, of any elements): full inputs as long as `out`.
    pub fn run(&self, isa: Isa, inputs: &[&[f32]], width: usize, out: &mut [f32], scratch: &mut Scratch) {
        self.run_all(isa, inputs, width, &mut [out], scratch);
    }

    /// The same for programs of any number of results: `outs` are as long as each other.
    pub fn run_all(
        &self,
        isa: Isa,
        inputs: &[&[f32]],
        width: usize,
        outs: &mut [&mut [f32]],
        scratch: &mut Scratch,
    ) {
        let len = outs.first().map_or(0, |out| out.len());
        let rows = len.checked_div(width).unwrap_or(0);
        scratch.registers.resize_with(self.count.max(scratch.registers.len()), Lines::default);
        for (at, instruction) in self.instructions.iter().enumerate() {
            // The target is taken out, so that the others can be read meanwhile.
            let mut register = Lines::default();
            let mut result: &mut [f32] = &mut [];
            let target: &mut [f32] = match self.place(at) {
                Place::Result(place) => {
                    result = std::mem::take(&mut outs[place]);
                    &mut *result
                }
                Place::Register(place) => {
                    register = std::mem::take(&mut scratch.registers[place]);
                    register.resize(if self.is_column[at] { rows } else { len });
                    &mut register
                }
            };
            let read = |operand: Operand| match operand {
                Operand::Input(i) => inputs[i],
                Operand::Value(value) => match self.place(value) {
                    Place::Result(place) => &*outs[place],
                    Place::Register(place) => &scratch.registers[place],
                },
            };
            match *instruction {
                Instruction::Unary(f, x) => elementwise::unary(isa, f, read(x), target),
                Instruction::Binary(f, a, b) => elementwise::binary(isa, f, read(a), read(b), target),
                Instruction::Select(c, a, b) => elementwise::select(isa, read(c), read(a), read(b), target),
                Instruction::Number(number) => elementwise::fill(isa, number, target),
                Instruction::Reduce(f, x) => reduce::rows(isa, f, read(x), width, target),
                Instruction::Expand(x) => {
                    for (row, &value) in target.chunks_exact_mut(width).zip(read(x)) {
                        row.fill(value);
                    }
                }
            }
            match self.place(at) {
                Place::Result(place) => outs[place] = result,
                Place::Register(place) => scratch.registers[place] = register,
            }
        }
    }

    fn place(&self, value: usize) -> Place {
        self.places[value]
    }

    /// Gives values that are no results registers; one is free again after its last reader.
    fn allocate(&mut self) {
        let mut last_use = vec![0; self.instructions.len()];
        for (at, instruction) in self.instructions.iter().enumerate() {
            for operand in instruction.operands() {
                if let Operand::Value(value) = operand {
                    last_use[value] = at;
                }
            }
        }
        let mut free = Vec::new();
        for at in 0..self.instructions.len() {
            let result = self.results.iter().position(|&result| result == at);
            self.places.push(match result {
                Some(place) => Place::Result(place),
                None => Place::Register(free.pop().unwrap_or_else(|| {
                    self.count += 1;
                    self.count - 1
                })),
            });
            for (place, _) in self.places[..at].iter().zip(&last_use).filter(|(_, last)| **last == at) {
                if let Place::Register(register) = *place {
                    free.push(register);
                }
            }
        }
    }
}

/// Where a value lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    Register(usize),
    Result(usize),
}

impl Instruction {
    /// What it reads.
    pub fn operands(&self) -> impl Iterator<Item = Operand> {
        let list = match *self {
            Instruction::Select(c, a, b) => [Some(c), Some(a), Some(b)],
            Instruction::Binary(_, a, b) => [Some(a), Some(b), None],
            Instruction::Unary(_, a) | Instruction::Reduce(_, a) | Instruction::Expand(a) => {
                [Some(a), None, None]
            }
            Instruction::Number(_) => [None; 3],
        };
        list.into_iter().flatten()
    }

    /// The same with other operands.
    pub fn map(&self, moved: impl Fn(Operand) -> Operand) -> Instruction {
        match *self {
            Instruction::Unary(f, x) => Instruction::Unary(f, moved(x)),
            Instruction::Binary(f, a, b) => Instruction::Binary(f, moved(a), moved(b)),
            Instruction::Select(c, a, b) => Instruction::Select(moved(c), moved(a), moved(b)),
            Instruction::Number(number) => Instruction::Number(number),
            Instruction::Reduce(f, x) => Instruction::Reduce(f, moved(x)),
            Instruction::Expand(x) => Instruction::Expand(moved(x)),
        }
    }
}

/// Registers of a running program, kept from run to run.
#[derive(Default)]
pub struct Scratch {
    registers: Vec<Lines>,
    /// Blocks of inputs whose place results take.
    pub held: Vec<Lines>,
    /// Inputs stretched to the block.
    pub stretched: Vec<Lines>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_have_several_results() {
        use {Instruction as I, Operand as O};
        let list = vec![
            I::Binary(Binary::Add, O::Input(0), O::Input(1)),
            I::Unary(Unary::Times(2.0), O::Value(0)),
            I::Unary(Unary::Plus(1.0), O::Value(1)),
            I::Binary(Binary::Multiply, O::Value(0), O::Value(2)),
        ];
        let program = Program::with_results(list, vec![3, 0]);
        let (mut product, mut sum) = ([0.0; 2], [0.0; 2]);
        let inputs: [&[f32]; 2] = [&[1.0, 2.0], &[3.0, 5.0]];
        let scratch = &mut Scratch::default();
        program.run_all(Isa::best(), &inputs, 2, &mut [&mut product, &mut sum], scratch);
        // 4 and 7 are the sums; 4 * (2 * 4 + 1), 7 * (2 * 7 + 1).
        assert_eq!((sum, product), ([4.0, 7.0], [36.0, 105.0]));
    }

    #[test]
    fn a_softmax_is_a_program() {
        use {Instruction as I, Operand as O};
        let program = Program::new(vec![
            I::Reduce(Reduce::Max, O::Input(0)),
            I::Expand(O::Value(0)),
            I::Binary(Binary::Subtract, O::Input(0), O::Value(1)),
            I::Unary(Unary::Exp, O::Value(2)),
            I::Reduce(Reduce::Sum, O::Value(3)),
            I::Expand(O::Value(4)),
            I::Binary(Binary::Divide, O::Value(3), O::Value(5)),
        ]);
        let x = [1.0, 2.0, 3.0, 0.0, 0.0, 0.0];
        let mut y = [0.0; 6];
        program.run(Isa::best(), &[&x], 3, &mut y, &mut Scratch::default());
        let sum = 1.0 + (-1.0f64).exp() + (-2.0f64).exp();
        assert!((f64::from(y[2]) - 1.0 / sum).abs() < 1e-7);
        assert!(y[3..].iter().all(|y| (y - 1.0 / 3.0).abs() < 1e-7));
    }
}
