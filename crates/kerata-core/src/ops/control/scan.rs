//! `scan`: a body applied to each element of sequences in turn, with state carried along.

use crate::array::Array;
use crate::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, op, op_basics};
use crate::{Error, Result, ResultExt, Shape, autodiff};

op! {
    /// Inputs: initial states, then sequences along axis 0, then values that the body has captured. The body takes states,
    /// one element of each sequence, captures; it gives new states and one element of each result. Outputs: last states,
    /// then results stacked along axis 0 in the order of the sequences.
    pub struct Scan("scan") {
        /// What is done in each step.
        pub body: Graph,
        /// Number of states.
        pub states: usize,
        /// Number of sequences.
        pub sequences: usize,
        /// Number of steps when there are no sequences.
        pub length: Option<u64>,
        /// Whether to begin at the end of the sequences.
        pub reverse: bool,
    }
}

/// How a scan goes through its sequences.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScanOptions {
    /// Number of steps when there are no sequences.
    pub length: Option<u64>,
    /// Whether to begin at the end; results keep the order of the sequences.
    pub reverse: bool,
}

/// Applies `body(states, elements) -> (states, results)` to each element of sequences (along axis 0) in turn; gives the
/// last states and the stacked results.
pub fn scan(
    builder: &GraphBuilder,
    states: &[Tensor],
    sequences: &[Tensor],
    options: ScanOptions,
    body: impl FnOnce(&[Tensor], &[Tensor]) -> Result<(Vec<Tensor>, Vec<Tensor>)>,
) -> Result<(Vec<Tensor>, Vec<Tensor>)> {
    let child = builder.subgraph("body");
    let state_inputs: Vec<Tensor> =
        states.iter().enumerate().map(|(at, state)| child.input(format!("state_{at}"), state.spec().clone())).collect();
    let elements = sequences
        .iter()
        .enumerate()
        .map(|(at, sequence)| Ok(child.input(format!("element_{at}"), element_spec(sequence.spec())?)))
        .collect::<Result<Vec<_>>>()?;
    let (new_states, results) = body(&state_inputs, &elements)?;
    let count = results.len();
    let outputs: Vec<Tensor> = new_states.into_iter().chain(results).collect();
    let (body, captures) = child.finish_body(&outputs)?;
    let op = Scan {
        body,
        states: states.len(),
        sequences: sequences.len(),
        length: options.length,
        reverse: options.reverse,
    };
    let inputs: Vec<Tensor> = states.iter().chain(sequences).chain(&captures).cloned().collect();
    let mut outputs = builder.add(op, &inputs)?;
    let results = outputs.split_off(outputs.len() - count);
    Ok((outputs, results))
}

/// The spec of one element of a sequence.
fn element_spec(sequence: &TensorSpec) -> Result<TensorSpec> {
    let [_, rest @ ..] = sequence.shape.axes() else {
        return Err(Error::mismatch("a scalar is no sequence"));
    };
    Ok(TensorSpec::new(sequence.dtype, Shape::new(rest.iter().copied())))
}

impl Scan {
    /// The number of steps, as far as known.
    fn steps(&self, inputs: &[TensorSpec]) -> Option<u64> {
        let sequences = inputs.get(self.states..self.states + self.sequences).unwrap_or(&[]);
        sequences.iter().find_map(|sequence| sequence.shape.axes().first().copied().flatten()).or(self.length)
    }
}

