//! `Turn`: what becomes of the elements of a variable when its layer is written as others.

use kerata_core::{Data, Error, Result, Variable};

/// What becomes of the elements of a variable.
#[derive(Clone, Debug)]
pub(in crate::era) enum Turn {
    /// They stay as they are.
    Same,
    /// The same elements under another shape.
    Shape(Vec<u64>),
    /// Each element of the new shape is one of the old ones, or zero.
    Pick(Vec<u64>, Vec<Option<usize>>),
}

impl Turn {
    /// The variable with its elements turned.
    pub(super) fn apply(&self, variable: &Variable) -> Result<Variable> {
        let mut turned = match self {
            Self::Same => return Ok(variable.clone()),
            Self::Shape(shape) => Variable::new(variable.dtype, shape.clone(), variable.data.clone())?,
            Self::Pick(shape, picks) => {
                let size =
                    variable.dtype.size().ok_or_else(|| Error::unsupported("elements without a size"))?;
                let bytes = variable.data.bytes()?;
                let mut out = Vec::with_capacity(picks.len() * size);
                for pick in picks {
                    match pick {
                        None => out.resize(out.len() + size, 0),
                        Some(at) => {
                            let element = bytes.get(at * size..(at + 1) * size);
                            out.extend_from_slice(
                                element.ok_or_else(|| Error::mismatch("a variable is too small"))?,
                            );
                        }
                    }
                }
                Variable::new(variable.dtype, shape.clone(), Data::owned(out))?
            }
        };
        turned.role = variable.role;
        turned.name.clone_from(&variable.name);
        turned.trainable = variable.trainable;
        Ok(turned)
    }
}

/// Every index of an array, the last axis running fastest.
pub(super) fn places(sizes: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let sizes = sizes.to_vec();
    let count: usize = sizes.iter().product();
    (0..count).map(move |flat| {
        let mut flat = flat;
        let mut at: Vec<usize> = sizes
            .iter()
            .rev()
            .map(|size| {
                let index = flat % size;
                flat /= size;
                index
            })
            .collect();
        at.reverse();
        at
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::DType;

    #[test]
    fn missing_elements_are_zero() {
        let variable = Variable::new(DType::Uint8, [2], Data::owned(vec![1, 2])).unwrap();
        let turned = Turn::Pick(vec![3], vec![Some(1), None, Some(0)]).apply(&variable).unwrap();
        assert_eq!(turned.data.bytes().unwrap().as_ref(), [2, 0, 1]);
    }
}
