//! `RNN`: any cell, called step after step.

use super::recurrence::{ARGUMENTS, Recurrence};
use crate::layers::prelude::*;

config! {
    /// Calls a cell step after step.
    pub struct RNN(
        /// The cell; a list of cells is a `StackedRNNCells`.
        cell: AnyLayer,
    ) {
        /// Whether the outputs of all steps are given.
        return_sequences: bool = false,
        /// Whether the last states are given after the output.
        return_state: bool = false,
        /// Whether the sequence is read from its end.
        go_backwards: bool = false,
        /// Whether the states outlive a call.
        stateful: bool = false,
        /// Whether Keras writes every step out instead of a loop; the numbers are the same.
        unroll: bool = false,
        /// Whether steps that do not count give zeros instead of the output before.
        zero_output_for_mask: bool = false,
    }
    also {
        /// Whether the steps are the first axis, the batch the second (Keras 2).
        time_major: bool = false,
    }
    first [return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask]
}

impl RNN {
    fn recurrence(&self) -> Recurrence<'_> {
        Recurrence {
            cell: &self.cell,
            return_sequences: self.return_sequences,
            return_state: self.return_state,
            go_backwards: self.go_backwards,
            stateful: self.stateful,
            zero_output_for_mask: self.zero_output_for_mask,
            time_major: self.time_major,
        }
    }
}

impl Layer for RNN {
    fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        self.recurrence().build(scope, inputs)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        self.recurrence().call(scope, inputs)
    }

    fn arguments(&self) -> &'static [&'static str] {
        ARGUMENTS
    }

    fn supports_masking(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        self.cell.layer().check()
    }
}
