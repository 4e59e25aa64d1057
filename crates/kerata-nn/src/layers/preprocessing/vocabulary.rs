//! `Vocabulary`: the tokens of a lookup layer and the numbers that stand for them.

use kerata_core::array::Array;

use super::encode::{Encoding, output_dtype};
use crate::layers::prelude::*;

/// The name under which Keras stores a vocabulary that is not in the config.
const FILE: &str = "vocabulary.txt";

/// Where the weights of the tokens are stored.
const WEIGHTS: &str = "vars/idf_weights";

/// The arguments of a lookup layer, tokens as text.
pub(super) struct Vocabulary<'a> {
    /// Whether numbers are turned into tokens.
    pub invert: bool,
    /// The most tokens.
    pub max_tokens: Option<usize>,
    /// How many numbers stand for unknown tokens.
    pub unknown: usize,
    /// What stands for an unknown token.
    pub unknown_token: Vec<u8>,
    /// The token that stands for nothing.
    pub mask_token: Option<Vec<u8>>,
    /// `int`, `one_hot`, `multi_hot`, `count` or `tf_idf`.
    pub mode: &'a str,
    /// Whether vectors have room for the most tokens.
    pub is_padded: bool,
    /// The tokens of the config.
    pub tokens: &'a Tree,
    /// The weights of the config.
    pub weights: &'a Tree,
    /// Whether tokens are whole numbers.
    pub is_number: bool,
    /// Whether unknown whole numbers are hashed as text.
    pub is_hashed: bool,
    /// The key of the hash.
    pub salt: Option<(u64, u64)>,
}

impl Vocabulary<'_> {
    /// Declares the weights of the tokens.
    pub fn build(&self, scope: &mut Scope) -> Result<()> {
        if !matches!(self.mode, "tf_idf" | "tf-idf") {
            return Ok(());
        }
        let count = self.size(&self.known(scope)?);
        let given: Vec<f64> = match self.weights {
            Tree::Null => vec![1.0; count],
            weights => {
                let given = crate::config::array(weights)?.to_f64s()?;
                // Tokens that stand for unknown ones get the mean.
                let mean = given.iter().sum::<f64>() / given.len().max(1) as f64;
                let missing = count.saturating_sub(given.len());
                std::iter::repeat_n(mean, missing).chain(given).collect()
            }
        };
        let start = Initializer::constant_tree(Tree::List(given.into_iter().map(Tree::Float).collect()));
        scope.variable(WEIGHTS, [count], &start)?.frozen().dtype(DType::Float32).role(Role::State);
        Ok(())
    }

    /// Tokens as numbers or vectors; numbers as tokens when inverted. Places that do not count (`false` in `counts`) are
    /// left out of vectors and are 0 among numbers.
    pub fn call(&self, scope: &Scope, x: &Tensor, counts: Option<&Tensor>) -> Result<Tensor> {
        let known = self.known(scope)?;
        let mut numbers = self.numbers(scope, x, &known)?;
        let encoding = Encoding::of(self.mode)?;
        if let Some(counts) = counts {
            let none = ops::scalar(&numbers, if encoding == Encoding::Int { 0 } else { -1 })?;
            numbers = ops::select(counts, &numbers, &none)?;
        }
        if encoding == Encoding::Int {
            return Ok(numbers);
        }
        let depth = match self.max_tokens.filter(|_| self.is_padded) {
            Some(most) => most,
            None => self.size(&known),
        };
        let vectors = encoding.apply(&numbers, depth, output_dtype(scope, encoding), None)?;
        if scope.has(WEIGHTS) {
            let weights = scope.get_stored(WEIGHTS)?;
            return ops::multiply(&ops::cast(&vectors, DType::Float32)?, &weights);
        }
        Ok(vectors)
    }

    /// The numbers of tokens, or the tokens of numbers.
    fn numbers(&self, scope: &Scope, x: &Tensor, known: &[Vec<u8>]) -> Result<Tensor> {
        let builder = scope.builder();
        let constant = |tokens: &[Vec<u8>]| Ok::<_, Error>(builder.constant(self.keys(tokens)?));
        let first = self.first() as i64;
        let places: Vec<i64> = (first..).take(known.len()).collect();
        if self.invert {
            let x = ops::cast(x, DType::Int64)?;
            let mut places = places;
            let mut tokens = known.to_vec();
            if let Some(mask) = &self.mask_token {
                places.push(0);
                tokens.push(mask.clone());
            }
            let unknown =
                builder.constant(self.keys(std::slice::from_ref(&self.unknown_token))?.reshape([])?);
            return ops::lookup(&x, &builder.constant(Array::vector(places)), &constant(&tokens)?, &unknown);
        }
        let x = match self.is_number {
            true => ops::cast(x, DType::Int64)?,
            false => ops::as_string(x)?,
        };
        let unknown_from = self.unknown_from() as i64;
        let default = if self.unknown == 1 { unknown_from } else { -1 };
        let keys = constant(known)?;
        let mut numbers = ops::lookup(
            &x,
            &keys,
            &builder.constant(Array::vector(places)),
            &builder.constant(Array::scalar(default)),
        )?;
        if self.unknown > 1 {
            let buckets = if self.is_number && !self.is_hashed {
                ops::remainder(&x, &ops::scalar(&x, self.unknown as i64)?)?
            } else {
                ops::string_hash(&ops::as_string(&x)?, self.unknown as u64, self.salt)?
            };
            let is_unknown = ops::equal(&numbers, &ops::scalar(&numbers, -1)?)?;
            numbers = ops::select(&is_unknown, &ops::plus(&buckets, unknown_from)?, &numbers)?;
        }
        if let Some(mask) = &self.mask_token {
            let (one, zero) =
                (builder.constant(Array::vector(vec![1i64])), builder.constant(Array::scalar(0i64)));
            let is_mask = ops::cast(
                &ops::lookup(&x, &constant(std::slice::from_ref(mask))?, &one, &zero)?,
                DType::Bool,
            )?;
            numbers = ops::select(&is_mask, &ops::zeros_like(&numbers)?, &numbers)?;
        }
        Ok(numbers)
    }

    /// The first number that stands for an unknown token.
    fn unknown_from(&self) -> usize {
        usize::from(self.mask_token.is_some() && self.mode == "int")
    }

    /// The number of the first known token.
    fn first(&self) -> usize {
        self.unknown_from() + self.unknown
    }

    fn size(&self, known: &[Vec<u8>]) -> usize {
        self.first() + known.len()
    }

    /// The known tokens, from the config or from the file beside the model, without those that stand for others.
    fn known(&self, scope: &Scope) -> Result<Vec<Vec<u8>>> {
        let mut tokens = match self.tokens {
            Tree::Null => match scope.asset(FILE)? {
                Some(text) => lines(&text)?,
                None => {
                    return Err(Error::unsupported("the layer has no vocabulary")
                        .hint("save the model after `adapt`, in the Keras 3 format"));
                }
            },
            Tree::Text(path) => return Err(Error::unsupported(format!("a vocabulary in the file `{path}`"))),
            tree => listed(tree)?,
        };
        let mut special = Vec::new();
        if self.unknown_from() == 1 {
            special.extend(self.mask_token.clone());
        }
        special.extend(std::iter::repeat_n(self.unknown_token.clone(), self.unknown));
        if tokens.starts_with(&special) {
            tokens.drain(..special.len());
        }
        Ok(tokens)
    }

    /// Tokens in their own dtype.
    fn keys(&self, tokens: &[Vec<u8>]) -> Result<Array> {
        if !self.is_number {
            return Array::from_strings([tokens.len()], tokens.to_vec());
        }
        let number = |token: &Vec<u8>| {
            let text = String::from_utf8_lossy(token);
            text.trim().parse::<i64>().map_err(|_| Error::corrupt(format!("`{text}` among whole numbers")))
        };
        Ok(Array::vector(tokens.iter().map(number).collect::<Result<Vec<i64>>>()?))
    }
}

