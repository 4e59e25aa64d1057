//! `regex_replace`: matches of a regular expression replaced.

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::strings::{map, same_spec};
use crate::array::Array;
use crate::graph::{Tensor, TensorSpec};
use crate::ops::{Op, not_differentiable, op, op_basics};
use crate::{Error, Result};

/// Bytes that a compiled expression may take.
const MAX_COMPILED_BYTES: usize = 10 << 20;

op! {
    /// Matches of a regular expression replaced by a text.
    pub struct RegexReplace("regex_replace") {
        /// The expression, in the syntax of RE2.
        pub pattern: String,
        /// The text; `\1` to `\9` stand for groups, `\0` for the match.
        pub rewrite: String,
        /// Whether all matches are replaced, else the first one.
        pub global: bool,
    }
}

/// All matches of a regular expression replaced; `\1` to `\9` in the text stand for groups.
pub fn regex_replace(x: &Tensor, pattern: &str, rewrite: &str) -> Result<Tensor> {
    x.apply(RegexReplace { pattern: pattern.to_owned(), rewrite: rewrite.to_owned(), global: true })
}

impl RegexReplace {
    fn compile(&self) -> Result<Regex> {
        RegexBuilder::new(&self.pattern)
            .size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|error| Error::unsupported(format!("regular expression: {error}")))
    }

    /// The text with groups put in.
    fn rewritten(&self, captures: &Captures<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = self.rewrite.bytes();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => match bytes.next() {
                    Some(digit @ b'0'..=b'9') => {
                        let group = captures.get(usize::from(digit - b'0'));
                        out.extend(group.map_or(&[][..], |group| group.as_bytes()));
                    }
                    other => out.extend(other),
                },
                other => out.push(other),
            }
        }
        out
    }
}

impl Op for RegexReplace {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        self.compile()?;
        same_spec(inputs)
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let regex = self.compile()?;
        let most = usize::from(!self.global);
        map(inputs, |text| {
            regex.replacen(text, most, |captures: &Captures<'_>| self.rewritten(captures)).into_owned()
        })
    }
}
