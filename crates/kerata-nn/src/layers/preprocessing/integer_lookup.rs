//! `IntegerLookup`: whole numbers as numbers of a vocabulary.

use super::vocabulary::{Vocabulary, salt, token};
use crate::layers::prelude::*;

config! {
    /// Gives whole numbers their places in a vocabulary, or places their numbers.
    pub struct IntegerLookup {
        /// Whether places are turned into numbers.
        invert: bool = false,
        /// The most tokens.
        max_tokens: Option<usize> = None,
        /// How many places stand for unknown numbers.
        num_oov_indices: usize = 1,
        /// What stands for an unknown number.
        oov_token: Tree = Tree::from(-1i64),
        /// The number that stands for nothing.
        mask_token: Tree = Tree::Null,
        /// `int`, `one_hot`, `multi_hot`, `count` or `tf_idf`.
        output_mode: String = "int".to_owned(),
        /// Whether vectors are sparse; they are dense here.
        sparse: bool = false,
        /// Whether vectors have room for the most tokens.
        pad_to_max_tokens: bool = false,
        /// The dtype of the tokens.
        vocabulary_dtype: String = "int64".to_owned(),
        /// The weights of the tokens for `tf_idf`.
        idf_weights: Tree = Tree::Null,
        /// The tokens, when they are not in a file beside the model.
        vocabulary: Tree = Tree::Null,
        /// Number of tokens.
        vocabulary_size: Option<usize> = None,
        /// How unknown tokens are spread: `floormod` or `farmhash`.
        oov_method: String = "floormod".to_owned(),
        /// The key of the hash.
        salt: Tree = Tree::Null,
    }
}

impl IntegerLookup {
    fn lookup(&self) -> Result<Vocabulary<'_>> {
        Ok(Vocabulary {
            invert: self.invert,
            max_tokens: self.max_tokens,
            unknown: self.num_oov_indices,
            unknown_token: token(&self.oov_token).unwrap_or_else(|| b"-1".to_vec()),
            mask_token: token(&self.mask_token),
            mode: &self.output_mode,
            is_padded: self.pad_to_max_tokens,
            tokens: &self.vocabulary,
            weights: &self.idf_weights,
            is_number: true,
            is_hashed: self.oov_method == "farmhash",
            salt: salt(&self.salt)?,
        })
    }
}

impl Layer for IntegerLookup {
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
