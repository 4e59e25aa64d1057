//! `while`: a body applied to values as long as a condition holds.

use crate::array::Array;
use crate::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use crate::ops::{self, Gradient, Op, ScanOptions, op, op_basics};
use crate::{DType, Error, Result, ResultExt};

op! {
    /// Inputs: values, then what the condition has captured, then what the body has. Outputs: the last values.
    pub struct While("while") {
        /// From values and its captures to a bool: whether to go on.
        pub condition: Graph,
        /// From values and its captures to new values.
        pub body: Graph,
        /// Number of values.
        pub values: usize,
        /// Most steps, after which the loop ends whatever the condition says.
        pub max_steps: Option<u64>,
    }
}

/// Applies a body to values as long as a condition on them holds, at most `max_steps` times.
pub fn while_loop(
    builder: &GraphBuilder,
    values: &[Tensor],
    max_steps: Option<u64>,
    condition: impl FnOnce(&[Tensor]) -> Result<Tensor>,
    body: impl FnOnce(&[Tensor]) -> Result<Vec<Tensor>>,
) -> Result<Vec<Tensor>> {
    let inputs_of = |child: &GraphBuilder| -> Vec<Tensor> {
        let input = |(at, value): (usize, &Tensor)| child.input(format!("value_{at}"), value.spec().clone());
        values.iter().enumerate().map(input).collect()
    };
    let child = builder.subgraph("condition");
    let (condition, mut captures) = child.finish_body(&[condition(&inputs_of(&child))?])?;
    let child = builder.subgraph("body");
    let (body, body_captures) = child.finish_body(&body(&inputs_of(&child))?)?;
    captures.extend(body_captures);
    let inputs: Vec<Tensor> = values.iter().chain(&captures).cloned().collect();
    builder.add(While { condition, body, values: values.len(), max_steps }, &inputs)
}

impl While {
    /// Values, captures of the condition, captures of the body.
    fn parts<'a, T>(&self, inputs: &'a [T]) -> Result<(&'a [T], &'a [T], &'a [T])> {
        let captures = self.condition.inputs.len().checked_sub(self.values);
        let end = captures.and_then(|captures| captures.checked_add(self.values));
        match (end, inputs.get(..self.values)) {
            (Some(end), Some(values)) if end <= inputs.len() => {
                Ok((values, &inputs[self.values..end], &inputs[end..]))
            }
            _ => Err(Error::mismatch(format!("a loop over {} values with {} inputs", self.values, inputs.len()))),
        }
    }
}

impl Op for While {
    op_basics!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let (values, condition, body) = self.parts(inputs)?;
        super::check_body(&self.condition, &[values, condition].concat())?;
        super::check_body(&self.body, &[values, body].concat())?;
        let asked = self.condition.output_specs()?;
        if asked.len() != 1 || asked[0].dtype != DType::Bool {
            return Err(Error::mismatch("the condition of a loop gives one bool"));
        }
        let made = self.body.output_specs()?;
        if made.len() != self.values {
            return Err(Error::mismatch(format!("the body gives {} values of {}", made.len(), self.values)));
        }
        let meet = |(value, new)| {
            super::meet(value, new).ok_or_else(|| {
                Error::mismatch(format!("a value begins as {value} and goes on as {new}"))
                    .hint("dtype and shape of a loop value must stay the same")
            })
        };
        values.iter().zip(&made).map(meet).collect()
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        self.spec(&inputs.iter().map(Array::spec).collect::<Vec<_>>())?;
        let (values, condition, body) = self.parts(inputs)?;
        let mut values = values.to_vec();
        let mut step = 0;
        while self.max_steps.is_none_or(|most| step < most) {
            let arguments = [&values[..], condition].concat();
            let goes_on = self.condition.evaluate(&arguments, &super::no_variables).at(|| "condition")?.0;
            if goes_on.first().ok_or_else(|| Error::internal("no condition"))?.as_bools()? != [1] {
                break;
            }
            let arguments = [&values[..], body].concat();
            values = self.body.evaluate(&arguments, &super::no_variables).at(|| format!("step {step}"))?.0;
            step += 1;
        }
        Ok(values)
    }

    /// As a scan of the most steps there can be.
    fn gradient(&self, g: &Gradient<'_>) -> Result<Vec<Option<Tensor>>> {
        let Some(outputs) = self.decompose(g.inputs)? else {
            return Err(Error::unsupported("the gradient of a loop without a largest number of steps")
                .hint("give `maximum_iterations`"));
        };
        crate::autodiff::flows(g.builder()?, &outputs, g.grads, g.inputs)
    }

    /// A scan of the most steps, in which the values stay once the condition has failed.
    fn decompose(&self, inputs: &[Tensor]) -> Result<Option<Vec<Tensor>>> {
        let Some(length) = self.max_steps else { return Ok(None) };
        let builder = GraphBuilder::innermost(inputs)?.clone();
        let (values, condition, body) = self.parts(inputs)?;
        let mut states = values.to_vec();
        states.push(builder.constant(Array::from_bools([], vec![true])?));
        let options = ScanOptions { length: Some(length), ..ScanOptions::default() };
        let (mut last, _) = ops::scan(&builder, &states, &[], options, |states, _| {
            let (running, values) = states.split_last().ok_or_else(|| Error::internal("no states"))?;
            let child = running.builder();
            let asked = child.inline(&self.condition, &[values, condition].concat())?;
            let asked = ops::reshape(&asked[0], Vec::<ops::Size>::new())?;
            let running = ops::logical_and(running, &asked)?;
            let new = child.inline(&self.body, &[values, body].concat())?;
            let mut kept = new
                .iter()
                .zip(values)
                .map(|(new, old)| ops::select(&running, new, old))
                .collect::<Result<Vec<_>>>()?;
            kept.push(running);
            Ok((kept, vec![]))
        })?;
        last.truncate(self.values);
        Ok(Some(last))
    }

    fn subgraphs(&self) -> Vec<&Graph> {
        vec![&self.condition, &self.body]
    }
}
