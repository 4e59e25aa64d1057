//! `Attribute`: values that ops keep in their config trees.

use crate::{DType, Error, Result, Tree};

/// A value that is written to a tree and read back, checked.
pub trait Attribute: Sized {
    /// The value as a tree.
    fn to_tree(&self) -> Tree;

    /// The value of a tree.
    fn from_tree(tree: &Tree) -> Result<Self>;
}

macro_rules! attributes {
    ($($type:ty, $write:expr, $read:expr, $what:literal;)*) => { $(
        impl Attribute for $type {
            fn to_tree(&self) -> Tree {
                $write(self)
            }

            fn from_tree(tree: &Tree) -> Result<Self> {
                $read(tree).ok_or_else(|| Error::corrupt(concat!("expected ", $what)))
            }
        }
    )* };
}

attributes! {
    bool, |v: &bool| Tree::Bool(*v), Tree::as_bool, "true or false";
    i64, |v: &i64| Tree::from(*v), Tree::as_i64, "a whole number";
    u64, |v: &u64| Tree::from(*v), Tree::as_u64, "a whole number from 0";
    usize, |v: &usize| Tree::from(*v), |tree: &Tree| usize::try_from(tree.as_u64()?).ok(), "a whole number from 0";
    f64, |v: &f64| Tree::Float(*v), Tree::as_f64, "a number";
    String, |v: &String| Tree::from(v.as_str()), |tree: &Tree| tree.as_str().map(str::to_owned), "text";
    DType, |v: &DType| Tree::from(v.name()), |tree: &Tree| tree.as_str()?.parse().ok(), "a dtype";
}

impl<T: Attribute> Attribute for Vec<T> {
    fn to_tree(&self) -> Tree {
        Tree::List(self.iter().map(Attribute::to_tree).collect())
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        tree.as_list().ok_or_else(|| Error::corrupt("expected a list"))?.iter().map(T::from_tree).collect()
    }
}

impl<T: Attribute> Attribute for Option<T> {
    fn to_tree(&self) -> Tree {
        self.as_ref().map_or(Tree::Null, Attribute::to_tree)
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        if tree.is_null() { Ok(None) } else { T::from_tree(tree).map(Some) }
    }
}

impl<A: Attribute, B: Attribute> Attribute for (A, B) {
    fn to_tree(&self) -> Tree {
        Tree::List(vec![self.0.to_tree(), self.1.to_tree()])
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        match tree.as_list() {
            Some([first, second]) => Ok((A::from_tree(first)?, B::from_tree(second)?)),
            _ => Err(Error::corrupt("expected a pair")),
        }
    }
}

/// Gives an enum without fields its names in trees.
#[macro_export]
macro_rules! named_attribute {
    ($type:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $type {
            /// Its name in config trees.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(name: &str) -> $crate::Result<Self> {
                match name {
                    $($name => Ok(Self::$variant),)*
                    _ => Err($crate::Error::usage(format!(concat!("unknown ", stringify!($type), " `{}`"), name))),
                }
            }
        }

        impl $crate::ops::Attribute for $type {
            fn to_tree(&self) -> $crate::Tree {
                $crate::Tree::from(self.name())
            }

            fn from_tree(tree: &$crate::Tree) -> $crate::Result<Self> {
                match tree.as_str() {
                    Some(name) => name.parse().map_err(|_| {
                        $crate::Error::corrupt(format!(concat!("unknown ", stringify!($type), " `{}`"), name))
                    }),
                    None => Err($crate::Error::corrupt(concat!("expected a ", stringify!($type)))),
                }
            }
        }
    };
}
