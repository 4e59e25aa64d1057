//! Arrays as older files lay them out, turned into the layout of Keras 3: axes moved, kernels flipped, gates joined.

use kerata_core::{DType, Data, Error, Result};

/// One array of a file.
#[derive(Clone, Debug)]
pub(super) struct Array {
    /// Address in the file.
    pub origin: String,
    pub dtype: DType,
    pub shape: Vec<u64>,
    pub data: Data,
}

impl Array {
    fn sizes(&self) -> Result<Vec<usize>> {
        let sizes = self.shape.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<Vec<_>>>();
        sizes.ok_or_else(|| Error::limit("an axis is too long"))
    }

    fn element(&self) -> Result<usize> {
        self.dtype.size().ok_or_else(|| Error::corrupt("a weight is text"))
    }

    /// The same elements in another order: `source` gives the position of each.
    fn gathered(&self, shape: Vec<usize>, source: impl Fn(&[usize]) -> usize) -> Result<Self> {
        let bytes = self.data.bytes()?;
        let size = self.element()?;
        let count: usize = shape.iter().product();
        let mut out = Vec::with_capacity(bytes.len());
        let mut index = vec![0; shape.len()];
        for _ in 0..count {
            let at = source(&index) * size;
            let element =
                bytes.get(at..at + size).ok_or_else(|| Error::internal("an index past the array"))?;
            out.extend_from_slice(element);
            for (place, limit) in index.iter_mut().zip(&shape).rev() {
                *place += 1;
                if *place < *limit {
                    break;
                }
                *place = 0;
            }
        }
        let shape = shape.into_iter().map(|size| size as u64).collect();
        Ok(Self { shape, data: Data::owned(out), ..self.clone() })
    }

    /// Axes in another order, as `numpy.transpose`.
    pub(super) fn transposed(&self, order: &[usize]) -> Result<Self> {
        let sizes = self.sizes()?;
        let strides = strides(&sizes);
        let pick =
            |from: &[usize]| order.iter().map(|axis| from.get(*axis).copied()).collect::<Option<Vec<_>>>();
        let (Some(shape), Some(steps)) = (pick(&sizes), pick(&strides)) else {
            return Err(Error::mismatch(format!("expected {} axes, found {}", order.len(), sizes.len())));
        };
        if order.len() != sizes.len() {
            return Err(Error::mismatch(format!("expected {} axes, found {}", order.len(), sizes.len())));
        }
        self.gathered(shape, |index| index.iter().zip(&steps).map(|(at, step)| at * step).sum())
    }

    /// The first axes turned around: kernels of convolutions as Theano keeps them.
    pub(super) fn flipped(&self, axes: usize) -> Result<Self> {
        let sizes = self.sizes()?;
        let steps = strides(&sizes);
        let place = |axis: usize, at: usize| match sizes.get(axis) {
            Some(size) if axis < axes => size - 1 - at,
            _ => at,
        };
        let source = |index: &[usize]| {
            index.iter().enumerate().zip(&steps).map(|((a, at), step)| place(a, *at) * step).sum()
        };
        self.gathered(sizes.clone(), source)
    }

    /// The same elements under another shape.
    pub(super) fn reshaped(mut self, shape: Vec<u64>) -> Result<Self> {
        if shape.iter().product::<u64>() != self.shape.iter().product::<u64>() {
            return Err(Error::mismatch("the elements do not fill the shape"));
        }
        self.shape = shape;
        Ok(self)
    }

    /// Arrays one after the other on the last axis.
    pub(super) fn joined(parts: &[&Self]) -> Result<Self> {
        let Some(first) = parts.first() else { return Err(Error::internal("nothing to join")) };
        let fits = parts.iter().all(|part| {
            part.dtype == first.dtype
                && part.shape.len() == first.shape.len()
                && part.shape.split_last().map(|(_, rest)| rest)
                    == first.shape.split_last().map(|(_, rest)| rest)
        });
        let Some((_, outer)) = first.shape.split_last().filter(|_| fits) else {
            return Err(Error::mismatch("the gates of a recurrent layer differ in shape"));
        };
        let rows =
            usize::try_from(outer.iter().product::<u64>()).map_err(|_| Error::limit("too many rows"))?;
        let size = first.element()?;
        let bytes = parts.iter().map(|part| part.data.bytes()).collect::<Result<Vec<_>>>()?;
        let mut out = Vec::new();
        for row in 0..rows {
            for (part, bytes) in parts.iter().zip(&bytes) {
                let width = usize::try_from(part.shape.last().copied().unwrap_or(0)).unwrap_or(0) * size;
                let piece = bytes.get(row * width..(row + 1) * width);
                out.extend_from_slice(piece.ok_or_else(|| Error::internal("a row past the array"))?);
            }
        }
        let last = parts.iter().filter_map(|part| part.shape.last()).sum();
        let mut shape = outer.to_vec();
        shape.push(last);
        Ok(Self { shape, data: Data::owned(out), ..(*first).clone() })
    }