impl Op for Scan {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let first_capture = self.states.saturating_add(self.sequences);
        if inputs.len() < first_capture || (self.sequences == 0 && self.length.is_none()) {
            return Err(Error::mismatch(format!("a scan over {} sequences with {} inputs", self.sequences, inputs.len())));
        }
        let mut expected = inputs[..self.states].to_vec();
        for sequence in &inputs[self.states..first_capture] {
            expected.push(element_spec(sequence)?);
        }
        expected.extend_from_slice(&inputs[first_capture..]);
        super::check_body(&self.body, &expected)?;
        let made = self.body.output_specs_for(&expected)?;
        if made.len() < self.states {
            return Err(Error::mismatch(format!("the body gives {} values for {} states", made.len(), self.states)));
        }
        let mut outputs = Vec::with_capacity(made.len());
        for (state, new) in inputs.iter().zip(&made[..self.states]) {
            outputs.push(super::meet(state, new).ok_or_else(|| {
                Error::mismatch(format!("a state begins as {state} and goes on as {new}"))
                    .hint("dtype and shape of a loop state must stay the same")
            })?);
        }
        let steps = self.steps(inputs);
        for result in &made[self.states..] {
            let axes = std::iter::once(steps).chain(result.shape.axes().iter().copied());
            outputs.push(TensorSpec::new(result.dtype, Shape::new(axes)));
        }
        Ok(outputs)
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let specs: Vec<TensorSpec> = inputs.iter().map(Array::spec).collect();
        let outputs = self.spec(&specs)?;
        let (states, rest) = inputs.split_at(self.states);
        let (sequences, captures) = rest.split_at(self.sequences);
        let steps = self.steps(&specs).and_then(|steps| usize::try_from(steps).ok()).unwrap_or(0);
        if sequences.iter().any(|sequence| sequence.shape().first() != Some(&steps)) {
            return Err(Error::mismatch("sequences of different lengths"));
        }
        let mut states = states.to_vec();
        let mut results: Vec<Vec<Array>> = vec![Vec::new(); outputs.len() - self.states];
        for step in 0..steps {
            let at = if self.reverse { steps - 1 - step } else { step };
            let mut arguments = std::mem::take(&mut states);
            for sequence in sequences {
                let shape = &sequence.shape()[1..];
                let width = shape.iter().product();
                arguments.push(sequence.take_runs(&[at * width], width, shape)?);
            }
            arguments.extend_from_slice(captures);
            let mut made = self.body.evaluate(&arguments, &super::no_variables).at(|| format!("step {at}"))?.0;
            for (list, result) in results.iter_mut().zip(made.split_off(self.states)) {
                let mut shape = result.shape().to_vec();
                shape.insert(0, 1);
                list.push(result.reshape(shape)?);
            }
            states = made;
        }
        for (list, spec) in results.iter_mut().zip(&outputs[self.states..]) {
            if self.reverse {
                list.reverse();
            }
            let joined = if list.is_empty() {
                Array::zeros(spec.sizes()?, spec.dtype)?
            } else {
                Array::join(&list.iter().collect::<Vec<_>>(), 0)?
            };
            states.push(joined);
        }
        Ok(states)
    }

    /// Goes through the steps again to write down the states before each, then back through the steps, in each of which
    /// the body is computed again and its gradient taken.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let builder = g.builder()?;
        let (states, rest) = g.inputs.split_at(self.states);
        let (sequences, captures) = rest.split_at(self.sequences);
        let options = ScanOptions { length: self.length, reverse: self.reverse };
        let (_, before) = scan(builder, states, sequences, options, |states, elements| {
            let child = body_builder(states, elements, builder)?;
            let arguments: Vec<Tensor> = states.iter().chain(elements).chain(captures).cloned().collect();
            let mut made = child.inline(&self.body, &arguments)?;
            made.truncate(self.states);
            Ok((made, states.to_vec()))
        })?;

        let flows = |at: usize, spec: &TensorSpec| {
            g.is_wanted(at) && !spec.dtype.is_integer() && !matches!(spec.dtype, crate::DType::Bool | crate::DType::String)
        };
        let first_capture = self.states + self.sequences;
        // What is carried back: gradients of float states, then sums of gradients of float captures.
        let is_float = |state: &Tensor| {
            !state.dtype().is_integer() && !matches!(state.dtype(), crate::DType::Bool | crate::DType::String)
        };
        let float_states: Vec<usize> = (0..self.states).filter(|&at| is_float(&states[at])).collect();
        let float_captures: Vec<usize> =
            (0..captures.len()).filter(|&at| flows(first_capture + at, captures[at].spec())).collect();
        let float_elements: Vec<usize> =
            (0..self.sequences).filter(|&at| flows(self.states + at, sequences[at].spec())).collect();
        let float_results: Vec<usize> =
            (self.states..g.outputs.len()).filter(|&at| matches!(g.grads.get(at), Some(Some(_)))).collect();
        let mut carried = Vec::new();
        for &at in &float_states {
            carried.push(g.grad(at)?);
        }
        for &at in &float_captures {
            carried.push(ops::zeros_like(&captures[at])?);
        }
        let mut inputs = before;
        inputs.extend_from_slice(sequences);
        for &at in &float_results {
            inputs.push(g.grad(at)?);
        }
        let back = ScanOptions { length: self.length, reverse: !self.reverse };
        let mut later = vec![None; float_captures.len()];
        let (last, per_step) = scan(builder, &carried, &inputs, back, |carried, elements| {
            let child = body_builder(carried, elements, builder)?;
            let (own, result_grads) = elements.split_at(self.states + self.sequences);
            let captured = captures.iter().map(|capture| child.local(capture)).collect::<Result<Vec<_>>>()?;
            let arguments: Vec<Tensor> = own.iter().chain(&captured).cloned().collect();
            let made = child.inline(&self.body, &arguments)?;
            let mut grads = vec![None; made.len()];
            for (&at, grad) in float_states.iter().zip(carried) {
                grads[at] = Some(grad.clone());
            }
            for (&at, grad) in float_results.iter().zip(result_grads) {
                grads[at] = Some(grad.clone());
            }
            let wrt: Vec<Tensor> = float_states
                .iter()
                .map(|&at| own[at].clone())
                .chain(float_captures.iter().map(|&at| captured[at].clone()))
                .chain(float_elements.iter().map(|&at| own[self.states + at].clone()))
                .collect();
            let flowing = autodiff::flows(&child, &made, &grads, &wrt)?;
            let mut new = Vec::new();
            let mut results = Vec::new();
            let mut of_captures = Vec::new();
            for (at, (grad, wrt)) in flowing.into_iter().zip(&wrt).enumerate() {
                let grad = grad.map_or_else(|| ops::zeros_like(wrt), Ok)?;
                if at < float_states.len() {
                    new.push(grad);
                } else if at < carried.len() {
                    of_captures.push((at, grad));
                } else {
                    results.push(grad);
                }
            }
            for ((at, grad), later) in of_captures.into_iter().zip(&mut later) {
                *later = Later::of(&child, &grad, elements, &mut results)?;
                // What is summed afterwards is carried along as the zeros that it began as.
                new.push(if later.is_some() { carried[at].clone() } else { ops::add(&carried[at], &grad)? });
            }
            Ok((new, results))
        })?;

        let mut grads = vec![None; g.inputs.len()];
        for (&at, grad) in float_states.iter().zip(&last) {
            grads[at] = Some(grad.clone());
        }
        let sums = last[float_states.len()..].iter().zip(later);
        for (&at, (sum, later)) in float_captures.iter().zip(sums) {
            grads[first_capture + at] = Some(match later {
                Some(later) => later.sum(&captures[at], &inputs, &per_step)?,
                None => sum.clone(),
            });
        }
        for (&at, grad) in float_elements.iter().zip(&per_step) {
            grads[self.states + at] = Some(grad.clone());
        }
        Ok(grads)
    }

    fn subgraphs(&self) -> Vec<&Graph> {
        vec![&self.body]
    }
}

