//! `string_split`: strings cut into tokens.

use super::strings::check;
use crate::array::Array;
use crate::graph::{Inputs, Tensor, TensorSpec};
use crate::ops::{Attribute, Op, not_differentiable, op, op_basics};
use crate::{DType, Error, Result, Tree};

/// Where strings are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SplitAt {
    /// At white space, which is dropped; there are no empty tokens.
    Whitespace,
    /// Between the characters of UTF-8 text.
    Characters,
    /// At each occurrence of a text, which is dropped.
    Text(String),
}

/// `"whitespace"`, `"characters"`, or `{"text": …}`.
impl Attribute for SplitAt {
    fn to_tree(&self) -> Tree {
        match self {
            Self::Whitespace => "whitespace".into(),
            Self::Characters => "characters".into(),
            Self::Text(text) => Tree::from([("text", Tree::from(text.as_str()))]),
        }
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        match (tree.as_str(), tree.get("text").and_then(Tree::as_str)) {
            (Some("whitespace"), _) => Ok(Self::Whitespace),
            (Some("characters"), _) => Ok(Self::Characters),
            (None, Some(text)) if !text.is_empty() => Ok(Self::Text(text.to_owned())),
            _ => Err(Error::corrupt("expected a place to split strings at")),
        }
    }
}

op! {
    /// Strings cut into tokens along a new last axis as long as the most tokens, filled up with empty strings, and the
    /// number of tokens of each (int32).
    pub struct StringSplit("string_split") {
        /// Where they are cut.
        pub at: SplitAt,
    }
}

/// Strings cut into tokens along a new last axis, filled up with empty strings, and the number of tokens of each.
pub fn string_split(x: &Tensor, at: SplitAt) -> Result<(Tensor, Tensor)> {
    let made = x.builder().add(StringSplit { at }, std::slice::from_ref(x))?;
    let [tokens, counts] = made.exactly()?;
    Ok((tokens.clone(), counts.clone()))
}

/// The tokens of rows, filled up, and their numbers.
pub(super) fn filled(rows: Vec<Vec<Vec<u8>>>, lead: &[usize]) -> Result<Vec<Array>> {
    let width = rows.iter().map(Vec::len).max().unwrap_or(0);
    let counts = rows.iter().map(|row| row.len() as i32).collect();
    let shape = [lead, &[width]].concat();
    let mut tokens = Vec::with_capacity(crate::array::element_count(&shape)?);
    for mut row in rows {
        row.resize(width, Vec::new());
        tokens.append(&mut row);
    }
    Ok(vec![Array::from_strings(shape, tokens)?, Array::from_vec(lead, counts)?])
}

/// The specs of filled tokens.
pub(super) fn filled_specs(lead: &[Option<u64>]) -> Vec<TensorSpec> {
    let tokens = lead.iter().copied().chain([None]).collect::<crate::Shape>();
    vec![
        TensorSpec::new(DType::String, tokens),
        TensorSpec::new(DType::Int32, lead.iter().copied().collect::<crate::Shape>()),
    ]
}

impl Op for StringSplit {
    op_basics!();
    not_differentiable!();

    fn spec(&self, inputs: &[TensorSpec]) -> Result<Vec<TensorSpec>> {
        let x = inputs.only()?;
        check(x)?;
        Ok(filled_specs(x.shape.axes()))
    }

    fn evaluate(&self, inputs: &[Array]) -> Result<Vec<Array>> {
        let x = inputs.only()?;
        let cut = |text: &Vec<u8>| -> Vec<Vec<u8>> {
            match &self.at {
                SplitAt::Whitespace => text
                    .split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
                    .filter(|token| !token.is_empty())
                    .map(<[u8]>::to_vec)
                    .collect(),
                SplitAt::Characters => {
                    let characters = String::from_utf8_lossy(text);
                    characters.chars().map(|character| character.to_string().into_bytes()).collect()
                }
                SplitAt::Text(separator) => split_by(text, separator.as_bytes()),
            }
        };
        filled(x.as_strings()?.iter().map(cut).collect(), x.shape())
    }
}

fn split_by(text: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
        tokens.push(rest[..at].to_vec());
        rest = &rest[at + separator.len()..];
    }
    tokens.push(rest.to_vec());
    tokens
}