/// A token of a config as text.
pub(super) fn token(tree: &Tree) -> Option<Vec<u8>> {
    match tree {
        Tree::Text(text) => Some(text.clone().into_bytes()),
        _ => tree.as_i64().map(|number| number.to_string().into_bytes()),
    }
}

/// The key that a `salt` stands for: two numbers, or one twice.
pub(super) fn salt(tree: &Tree) -> Result<Option<(u64, u64)>> {
    let number = |tree: &Tree| tree.as_i64().map(|number| number as u64);
    match tree {
        Tree::Null => Ok(None),
        Tree::List(items) => match items.as_slice() {
            [first, second] => Ok(number(first).zip(number(second))),
            _ => Err(Error::corrupt("a `salt` is two numbers")),
        },
        _ => Ok(number(tree).map(|number| (number, number))),
    }
}

fn listed(tree: &Tree) -> Result<Vec<Vec<u8>>> {
    let list = tree.path(&["config", "value"]).unwrap_or(tree);
    let items = list.as_list().ok_or_else(|| crate::config::unexpected("a list of tokens", tree))?;
    items.iter().map(|item| token(item).ok_or_else(|| crate::config::unexpected("a token", item))).collect()
}

/// The lines of a file as Python splits them, without empty ones at the end.
fn lines(text: &[u8]) -> Result<Vec<Vec<u8>>> {
    let text =
        std::str::from_utf8(text).map_err(|_| Error::corrupt("the vocabulary is not UTF-8").at(FILE))?;
    let is_break = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines: Vec<Vec<u8>> =
        text.replace("\r\n", "\n").split(is_break).map(|line| line.as_bytes().to_vec()).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_split_as_python_splits_them() {
        let expected: Vec<Vec<u8>> = ["", "[UNK]", "a b", "c"].map(|line| line.as_bytes().to_vec()).to_vec();
        assert_eq!(lines("\n[UNK]\r\na b\u{2028}c\n\n".as_bytes()).unwrap(), expected);
        assert!(lines(&[0xff]).is_err());
    }
}
