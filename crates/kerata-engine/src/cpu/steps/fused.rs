//! A program over broadcast inputs as a step of its own.

use kerata_core::{Array, Error, Result};

use super::{Kernel, Over};
use crate::cpu::context::Context;
use crate::cpu::domain::Domain;
use crate::cpu::program::Program;

/// Runs a program; the outputs have the shape that is known, or the broadcast shape of the inputs.
pub(crate) struct Fused {
    program: Program,
    shape: Option<Vec<usize>>,
}

impl Kernel for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        self.run_over(cx, inputs, Vec::new())
    }

    fn writes_over(&self) -> bool {
        true
    }

    fn run_over(&self, cx: &Context, inputs: &[&Array], over: Vec<Over>) -> Result<Vec<Array>> {
        let mut shapes: Vec<&[usize]> = inputs.iter().map(|input| input.shape()).collect();
        over.iter().for_each(|over| shapes[over.input] = &over.shape);
        // A batch of none may be less than what was planned.
        let planned = self.shape.clone().filter(|shape| shapes.iter().all(|own| fits(own, shape)));
        let shape = planned.map_or_else(|| broadcast_shapes(&shapes), Ok)?;
        if over.iter().any(|over| over.shape != shape) {
            return self.run_stretched(cx, inputs, over);
        }
        let len: usize = shape.iter().product();
        let mut outputs: Vec<Vec<f32>> = vec![Vec::new(); self.program.results()];
        let mut places = vec![None; outputs.len()];
        for Over { input, output, elements, .. } in over {
            (outputs[output], places[output]) = (elements, Some(input));
        }
        for (at, output) in outputs.iter_mut().enumerate().filter(|(_, output)| output.len() < len) {
            *output = cx.take(at, len);
        }
        // What stands for an input that is written over is empty, and not looked at.
        let mut slices = slices(inputs)?;
        places.iter().flatten().for_each(|&place: &usize| slices[place].1 = &shape);
        let domain = Domain::new(&shape, &slices, self.program.has_reductions());
        let mut outs: Vec<&mut [f32]> = outputs.iter_mut().map(|output| &mut output[..len]).collect();
        domain.run(cx.isa, cx.workers, &self.program, &mut outs, &places);
        outputs.into_iter().map(|output| Array::from_front(&shape[..], output)).collect()
    }
}

impl Fused {
    /// The step of a program.
    pub fn new(program: Program, shape: Option<Vec<usize>>) -> Fused {
        Fused { program, shape }
    }

    /// Runs with inputs that turn out to be smaller than the output, and are no place for it.
    fn run_stretched(&self, cx: &Context, inputs: &[&Array], over: Vec<Over>) -> Result<Vec<Array>> {
        let given =
            over.into_iter().map(|over| Ok((over.input, Array::from_front(over.shape, over.elements)?)));
        let given = given.collect::<Result<Vec<(usize, Array)>>>()?;
        let mut inputs = inputs.to_vec();
        given.iter().for_each(|(place, array)| inputs[*place] = array);
        self.run_over(cx, &inputs, Vec::new())
    }
}

/// The floats and shapes of inputs.
pub(crate) fn slices<'a>(inputs: &[&'a Array]) -> Result<Vec<(&'a [f32], &'a [usize])>> {
    inputs.iter().map(|input| Ok((input.as_f32()?, input.shape()))).collect()
}

/// Whether a shape broadcasts to another.
fn fits(own: &[usize], shape: &[usize]) -> bool {
    let mut pairs = own.iter().rev().zip(shape.iter().rev());
    own.len() <= shape.len() && pairs.all(|(own, size)| *own == 1 || own == size)
}

/// The shape that all inputs broadcast to.
pub(crate) fn broadcast(inputs: &[&Array]) -> Result<Vec<usize>> {
    broadcast_shapes(&inputs.iter().map(|input| input.shape()).collect::<Vec<_>>())
}

fn broadcast_shapes(shapes: &[&[usize]]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(|own| own.len()).max().unwrap_or(0);
    let mut shape = vec![1; rank];
    for own in shapes {
        for (axis, &size) in own.iter().enumerate() {
            let to = &mut shape[axis + rank - own.len()];
            if *to == 1 {
                *to = size;
            } else if size != 1 && size != *to {
                return Err(Error::mismatch(format!("shapes {own:?} and {shape:?} do not broadcast")));
            }
        }
    }
    Ok(shape)
}
