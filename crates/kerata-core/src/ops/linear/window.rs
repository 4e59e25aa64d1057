//! Windows that slide over the spatial axes of a `(batch, spatial…, channels)` tensor.

use crate::ops::Attribute;
use crate::{Error, Result, Tree};

/// What lies around the spatial axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: windows lie inside.
    Valid,
    /// So much that there is one window for each `stride` elements; the odd one behind, as TensorFlow does.
    Same,
    /// So many before and behind each spatial axis.
    Explicit(Vec<(usize, usize)>),
}

/// `"valid"`, `"same"`, or a list of pairs.
impl Attribute for Padding {
    fn to_tree(&self) -> Tree {
        match self {
            Self::Valid => "valid".into(),
            Self::Same => "same".into(),
            Self::Explicit(pads) => pads.to_tree(),
        }
    }

    fn from_tree(tree: &Tree) -> Result<Self> {
        match tree.as_str() {
            Some("valid") => Ok(Self::Valid),
            Some("same") => Ok(Self::Same),
            Some(other) => Err(Error::corrupt(format!("unknown padding `{other}`"))),
            None => Vec::from_tree(tree).map(Self::Explicit),
        }
    }
}

impl std::str::FromStr for Padding {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "valid" => Ok(Self::Valid),
            "same" => Ok(Self::Same),
            _ => Err(Error::usage(format!("unknown padding `{name}`")).hint("it is `valid` or `same`")),
        }
    }
}

/// Sizes, strides and dilation of windows, one of each for every spatial axis.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'a> {
    /// Elements of a window.
    pub sizes: &'a [usize],
    /// Distance between windows.
    pub strides: &'a [usize],
    /// Distance between the elements of a window.
    pub dilation: &'a [usize],
    /// What lies around.
    pub padding: &'a Padding,
}

impl Windows<'_> {
    /// Fails unless there is one of each for so many spatial axes, none of them zero.
    pub fn check(&self, spatial: usize) -> Result<()> {
        let lists = [self.sizes, self.strides, self.dilation];
        let explicit = match self.padding {
            Padding::Explicit(pads) => pads.len(),
            _ => spatial,
        };
        if lists.iter().any(|list| list.len() != spatial || list.contains(&0)) || explicit != spatial {
            return Err(Error::mismatch(format!(
                "windows {:?}, strides {:?}, dilation {:?}, padding {:?} over {spatial} spatial axes",
                self.sizes, self.strides, self.dilation, self.padding
            )));
        }
        Ok(())
    }

    /// Number of windows along a spatial axis of a size.
    pub fn count(&self, axis: usize, size: usize) -> Result<usize> {
        let stride = self.strides[axis];
        match self.padding {
            Padding::Same => Ok(size.div_ceil(stride)),
            _ => {
                let (before, behind) = self.pads(axis, size)?;
                let room = (size + before + behind).checked_sub(self.span(axis)?);
                Ok(room.map_or(0, |room| room / stride + 1))
            }
        }
    }

    /// Elements of padding before and behind a spatial axis of a size.
    pub fn pads(&self, axis: usize, size: usize) -> Result<(usize, usize)> {
        match self.padding {
            Padding::Valid => Ok((0, 0)),
            Padding::Explicit(pads) => {
                let (before, behind) = pads[axis];
                if before.max(behind) > 1 << 30 {
                    return Err(Error::limit(format!("padding {pads:?}")));
                }
                Ok((before, behind))
            }
            Padding::Same => {
                let covered = (size.div_ceil(self.strides[axis]).max(1) - 1) * self.strides[axis];
                let total = (covered + self.span(axis)?).saturating_sub(size);
                Ok((total / 2, total - total / 2))
            }
        }
    }

    /// Elements from the first to the last of a window.
    pub fn span(&self, axis: usize) -> Result<usize> {
        (self.sizes[axis] - 1)
            .checked_mul(self.dilation[axis])
            .and_then(|span| span.checked_add(1))
            .ok_or_else(|| Error::limit("a dilated window"))
    }

    /// For each window in turn, and each element of it, the position among the spatial elements, or `None` in the padding.
    /// The last axis is the fastest in both.
    pub fn taps(&self, sizes: &[usize]) -> Result<Taps> {
        let spatial = sizes.len();
        let counts = (0..spatial).map(|axis| self.count(axis, sizes[axis])).collect::<Result<Vec<_>>>()?;
        let mut taps = Taps { windows: 1, elements: 1, at: vec![Some(0)] };
        for axis in 0..spatial {
            let (before, _) = self.pads(axis, sizes[axis])?;
            let (count, width) = (counts[axis], self.sizes[axis]);
            crate::array::element_count(&[taps.at.len(), count, width])?;
            let mut at = Vec::with_capacity(taps.at.len() * count * width);
            for window in 0..taps.windows {
                for step in 0..count {
                    for element in 0..taps.elements {
                        let outer = taps.at[window * taps.elements + element];
                        for tap in 0..width {
                            let place =
                                (step * self.strides[axis] + tap * self.dilation[axis]).checked_sub(before);
                            let place = place.filter(|&place| place < sizes[axis]);
                            at.push(outer.zip(place).map(|(outer, place)| outer * sizes[axis] + place));
                        }
                    }
                }
            }
            taps = Taps { windows: taps.windows * count, elements: taps.elements * width, at };
        }
        Ok(taps)
    }
}

/// Positions of the elements of windows; see [`Windows::taps`].
pub struct Taps {
    /// Number of windows.
    pub windows: usize,
    /// Elements of each.
    pub elements: usize,
    /// Positions, window after window.
    pub at: Vec<Option<usize>>,
}

impl Taps {
    /// The positions of one window.
    pub fn window(&self, window: usize) -> &[Option<usize>] {
        &self.at[window * self.elements..(window + 1) * self.elements]
    }
}
