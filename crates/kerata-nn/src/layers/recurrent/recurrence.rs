//! `Recurrence`: how a cell goes through a sequence, for all recurrent layers.

use kerata_core::Role;

use crate::layers::prelude::*;

/// Names of the arguments of a recurrent layer.
pub(super) const ARGUMENTS: &[&str] = &["sequences", "initial_state", "mask", "training"];

/// How a cell goes through a sequence.
pub(super) struct Recurrence<'a> {
    pub cell: &'a AnyLayer,
    pub return_sequences: bool,
    pub return_state: bool,
    pub go_backwards: bool,
    pub stateful: bool,
    pub zero_output_for_mask: bool,
    pub time_major: bool,
}

impl Recurrence<'_> {
    /// Builds the cell for one step of the sequence, and the states that outlive a call.
    pub fn build(&self, scope: &mut Scope, inputs: &[TensorSpec]) -> Result<()> {
        let sequence = inputs.first().ok_or_else(|| Error::mismatch("expected a sequence, found nothing"))?;
        scope.build("cell", self.cell, &[self.step_spec(sequence)])?;
        if self.stateful {
            let batch = usize::from(self.time_major);
            let batch = sequence
                .known_axis(batch as i64)
                .map_err(|error| error.hint("a stateful layer needs a fixed batch size"))?;
            for (index, sizes) in self.cell.layer().states().into_iter().enumerate() {
                let shape: Vec<usize> = [batch].into_iter().chain(sizes).collect();
                let zeros = Initializer::zeros();
                scope.variable(&state_name(index), shape, &zeros)?.frozen().role(Role::State);
            }
        }
        Ok(())
    }

    /// Calls the cell step after step; without states from elsewhere it starts with zeros.
    pub fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let sequence = self.time_first(inputs.first().ok_or_else(|| Error::mismatch("no sequence"))?)?;
        let zero = |sizes: Vec<usize>| {
            let sizes = [sequence.size(1)].into_iter().chain(sizes.into_iter().map(ops::Size::from));
            ops::full(scope.builder(), sizes, 0.0, scope.compute_dtype())
        };
        let states = match self.given_states(scope, inputs)? {
            Some(states) => states,
            None => self.cell.layer().states().into_iter().map(zero).collect::<Result<_>>()?,
        };
        self.call_from(scope, &sequence, states)
    }

    /// The states that are passed, or kept from the call before.
    pub fn given_states(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
        let passed = match scope.argument("initial_state") {
            Some(states) => states.tensors().into_iter().map(|state| state.tensor.clone()).collect(),
            // Keras 2 passes them in the list of inputs.
            None => inputs.get(1..).unwrap_or_default().to_vec(),
        };
        let count = self.cell.layer().states().len();
        if !passed.is_empty() {
            if passed.len() != count {
                return Err(Error::mismatch(format!("expected {count} states, found {}", passed.len())));
            }
            let states = passed.iter().map(|state| ops::cast(state, scope.compute_dtype()));
            return states.collect::<Result<_>>().map(Some);
        }
        if !self.stateful {
            return Ok(None);
        }
        (0..count).map(|index| scope.get(&state_name(index))).collect::<Result<_>>().map(Some)
    }

    /// Calls the cell step after step on a sequence with its steps first.
    pub fn call_from(&self, scope: &Scope, sequence: &Tensor, states: Vec<Tensor>) -> Result<Vec<Tensor>> {
        let mask = match scope.mask(0) {
            Some(mask) => Some(self.time_first(&ops::cast(mask, DType::Bool)?)?),
            None => None,
        };
        let count = states.len();
        let mut carried = states;
        if mask.is_some() {
            // A step that does not count repeats the output before it.
            carried.push(self.first_output(scope, sequence, &carried)?);
        }
        let sequences: Vec<Tensor> = [sequence.clone()].into_iter().chain(mask.clone()).collect();
        let options = ops::ScanOptions { reverse: self.go_backwards, ..ops::ScanOptions::default() };
        let step = |carried: &[Tensor], elements: &[Tensor]| {
            let [x, counts @ ..] = elements else { return Err(Error::internal("a step without input")) };
            let states = &carried[..count];
            let arguments: Vec<Tensor> = [x.clone()].into_iter().chain(states.iter().cloned()).collect();
            let mut results = scope.call("cell", self.cell, &arguments)?.into_iter();
            let output = results.next().ok_or_else(|| Error::internal("a cell without output"))?;
            let mut new: Vec<Tensor> = results.collect();
            let [counts] = counts else { return Ok((new, vec![output])) };
            for (new, old) in new.iter_mut().zip(states) {
                *new = ops::select(&spread(counts, new.rank())?, new, old)?;
            }
            let before = match self.zero_output_for_mask {
                true => ops::zeros_like(&output)?,
                false => carried[count].clone(),
            };
            let output = ops::select(&spread(counts, output.rank())?, &output, &before)?;
            new.push(output.clone());
            Ok((new, vec![output]))
        };
        let (mut last, mut outputs) = ops::scan(scope.builder(), &carried, &sequences, options, step)?;
        last.truncate(count);
        let outputs = outputs.pop().ok_or_else(|| Error::internal("a scan without results"))?;
        self.results(scope, outputs, last)
    }

    /// The results in the form that is asked for; keeps the states that outlive the call.
    fn results(&self, scope: &Scope, outputs: Tensor, states: Vec<Tensor>) -> Result<Vec<Tensor>> {
        if self.stateful {
            for (index, state) in states.iter().enumerate() {
                scope.update(&state_name(index), state)?;
            }
        }
        let output = if self.return_sequences {
            // Backwards, the first output is that of the last step.
            let outputs = if self.go_backwards { ops::flip(&outputs, &[0])? } else { outputs };
            scope.set_mask(0, scope.mask(0).cloned());
            if self.time_major { outputs } else { ops::swapaxes(&outputs, 0, 1)? }
        } else {
            scope.set_mask(0, None);
            ops::index(&outputs, 0, if self.go_backwards { 0 } else { -1 })?
        };
        let states = if self.return_state { states } else { Vec::new() };
        [output].into_iter().chain(states).map(|result| ops::cast(&result, scope.compute_dtype())).collect()
    }

    /// Zeros in the shape of an output.
    fn first_output(&self, scope: &Scope, sequence: &Tensor, states: &[Tensor]) -> Result<Tensor> {
        let x = ops::index(sequence, 0, 0)?;
        let arguments: Vec<Tensor> = [x].into_iter().chain(states.iter().cloned()).collect();
        let outputs = scope.call("cell", self.cell, &arguments)?;
        let output = outputs.first().ok_or_else(|| Error::internal("a cell without output"))?;
        // The first state has the shape of the output in all cells of Keras but stacked ones.
        match states.iter().find(|state| state.shape() == output.shape()) {
            Some(state) => ops::zeros_like(state),
            None => ops::zeros_like(output),
        }
    }

    /// The sequence with its steps first.
    pub fn time_first(&self, sequence: &Tensor) -> Result<Tensor> {
        if self.time_major { Ok(sequence.clone()) } else { ops::swapaxes(sequence, 0, 1) }
    }

    fn step_spec(&self, sequence: &TensorSpec) -> TensorSpec {
        let step = usize::from(!self.time_major);
        let axes = sequence.shape.axes().iter().enumerate().filter(|(axis, _)| *axis != step);
        TensorSpec::new(sequence.dtype, axes.map(|(_, size)| *size).collect::<Shape>())
    }
}

/// Name of a state that outlives a call.
pub(super) fn state_name(index: usize) -> String {
    format!("rnn_state_{index}")
}

/// A mask of a batch with further axes of size one.
fn spread(mask: &Tensor, rank: usize) -> Result<Tensor> {
    (mask.rank()..rank).try_fold(mask.clone(), |mask, _| ops::expand_dims(&mask, -1))
}
