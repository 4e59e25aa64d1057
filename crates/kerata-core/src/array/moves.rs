//! Moving elements about without computing: picking runs, permuting axes, filling.

use super::elements::{Movement, move_elements};
use super::{Array, Elements};
use crate::{Error, Result};

/// Steps between neighbours along each axis of a C-ordered array.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut steps = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        steps[axis - 1] = steps[axis] * shape[axis];
    }
    steps
}

/// The start of every run of a strided view: all index combinations of `shape` under `steps`, last axis fastest.
pub(crate) fn permutation(shape: &[usize], steps: &[isize], start: isize) -> Vec<usize> {
    let count = shape.iter().product();
    let mut offsets = Vec::with_capacity(count);
    if count == 0 {
        return offsets;
    }
    let mut index = vec![0; shape.len()];
    let mut offset = start;
    loop {
        offsets.push(offset as usize);
        let mut axis = shape.len();
        loop {
            if axis == 0 {
                return offsets;
            }
            axis -= 1;
            index[axis] += 1;
            offset += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            offset -= steps[axis] * shape[axis] as isize;
            index[axis] = 0;
        }
    }
}

impl Array {
    /// Copies runs of `width` elements that begin at `starts`.
    pub fn take_runs(&self, starts: &[usize], width: usize, shape: impl Into<Vec<usize>>) -> Result<Self> {
        let end = starts.iter().max().map_or(0, |start| start + width);
        if end > self.len() {
            return Err(Error::internal(format!("run ends at {end} of {} elements", self.len())));
        }
        Self::new(shape, move_elements(&TakeRuns { starts, width }, &[&self.elements]))
    }

    /// A strided view copied out: element `i` of the result lies at `start + i · steps`.
    pub fn take_strided(&self, shape: Vec<usize>, steps: &[isize], start: isize) -> Result<Self> {
        // The last axes that lie together are copied as one run.
        let mut width = 1;
        let mut outer = shape.len();
        while outer > 0 && (steps[outer - 1] == width as isize || shape[outer - 1] == 1) {
            outer -= 1;
            width *= shape[outer];
        }
        let starts = permutation(&shape[..outer], &steps[..outer], start);
        if width == 0 {
            return self.take_runs(&[], 1, shape);
        }
        self.take_runs(&starts, width, shape)
    }

    /// Arrays of one dtype put behind each other along an axis.
    pub fn join(arrays: &[&Self], axis: usize) -> Result<Self> {
        let first = arrays.first().ok_or_else(|| Error::usage("nothing to join"))?;
        let mut shape = first.shape.clone();
        for other in &arrays[1..] {
            let fits = other.dtype() == first.dtype()
                && other.rank() == first.rank()
                && (0..shape.len()).all(|at| at == axis || other.shape[at] == first.shape[at]);
            if !fits {
                return Err(Error::mismatch(format!("{} does not join {}", other.spec(), first.spec())));
            }
            shape[axis] += other.shape[axis];
        }
        let outer: usize = shape[..axis].iter().product();
        let inner: usize = shape[axis + 1..].iter().product();
        let widths: Vec<usize> = arrays.iter().map(|array| array.shape[axis] * inner).collect();
        let parts: Vec<&Elements> = arrays.iter().map(|array| &array.elements).collect();
        Self::new(shape, move_elements(&Interleave { widths, count: outer }, &parts))
    }

    /// Cut along an axis into parts of these sizes; what is left over at the end is dropped.
    pub fn cut(&self, sizes: &[usize], axis: usize) -> Result<Vec<Self>> {
        let steps: Vec<isize> = strides(&self.shape).into_iter().map(|step| step as isize).collect();
        let total: usize = sizes.iter().sum();
        if total > self.shape[axis] {
            return Err(Error::mismatch(format!("axis of {} cut into {sizes:?}", self.shape[axis])));
        }
        let mut start = 0;
        sizes
            .iter()
            .map(|&size| {
                let mut shape = self.shape.clone();
                shape[axis] = size;
                let part = self.take_strided(shape, &steps, start)?;
                start += size as isize * steps[axis];
                Ok(part)
            })
            .collect()
    }

    /// The axes in another order.
    pub fn transpose(&self, order: &[usize]) -> Result<Self> {
        let steps = strides(&self.shape);
        let shape = order.iter().map(|&axis| self.shape[axis]).collect();
        let steps: Vec<isize> = order.iter().map(|&axis| steps[axis] as isize).collect();
        self.take_strided(shape, &steps, 0)
    }

    /// Axes of size 1 stretched and leading axes added.
    pub fn broadcast_to(&self, shape: &[usize]) -> Result<Self> {
        if self.shape == shape {
            return Ok(self.clone());
        }
        let steps = broadcast_strides(&self.shape, shape)?;
        self.take_strided(shape.to_vec(), &steps, 0)
    }
}

struct TakeRuns<'a> {
    starts: &'a [usize],
    width: usize,
}

impl Movement for TakeRuns<'_> {
    fn run<T: Clone>(&self, parts: &[&[T]]) -> Vec<T> {
        let Some(slice) = parts.first() else { return Vec::new() };
        if self.width == 1 {
            return self.starts.iter().map(|&start| slice[start].clone()).collect();
        }
        let mut out = Vec::with_capacity(self.starts.len() * self.width);
        for &start in self.starts {
            out.extend_from_slice(&slice[start..start + self.width]);
        }
        out
    }
}

/// A run of each part in turn, `count` times.
struct Interleave {
    widths: Vec<usize>,
    count: usize,
}

impl Movement for Interleave {
    fn run<T: Clone>(&self, parts: &[&[T]]) -> Vec<T> {
        let mut out = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
        for turn in 0..self.count {
            for (part, width) in parts.iter().zip(&self.widths) {
                out.extend_from_slice(&part[turn * width..(turn + 1) * width]);
            }
        }
        out
    }
}

/// The steps of an array read as if it had a larger shape: 0 along stretched axes.
pub(crate) fn broadcast_strides(from: &[usize], to: &[usize]) -> Result<Vec<isize>> {
    let refuse = || Error::mismatch(format!("shape {from:?} does not broadcast to {to:?}"));
    let lead = to.len().checked_sub(from.len()).ok_or_else(refuse)?;
    let own = strides(from);
    let mut steps = vec![0; to.len()];
    for axis in 0..from.len() {
        if from[axis] == to[lead + axis] {
            steps[lead + axis] = own[axis] as isize;
        } else if from[axis] != 1 {
            return Err(refuse());
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transposing_moves_axes() {
        let array = Array::from_vec([2, 3, 1], vec![0i32, 1, 2, 3, 4, 5]).unwrap();
        let moved = array.transpose(&[1, 2, 0]).unwrap();
        assert_eq!(
            (moved.shape(), moved.as_slice::<i32>().unwrap()),
            (&[3, 1, 2][..], &[0, 3, 1, 4, 2, 5][..])
        );
    }

    #[test]
    fn broadcasting_stretches_and_refuses() {
        let array = Array::from_vec([2, 1], vec![1i32, 2]).unwrap();
        assert_eq!(array.broadcast_to(&[2, 2]).unwrap().as_slice::<i32>().unwrap(), [1, 1, 2, 2]);
        assert!(array.broadcast_to(&[3, 2]).is_err());
    }
}