/// A gradient of a capture that is not summed step by step but at once for all steps, when the parts it is made of are there.
#[derive(Clone, Copy)]
enum Later {
    /// The product of what each step multiplied by, transposed, with a gradient.
    Product { left: Part, right: Part },
    /// The sum of a gradient.
    Sum(Part),
}

/// A value of each step.
#[derive(Clone, Copy)]
enum Part {
    /// An element of a sequence that goes in.
    Input(usize),
    /// An element of a result.
    Result(usize),
}

impl Part {
    /// A value of the body for after the loop: an element, or one more result.
    fn keep(value: &Tensor, elements: &[Tensor], results: &mut Vec<Tensor>) -> Self {
        let among = |list: &[Tensor]| list.iter().position(|known| known.id() == value.id());
        if let Some(at) = among(elements) {
            return Self::Input(at);
        }
        Self::Result(among(results).unwrap_or_else(|| {
            results.push(value.clone());
            results.len() - 1
        }))
    }

    /// The values of all steps.
    fn all<'a>(self, inputs: &'a [Tensor], results: &'a [Tensor]) -> Result<&'a Tensor> {
        let found = match self {
            Self::Input(at) => inputs.get(at),
            Self::Result(at) => results.get(at),
        };
        found.ok_or_else(|| Error::internal("a value of each step"))
    }