    /// Each gate of a cuDNN kernel (its blocks lie transposed in the memory of the block).
    pub(super) fn gates_from_cudnn(&self, gates: usize, recurrent: bool) -> Result<Self> {
        let sizes = self.sizes()?;
        let (&[rows, columns], true) = (sizes.as_slice(), gates > 0) else {
            return Err(Error::mismatch(format!("expected 2 axes, found {}", sizes.len())));
        };
        let units = columns / gates;
        self.gathered(sizes.clone(), |index| {
            let &[row, column] = index else { return 0 };
            let (gate, unit) = (column / units, column % units);
            // Position inside the gate's block as it is stored: the block is (units, rows) read row by row.
            let flat = unit * rows + row;
            if recurrent {
                unit * columns + gate * units + row
            } else {
                (flat / units) * columns + gate * units + flat % units
            }
        })
    }

    /// The sum of the two halves: cuDNN keeps a bias for the input and one for the state.
    pub(super) fn halves_added(&self) -> Result<Self> {
        if self.dtype != DType::Float32 {
            return Err(Error::unsupported(format!("a cuDNN bias of {}", self.dtype)));
        }
        let bytes = self.data.bytes()?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let numbers: Vec<f32> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let (first, second) = numbers.split_at(numbers.len() / 2);
        let sums: Vec<u8> = first.iter().zip(second).flat_map(|(a, b)| (a + b).to_le_bytes()).collect();
        Ok(Self { shape: vec![first.len() as u64], data: Data::owned(sums), ..self.clone() })
    }
}

/// Elements between neighbours on each axis.
fn strides(sizes: &[usize]) -> Vec<usize> {
    let mut strides: Vec<usize> = sizes
        .iter()
        .rev()
        .scan(1, |step, size| {
            let this = *step;
            *step *= size;
            Some(this)
        })
        .collect();
    strides.reverse();
    strides
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[u64], numbers: &[f32]) -> Array {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Array {
            origin: String::new(),
            dtype: DType::Float32,
            shape: shape.to_vec(),
            data: Data::owned(bytes),
        }
    }

    fn numbers(array: &Array) -> Vec<f32> {
        array.data.bytes().unwrap().as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
    }

    #[test]
    fn transposing_moves_axes() {
        let turned = array(&[2, 3], &[1., 2., 3., 4., 5., 6.]).transposed(&[1, 0]).unwrap();
        assert_eq!((turned.shape.as_slice(), numbers(&turned)), (&[3, 2][..], vec![1., 4., 2., 5., 3., 6.]));
    }

    #[test]
    fn flipping_turns_the_first_axes() {
        let flipped = array(&[2, 2], &[1., 2., 3., 4.]).flipped(1).unwrap();
        assert_eq!(numbers(&flipped), vec![3., 4., 1., 2.]);
    }

    #[test]
    fn joining_puts_columns_side_by_side() {
        let (a, b) = (array(&[2, 1], &[1., 2.]), array(&[2, 2], &[3., 4., 5., 6.]));
        let joined = Array::joined(&[&a, &b]).unwrap();
        assert_eq!((joined.shape.as_slice(), numbers(&joined)), (&[2, 3][..], vec![1., 3., 4., 2., 5., 6.]));
    }

    /// `np.hstack([k.T.reshape(k.shape, order="F") for k in np.hsplit(K, 2)])` of `K = arange(8).reshape(2, 4)`, and
    /// with `k.T` alone.
    #[test]
    fn cudnn_gates_lie_transposed() {
        let kernel = array(&[2, 4], &[0., 1., 2., 3., 4., 5., 6., 7.]);
        assert_eq!(
            numbers(&kernel.gates_from_cudnn(2, false).unwrap()),
            vec![0., 4., 2., 6., 1., 5., 3., 7.]
        );
        assert_eq!(numbers(&kernel.gates_from_cudnn(2, true).unwrap()), vec![0., 4., 2., 6., 1., 5., 3., 7.]);
        let kernel = array(&[3, 4], &(0..12).map(|i| i as f32).collect::<Vec<_>>());
        let expected = vec![0., 5., 2., 7., 1., 8., 3., 10., 4., 9., 6., 11.];
        assert_eq!(numbers(&kernel.gates_from_cudnn(2, false).unwrap()), expected);
    }
}
