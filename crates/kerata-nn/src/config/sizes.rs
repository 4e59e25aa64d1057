//! Arguments that Python takes as one number or a list of numbers.

use kerata_core::{Error, Result, Tree};

use super::Value;
use super::value::unexpected;
use crate::Registry;

/// A size for each axis of space; one number stands for all axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Written as a number.
    Same(usize),
    /// Written as a list.
    Each(Vec<usize>),
}

impl Sizes {
    /// The sizes as they are written.
    pub fn list(&self) -> &[usize] {
        match self {
            Self::Same(size) => std::slice::from_ref(size),
            Self::Each(sizes) => sizes,
        }
    }

    /// The sizes of so many axes.
    pub fn of_rank(&self, rank: usize) -> Result<Vec<usize>> {
        match self.list() {
            [one] => Ok(vec![*one; rank]),
            all if all.len() == rank => Ok(all.to_vec()),
            all => Err(Error::corrupt(format!("expected {rank} sizes, found {}", all.len()))),
        }
    }
}

impl From<usize> for Sizes {
    fn from(size: usize) -> Self {
        Self::Same(size)
    }
}

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(sizes: [usize; N]) -> Self {
        Self::Each(sizes.to_vec())
    }
}

impl From<Vec<usize>> for Sizes {
    fn from(sizes: Vec<usize>) -> Self {
        Self::Each(sizes)
    }
}

impl Value for Sizes {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        match tree {
            Tree::List(_) => Vec::read(tree, registry).map(Self::Each),
            _ => usize::read(tree, registry).map(Self::Same),
        }
    }

    fn write(&self) -> Tree {
        match self {
            Self::Same(size) => size.write(),
            Self::Each(sizes) => sizes.write(),
        }
    }
}

/// One axis or several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Written as a number.
    One(i64),
    /// Written as a list.
    Many(Vec<i64>),
}

impl Axes {
    /// The axes as a list.
    pub fn list(&self) -> &[i64] {
        match self {
            Self::One(axis) => std::slice::from_ref(axis),
            Self::Many(axes) => axes,
        }
    }
}

impl From<i64> for Axes {
    fn from(axis: i64) -> Self {
        Self::One(axis)
    }
}

impl<const N: usize> From<[i64; N]> for Axes {
    fn from(axes: [i64; N]) -> Self {
        Self::Many(axes.to_vec())
    }
}

impl Value for Axes {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        match tree {
            Tree::List(_) => Vec::read(tree, registry).map(Self::Many),
            _ => i64::read(tree, registry).map(Self::One),
        }
    }

    fn write(&self) -> Tree {
        match self {
            Self::One(axis) => axis.write(),
            Self::Many(axes) => axes.write(),
        }
    }
}

/// What is added or cut before and after each axis of space: `2`, `[1, 2]` or `[[1, 2], [3, 4]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pads {
    /// The same everywhere.
    Everywhere(usize),
    /// Before and after the only axis, or for each axis the same before and after.
    List(Vec<usize>),
    /// For each axis before and after.
    Pairs(Vec<[usize; 2]>),
}

impl Pads {
    /// The amounts before and after of so many axes.
    pub fn of_rank(&self, rank: usize) -> Result<Vec<[usize; 2]>> {
        match self {
            Self::Everywhere(size) => Ok(vec![[*size; 2]; rank]),
            Self::List(sizes) => match sizes.as_slice() {
                [before, after] if rank == 1 => Ok(vec![[*before, *after]]),
                sizes if sizes.len() == rank => Ok(sizes.iter().map(|size| [*size; 2]).collect()),
                sizes => Err(Error::corrupt(format!("expected {rank} amounts, found {}", sizes.len()))),
            },
            Self::Pairs(pairs) if pairs.len() == rank => Ok(pairs.clone()),
            Self::Pairs(pairs) => {
                Err(Error::corrupt(format!("expected amounts for {rank} axes, found {}", pairs.len())))
            }
        }
    }
}

impl From<usize> for Pads {
    fn from(size: usize) -> Self {
        Self::Everywhere(size)
    }
}

impl<const N: usize> From<[usize; N]> for Pads {
    fn from(sizes: [usize; N]) -> Self {
        Self::List(sizes.to_vec())
    }
}

impl<const N: usize> From<[[usize; 2]; N]> for Pads {
    fn from(pairs: [[usize; 2]; N]) -> Self {
        Self::Pairs(pairs.to_vec())
    }
}

impl Value for Pads {
    fn read(tree: &Tree, registry: &Registry) -> Result<Self> {
        let Some(items) = tree.as_list() else {
            return usize::read(tree, registry).map(Self::Everywhere);
        };
        if items.iter().all(|item| item.as_list().is_none()) {
            return Vec::read(tree, registry).map(Self::List);
        }
        let pair = |item: &Tree| match item.as_list() {
            None => usize::read(item, registry).map(|size| [size; 2]),
            Some([before, after]) => Ok([usize::read(before, registry)?, usize::read(after, registry)?]),
            Some(_) => Err(unexpected("an amount before and one after", item)),
        };
        items.iter().map(pair).collect::<Result<_>>().map(Self::Pairs)
    }

    fn write(&self) -> Tree {
        match self {
            Self::Everywhere(size) => size.write(),
            Self::List(sizes) => sizes.write(),
            Self::Pairs(pairs) => Tree::List(pairs.iter().map(|pair| Tree::from(pair.to_vec())).collect()),
        }
    }
}
