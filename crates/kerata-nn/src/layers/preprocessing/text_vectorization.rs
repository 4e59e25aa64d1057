//! `TextVectorization`: text as numbers of its words.

use super::vocabulary::Vocabulary;
use crate::layers::prelude::*;

/// What `strip_punctuation` takes away.
const PUNCTUATION: &str = r##"[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']"##;

config! {
    /// Cuts text into words and gives them numbers by a vocabulary.
    pub struct TextVectorization {
        /// The most tokens.
        max_tokens: Option<usize> = None,
        /// What is done to the text first: `lower`, `strip_punctuation`, both, or nothing.
        standardize: Tree = Tree::Text("lower_and_strip_punctuation".to_owned()),
        /// Where it is cut: `whitespace`, `character`, or nowhere.
        split: Tree = Tree::Text("whitespace".to_owned()),
        /// Up to how many neighbouring words are joined, or how many.
        ngrams: Tree = Tree::Null,
        /// `int`, `multi_hot`, `count` or `tf_idf`.
        output_mode: String = "int".to_owned(),
        /// Number of words that are kept.
        output_sequence_length: Option<usize> = None,
        /// Whether vectors have room for the most tokens.
        pad_to_max_tokens: bool = false,
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
        /// Whether results are ragged, which are filled up here.
        ragged: bool = false,
        /// The tokens, when they are not in a file beside the model.
        vocabulary: Tree = Tree::Null,
        /// The weights of the tokens for `tf_idf`.
        idf_weights: Tree = Tree::Null,
        /// How text is written.
        encoding: String = "utf-8".to_owned(),
        /// Number of tokens.
        vocabulary_size: Option<usize> = None,
    }
}

impl TextVectorization {
    fn lookup(&self) -> Vocabulary<'_> {
        Vocabulary {
            invert: false,
            max_tokens: self.max_tokens,
            unknown: 1,
            unknown_token: b"[UNK]".to_vec(),
            mask_token: Some(Vec::new()),
            mode: &self.output_mode,
            is_padded: self.pad_to_max_tokens,
            tokens: &self.vocabulary,
            weights: &self.idf_weights,
            is_number: false,
            is_hashed: true,
            salt: None,
        }
    }

    fn standardized(&self, x: &Tensor) -> Result<Tensor> {
        let (lower, strip) = match &self.standardize {
            Tree::Null => (false, false),
            tree => match tree.as_str() {
                Some("lower_and_strip_punctuation") => (true, true),
                Some("lower") => (true, false),
                Some("strip_punctuation") => (false, true),
                _ => return Err(Error::unsupported("text that is prepared by a function of one's own")),
            },
        };
        let x = if lower { ops::string_lower(x, false)? } else { x.clone() };
        if strip { ops::regex_replace(&x, PUNCTUATION, "") } else { Ok(x) }
    }

    /// The tokens, and which of them count when rows were filled up.
    fn tokens(&self, x: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let at = match &self.split {
            Tree::Null => return Ok((x.clone(), None)),
            tree => match tree.as_str() {
                Some("whitespace") => ops::SplitAt::Whitespace,
                Some("character") => ops::SplitAt::Characters,
                _ => return Err(Error::unsupported("text that is cut by a function of one's own")),
            },
        };
        let x = if x.rank() > 1 { ops::squeeze(x, &[-1])? } else { x.clone() };
        let (mut tokens, mut counts) = ops::string_split(&x, at)?;
        let widths = match &self.ngrams {
            Tree::Null => None,
            Tree::List(_) => Some(Vec::<usize>::read(&self.ngrams, Registry::built_in())?),
            most => Some((1..=usize::read(most, Registry::built_in())?).collect()),
        };
        if let Some(widths) = widths {
            (tokens, counts) = ops::string_ngrams(&tokens, &counts, &widths, " ")?;
        }
        let places = ops::iota(x.builder(), tokens.size(tokens.rank() - 1), counts.dtype())?;
        let is_token = ops::less(&places, &ops::expand_dims(&counts, -1)?)?;
        Ok((tokens, Some(is_token)))
    }
}

impl Layer for TextVectorization {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        self.lookup().build(scope)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        let (tokens, counts) = self.tokens(&self.standardized(inputs.only()?)?)?;
        let output = self.lookup().call(scope, &tokens, counts.as_ref())?;
        let Some(length) = self.output_sequence_length.filter(|_| self.output_mode == "int") else {
            return Ok(vec![output]);
        };
        let mut widths = vec![(0, 0); output.rank()];
        if let Some(width) = widths.last_mut() {
            width.1 = length;
        }
        let padded = ops::pad(&output, &widths, ops::PadMode::Constant, 0.0)?;
        let cut = ops::slice_axis(&padded, -1, ops::Range::to(length as i64))?;
        // Layers after this one need to know the length.
        let mut sizes = cut.sizes();
        sizes.pop();
        Ok(vec![ops::reshape(&cut, sizes.into_iter().chain([length.into()]))?])
    }

    fn autocast(&self) -> bool {
        false
    }
}
