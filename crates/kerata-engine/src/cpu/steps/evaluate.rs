//! The step of any op: its plain definition.

use std::sync::Arc;

use kerata_core::ops::Op;
use kerata_core::{Array, Result};

use super::{Kernel, Memory};
use crate::cpu::context::Context;

/// Evaluates an op as it defines itself.
pub(crate) struct Evaluate(pub Arc<dyn Op>);

impl Kernel for Evaluate {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn memory(&self) -> Memory {
        Memory::Own
    }

    fn run(&self, _cx: &Context, inputs: &[&Array]) -> Result<Vec<Array>> {
        let inputs: Vec<Array> = inputs.iter().map(|&input| input.clone()).collect();
        self.0.evaluate(&inputs)
    }
}
