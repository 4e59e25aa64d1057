//! `Cell`: the body of a loop over sequences as work on rows of floats: products with packed weights, programs, and
//! selections by a mask.
//!
//! The gates of a recurrent layer are parts of one row, so that splitting them moves nothing; states and what is between
//! are buffers that all steps share. Rows do not meet, so any of them can be run apart with the same bits.

mod compile;
mod run;

pub(super) use run::{Element, Memory};

use super::kernels::pack::Panels;
use super::program::Program;

/// A body that is made ready.
pub(super) struct Cell {
    /// Width of each sequence's element, and of what was computed ahead, in floats.
    elements: Vec<usize>,
    /// Rows that are the same in each step.
    constants: Vec<Vec<f32>>,
    /// Widths of the buffers of a step.
    registers: Vec<usize>,
    work: Vec<Work>,
    states: Vec<State>,
    results: Vec<Part>,
}

/// What is carried from step to step.
pub(super) enum State {
    /// Rows of so many floats, and where the new ones are found at the end of a step.
    Rows(usize, Part),
    /// A whole number that grows by this much in a step.
    Counter(i64),
}

/// Where rows lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In a state, as it was before the step.
    State(usize),
    /// In the step's element of a sequence.
    Element(usize),
    /// In what earlier work of the step gave.
    Register(usize),
    /// In a constant, one row for all.
    Constant(usize),
}

/// Neighbouring columns of the rows of a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    place: Place,
    offset: usize,
    width: usize,
}

/// What is done in a step; each result is a register of its own.
enum Work {
    Product {
        left: Part,
        right: Panels,
        bias: Option<Vec<f32>>,
        to: usize,
    },
    Program {
        program: Program,
        inputs: Vec<Part>,
        to: usize,
    },
    /// The rows of one value where the mask is true, of the other where it is not.
    Select {
        mask: usize,
        on: Part,
        off: Part,
        to: usize,
    },
}

impl Cell {
    /// The states, in order.
    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// Floats in a row of each result.
    pub fn result_widths(&self) -> impl Iterator<Item = usize> {
        self.results.iter().map(|part| part.width)
    }

    /// Floats in a row of the elements from `first` on.
    pub fn element_width(&self, first: usize) -> usize {
        self.elements.iter().skip(first).sum()
    }

    /// Floats in a row of everything a step touches.
    pub fn row_width(&self) -> usize {
        self.registers.iter().chain(&self.elements).sum()
    }

    /// Floats in a row of a place, when its rows lie behind each other.
    fn full_width(&self, place: Place) -> Option<usize> {
        match place {
            Place::State(at) => match self.states[at] {
                State::Rows(width, _) => Some(width),
                State::Counter(_) => None,
            },
            Place::Element(at) => Some(self.elements[at]),
            Place::Register(at) => Some(self.registers[at]),
            Place::Constant(_) => None,
        }
    }
}
