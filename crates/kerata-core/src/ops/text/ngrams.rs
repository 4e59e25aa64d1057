//! `string_ngrams`: neighbouring tokens joined.

use super::split_text::{filled, filled_specs};
use super::strings::check;
use crate::array::Array;
use crate::graph::{GraphBuilder, Inputs, Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result};

op! {
    /// From rows of tokens, filled up, and their numbers: for each width in turn, all runs of so many neighbours joined;
    /// filled up and numbered like the input.
    pub struct StringNgrams("string_ngrams") {
        /// The widths.
        pub widths: Vec<usize>,
        /// What stands between joined tokens.
        pub separator: String,
    }
}

/// For each width in turn, all runs of so many neighbouring tokens joined.
pub fn string_ngrams(tokens: &Tensor, counts: &Tensor, widths: &[usize], separator: &str) -> Result<(Tensor, Tensor)> {
    let op = StringNgrams { widths: widths.to_vec(), separator: separator.to_owned() };
    let inputs = [tokens.clone(), counts.clone()];
    let made = GraphBuilder::innermost(&inputs)?.add(op, &inputs)?;
    let [tokens, counts] = made.exactly()?;
    Ok((tokens.clone(), counts.clone()))
}

impl Op for StringNgrams {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let [tokens, counts] = inputs.exactly()?;
        check(tokens)?;
        if counts.dtype != DType::Int32 || counts.rank() + 1 != tokens.rank() || self.widths.contains(&0) {
            return Err(Error::mismatch(format!("n-grams of {tokens}, numbers {counts}")));
        }
        Ok(filled_specs(counts.shape.axes()))
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let [tokens, counts] = inputs.exactly()?;
        self.spec(&[tokens.spec(), counts.spec()])?;
        let width = tokens.shape()[tokens.rank() - 1];
        let all = tokens.as_strings()?;
        let row = |(at, &count): (usize, &i32)| -> Vec<Vec<u8>> {
            let count = usize::try_from(count).unwrap_or(0).min(width);
            let row = &all[at * width..at * width + count];
            let runs = self.widths.iter().flat_map(|&width| row.windows(width));
            runs.map(|run| run.join(self.separator.as_bytes())).collect()
        };
        filled(counts.as_slice::<i32>()?.iter().enumerate().map(row).collect(), counts.shape())
    }
}
