//! Arguments that are one of a few words.

use kerata_core::{Error, Result, Tree};

use super::Value;
use crate::Registry;

/// Declares an enum whose values are words in a config; the first word is also the meaning of `null`.
#[macro_export]
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $vis:vis enum $name:ident {
            $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)?
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $crate::config::Value for $name {
            fn read(tree: &$crate::core::Tree, _: &$crate::Registry) -> $crate::core::Result<Self> {
                const WORDS: &[&str] = &[$($word),*];
                const VALUES: &[$name] = &[$($name::$variant),*];
                let word = match tree {
                    $crate::core::Tree::Null => WORDS.first().copied(),
                    _ => tree.as_str(),
                };
                WORDS
                    .iter()
                    .zip(VALUES)
                    .find(|(known, _)| word.is_some_and(|word| known.eq_ignore_ascii_case(word)))
                    .map(|(_, value)| *value)
                    .ok_or_else(|| {
                        $crate::core::Error::unsupported(format!(
                            "expected one of {}, found {}",
                            WORDS.join(", "),
                            tree.to_json(),
                        ))
                    })
            }

            fn write(&self) -> $crate::core::Tree {
                $crate::core::Tree::from(match self { $(Self::$variant => $word),* })
            }
        }
    };
}

choice! {
    /// Where the channels of an image or a sequence are.
    pub enum DataFormat {
        /// The last axis, as everywhere inside kerata.
        ChannelsLast = "channels_last",
        /// The axis after the batch.
        ChannelsFirst = "channels_first",
    }
}

/// What stands around the input of a window that slides over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: windows lie inside the input.
    Valid,
    /// As many zeros as give `ceil(size / stride)` windows, the odd one at the end.
    Same,
    /// Zeros before the input only, so that no output sees a later input.
    Causal,
}

impl Value for Padding {
    fn read(tree: &Tree, _: &Registry) -> Result<Self> {
        match tree.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("valid") => Ok(Self::Valid),
            Some("same") => Ok(Self::Same),
            Some("causal") => Ok(Self::Causal),
            _ => Err(Error::unsupported(format!(
                "expected the padding valid, same or causal, found {}",
                tree.to_json()
            ))),
        }
    }

    fn write(&self) -> Tree {
        Tree::from(match self {
            Self::Valid => "valid",
            Self::Same => "same",
            Self::Causal => "causal",
        })
    }
}
