//! `StringLookup`: strings as numbers.

use super::vocabulary::{Vocabulary, salt, token};
use crate::layers::prelude::*;

config! {
    /// Gives strings numbers by a vocabulary, or numbers their strings.
    pub struct StringLookup {
        /// Whether numbers are turned into strings.
        invert: bool = false,
        /// The most tokens.
        max_tokens: Option<usize> = None,
        /// How many numbers stand for unknown strings.
        num_oov_indices: usize = 1,
        /// What stands for an unknown string.
        oov_token: Tree = Tree::Text("[UNK]".to_owned()),
        /// The string that stands for nothing.
        mask_token: Tree = Tree::Null,
        /// `int`, `one_hot`, `multi_hot`, `count` or `tf_idf`.
        output_mode: String = "int".to_owned(),
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
        /// Whether vectors have room for the most tokens.
        pad_to_max_tokens: bool = false,
        /// The weights of the tokens for `tf_idf`.
        idf_weights: Tree = Tree::Null,
        /// The tokens, when they are not in a file beside the model.
        vocabulary: Tree = Tree::Null,
        /// Number of tokens.
        vocabulary_size: Option<usize> = None,
        /// How unknown tokens are spread: `floormod` or `farmhash`; strings are hashed either way.
        oov_method: String = "floormod".to_owned(),
        /// The key of the hash.
        salt: Tree = Tree::Null,
        /// How strings are written.
        encoding: String = "utf-8".to_owned(),
    }
}

impl StringLookup {
    fn lookup(&self) -> Result<Vocabulary<'_>> {
        Ok(Vocabulary {
            invert: self.invert,
            max_tokens: self.max_tokens,
            unknown: self.num_oov_indices,
            unknown_token: token(&self.oov_token).unwrap_or_default(),
            mask_token: token(&self.mask_token),
            mode: &self.output_mode,
            is_padded: self.pad_to_max_tokens,
            tokens: &self.vocabulary,
            weights: &self.idf_weights,
            is_number: false,
            is_hashed: true,
            salt: salt(&self.salt)?,
        })
    }
}

impl Layer for StringLookup {
    fn build(&self, scope: &mut Scope, _: &[TensorSpec]) -> Result<()> {
        self.lookup()?.build(scope)
    }

    fn call(&self, scope: &Scope, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
        Ok(vec![self.lookup()?.call(scope, inputs.only()?, None)?])
    }

    fn autocast(&self) -> bool {
        false
    }
}
