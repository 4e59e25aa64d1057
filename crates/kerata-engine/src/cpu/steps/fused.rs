//! A program over broadcast inputs as a step of its own.

use kerata_core::{Array, Error, Result};

use super::Kernel;
use crate::cpu::context::Context;
use crate::cpu::domain::Domain;
use crate::cpu::program::Program;

/// Runs a program; the output has the broadcast shape of the inputs.
pub(crate) struct Fused(pub Program);

impl Kernel for Fused {
    fn name(&self) -> &'static str {
        "fused"
    }

    fn run(&self, cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let shape = broadcast(inputs)?;
        let slices = slices(inputs)?;
        let domain = Domain::new(&shape, &slices, self.0.has_reductions());
        let output = cx.float(shape, |out| {
            domain.run(cx.isa, cx.workers, &self.0, out);
            Ok(())
        })?;
        Ok(vec![output])
    }
}

/// The floats and shapes of inputs.
pub(crate) fn slices<'a>(inputs: &[&'a Array]) -> Result<Vec<(&'a [f32], &'a [usize])>> {
    inputs.iter().map(|input| Ok((input.as_f32()?, input.shape()))).collect()
}

/// The shape that all inputs broadcast to.
pub(crate) fn broadcast(inputs: &[&Array]) -> Result<Vec<usize>> {
    let rank = inputs.iter().map(|input| input.rank()).max().unwrap_or(0);
    let mut shape = vec![1; rank];
    for input in inputs {
        for (axis, &size) in input.shape().iter().enumerate() {
            let to = &mut shape[axis + rank - input.rank()];
            if *to == 1 {
                *to = size;
            } else if size != 1 && size != *to {
                return Err(Error::mismatch(format!(
                    "shapes {:?} and {shape:?} do not broadcast",
                    input.shape()
                )));
            }
        }
    }
    Ok(shape)
}