    /// The same as one matrix, when they are matrices of rows.
    fn rows(self, inputs: &[Tensor], results: &[Tensor]) -> Result<Tensor> {
        let all = self.all(inputs, results)?;
        ops::reshape(all, [-1, all.spec().known_axis(-1)? as i64])
    }
}

impl Later {
    /// Takes a gradient apart: products of matrices with matrices of known width, and sums over what a value was stretched to.
    fn of(child: &GraphBuilder, grad: &Tensor, elements: &[Tensor], results: &mut Vec<Tensor>) -> Result<Option<Self>> {
        let (node, inputs) = child.producer(grad)?;
        let (Some(op), Some(first)) = (node.op(), inputs.first()) else { return Ok(None) };
        let is_matrix = |x: &Tensor| x.rank() == 2 && x.spec().size(1).is_some();
        let sum = op.as_any().downcast_ref::<ops::Sum>();
        match (op.name(), inputs.get(1)) {
            ("matmul", Some(second)) => {
                let (node, inputs) = child.producer(first)?;
                let is_turned = node.op().is_some_and(|op| op.name() == "transpose");
                let [left] = &inputs[..] else { return Ok(None) };
                if !is_turned || !is_matrix(left) || !is_matrix(second) {
                    return Ok(None);
                }
                let left = Part::keep(left, elements, results);
                Ok(Some(Self::Product { left, right: Part::keep(second, elements, results) }))
            }
            ("sum_like", _) => Ok(Some(Self::Sum(Part::keep(first, elements, results)))),
            _ if sum.is_some_and(|sum| !sum.keepdims && sum.axes.iter().copied().eq(0..first.rank() - grad.rank())) => {
                Ok(Some(Self::Sum(Part::keep(first, elements, results))))
            }
            _ => Ok(None),
        }
    }

    /// The sum over all steps.
    fn sum(self, capture: &Tensor, inputs: &[Tensor], results: &[Tensor]) -> Result<Tensor> {
        match self {
            Self::Product { left, right } => {
                let turned = ops::swap_last(&left.rows(inputs, results)?)?;
                ops::matmul(&turned, &right.rows(inputs, results)?)
            }
            Self::Sum(part) => ops::unbroadcast(part.all(inputs, results)?, capture),
        }
    }
}

/// The builder of a body from its inputs, of which there is at least one.
fn body_builder(states: &[Tensor], elements: &[Tensor], outer: &GraphBuilder) -> Result<GraphBuilder> {
    let first = states.iter().chain(elements).next();
    first.map(|tensor| tensor.builder().clone()).ok_or_else(|| {
        Error::unsupported(format!("the gradient of a scan without states and sequences in `{}`", outer.name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    /// A running sum, traced for any number of rows.
    #[test]
    fn results_have_the_sizes_that_follow_from_the_inputs() {
        let builder = GraphBuilder::new("sums");
        let floats = |axes: &[Option<u64>]| TensorSpec::new(DType::Float32, Shape::new(axes.iter().copied()));
        let state = builder.input("state", floats(&[None, Some(3)]));
        let sequence = builder.input("sequence", floats(&[None, None, Some(3)]));
        let body = |states: &[Tensor], elements: &[Tensor]| {
            let sum = ops::add(&states[0], &elements[0])?;
            Ok((vec![sum.clone()], vec![ops::exp(&sum)?]))
        };
        let (_, results) = scan(&builder, &[state], &[sequence], ScanOptions::default(), body).unwrap();
        assert_eq!(results[0].spec(), &floats(&[None, None, Some(3)]));
        let graph = builder.finish(&[("sums", &results[0])]).unwrap();
        let op = graph.nodes.iter().find_map(|node| node.op()).unwrap();
        let made = op.spec(&[floats(&[Some(2), Some(3)]), floats(&[Some(5), Some(2), Some(3)])]).unwrap();
        assert_eq!(made[1], floats(&[Some(5), Some(2), Some(3)]));
    }
}
