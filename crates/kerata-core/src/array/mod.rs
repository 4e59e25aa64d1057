//! `Array`: a tensor at run time, its sizes and typed elements in C order; cheap to clone.

mod buffer;
mod cast;
mod elements;
mod moves;
mod number;

use std::fmt;
use std::sync::Arc;

pub use buffer::Buffer;
use elements::for_plain_elements;
pub use elements::{Element, Elements};
pub(crate) use moves::{broadcast_strides, permutation, strides};
pub use number::{Number, Wide};

use crate::{DType, Data, Error, Result, Shape, Variable};

/// A tensor with its elements.
#[derive(Clone)]
pub struct Array {
    shape: Vec<usize>,
    elements: Elements,
}

impl Array {
    /// An array; the elements must fill the shape.
    pub fn new(shape: impl Into<Vec<usize>>, elements: Elements) -> Result<Self> {
        let shape = shape.into();
        let count = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if count != Some(elements.len()) {
            return Err(Error::mismatch(format!("{} elements do not fill shape {shape:?}", elements.len())));
        }
        Ok(Self { shape, elements })
    }

    /// An array of the dtype that a Rust type stands for.
    pub fn from_vec<T: Element>(shape: impl Into<Vec<usize>>, elements: Vec<T>) -> Result<Self> {
        Self::new(shape, T::wrap(Buffer::from(elements)))
    }

    /// A float32 array.
    pub fn from_f32(shape: impl Into<Vec<usize>>, elements: Vec<f32>) -> Result<Self> {
        Self::from_vec(shape, elements)
    }

    /// A float32 array of the first elements of a vector, which is kept whole: memory that is used again.
    pub fn from_front(shape: impl Into<Vec<usize>>, elements: Vec<f32>) -> Result<Self> {
        let shape = shape.into();
        let (len, size) = (element_count(&shape)?, elements.len());
        let buffer = Buffer::front(elements, len)
            .ok_or_else(|| Error::internal(format!("{size} elements for shape {shape:?}")))?;
        Self::new(shape, Elements::Float32(buffer))
    }

    /// A bool array.
    pub fn from_bools(shape: impl Into<Vec<usize>>, elements: Vec<bool>) -> Result<Self> {
        Self::new(shape, Elements::Bool(elements.into_iter().map(u8::from).collect()))
    }

    /// A string array.
    pub fn from_strings(shape: impl Into<Vec<usize>>, elements: Vec<Vec<u8>>) -> Result<Self> {
        Self::new(shape, Elements::Strings(Arc::new(elements)))
    }

    /// A scalar of the dtype that a Rust type stands for.
    pub fn scalar<T: Element>(value: T) -> Self {
        Self { shape: Vec::new(), elements: T::wrap(Buffer::from(vec![value])) }
    }

    /// A vector of the dtype that a Rust type stands for.
    pub fn vector<T: Element>(elements: Vec<T>) -> Self {
        Self { shape: vec![elements.len()], elements: T::wrap(Buffer::from(elements)) }
    }

    /// The same number everywhere.
    pub fn full(shape: impl Into<Vec<usize>>, value: f64, dtype: DType) -> Result<Self> {
        let shape = shape.into();
        let count = element_count(&shape)?;
        let one = Self::scalar(value).cast(dtype)?;
        one.reshape([1])?.take_runs(&vec![0; count], 1, shape)
    }

    /// Zeros, `false` or empty strings.
    pub fn zeros(shape: impl Into<Vec<usize>>, dtype: DType) -> Result<Self> {
        let shape = shape.into();
        if dtype == DType::String {
            let count = element_count(&shape)?;
            return Self::from_strings(shape, vec![Vec::new(); count]);
        }
        Self::full(shape, 0.0, dtype)
    }

    /// The value of a variable; used where it lies when it is mapped, and copied when it is first read if it is not aligned.
    pub fn from_variable(variable: &Variable) -> Result<Self> {
        let shape = variable
            .shape
            .iter()
            .map(|&size| usize::try_from(size).map_err(|_| Error::limit(format!("axis of {size} elements"))))
            .collect::<Result<Vec<_>>>()?;
        Self::from_data(shape, variable.dtype, &variable.data)
    }

    /// An array from little-endian bytes, or from the strings of a string tensor.
    pub fn from_data(shape: impl Into<Vec<usize>>, dtype: DType, data: &Data) -> Result<Self> {
        let elements = match dtype {
            DType::Bool => Elements::Bool(Buffer::from_data(data)?),
            DType::Int8 => Elements::Int8(Buffer::from_data(data)?),
            DType::Int16 => Elements::Int16(Buffer::from_data(data)?),
            DType::Int32 => Elements::Int32(Buffer::from_data(data)?),
            DType::Int64 => Elements::Int64(Buffer::from_data(data)?),
            DType::Uint8 => Elements::Uint8(Buffer::from_data(data)?),
            DType::Uint16 => Elements::Uint16(Buffer::from_data(data)?),
            DType::Uint32 => Elements::Uint32(Buffer::from_data(data)?),
            DType::Uint64 => Elements::Uint64(Buffer::from_data(data)?),
            DType::Int4 => Elements::Int4(Buffer::from_data(data)?),
            DType::Uint4 => Elements::Uint4(Buffer::from_data(data)?),
            DType::Float8E4m3fn => Elements::Float8E4m3fn(Buffer::from_data(data)?),
            DType::Float8E5m2 => Elements::Float8E5m2(Buffer::from_data(data)?),
            DType::Float16 => Elements::Float16(Buffer::from_data(data)?),
            DType::Bfloat16 => Elements::Bfloat16(Buffer::from_data(data)?),
            DType::Float32 => Elements::Float32(Buffer::from_data(data)?),
            DType::Float64 => Elements::Float64(Buffer::from_data(data)?),
            DType::Complex64 => Elements::Complex64(Buffer::from_data(data)?),
            DType::Complex128 => Elements::Complex128(Buffer::from_data(data)?),
            DType::String => {
                let strings =
                    data.as_strings().ok_or_else(|| Error::corrupt("string tensor without strings"))?;
                Elements::Strings(Arc::new(strings.to_vec()))
            }
            DType::Opaque(_) => return Err(Error::unsupported("an opaque tensor cannot be computed with")),
        };
        Self::new(shape, elements)
    }

    /// The bytes of the elements, little-endian, or their strings; shared with the array where they are numbers.
    pub fn to_data(&self) -> Data {
        macro_rules! arms {
            ($($variant:ident $word:ty;)*) => {
                match &self.elements {
                    $(Elements::$variant(buffer) => buffer.to_data(),)*
                    Elements::Strings(strings) => Data::strings(strings.to_vec()),
                }
            };
        }
        for_plain_elements!(arms)
    }

    /// A weight with this value.
    pub fn to_variable(&self) -> Result<Variable> {
        Variable::new(
            self.dtype(),
            self.shape.iter().map(|&size| size as u64).collect::<Vec<_>>(),
            self.to_data(),
        )
    }

    /// The same elements under another shape of as many elements.
    pub fn reshape(&self, shape: impl Into<Vec<usize>>) -> Result<Self> {
        Self::new(shape, self.elements.clone())
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }

    /// The elements, given up.
    pub fn into_elements(self) -> Elements {
        self.elements
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.elements.dtype()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Whether the elements are owned numbers that nothing else holds.
    pub fn is_alone(&self) -> bool {
        macro_rules! arms {
            ($($variant:ident $word:ty;)*) => {
                match &self.elements {
                    $(Elements::$variant(buffer) => buffer.is_alone(),)*
                    Elements::Strings(_) => false,
                }
            };
        }
        for_plain_elements!(arms)
    }

    /// Dtype and sizes.
    pub fn spec(&self) -> crate::graph::TensorSpec {
        crate::graph::TensorSpec::new(self.dtype(), Shape::known(self.shape.iter().map(|&size| size as u64)))
    }

    /// The elements as a slice of the Rust type of their dtype.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        let found = self.dtype();
        T::of(&self.elements)
            .map(|buffer| &buffer[..])
            .ok_or_else(|| Error::mismatch(format!("expected {} elements, found {found}", T::DTYPE)))
    }

    /// The elements of a float32 array.
    pub fn as_f32(&self) -> Result<&[f32]> {
        self.as_slice()
    }

    /// The bytes of a float32 array that lies in a file unaligned, where reading them here saves a copy of it.
    pub fn unaligned_f32(&self) -> Option<&[[u8; 4]]> {
        match &self.elements {
            Elements::Float32(buffer) => bytemuck::try_cast_slice(buffer.unaligned()?).ok(),
            _ => None,
        }
    }

    /// The elements of a bool array, 0 or 1.
    pub fn as_bools(&self) -> Result<&[u8]> {
        match &self.elements {
            Elements::Bool(buffer) => Ok(buffer),
            other => Err(Error::mismatch(format!("expected bool elements, found {}", other.dtype()))),
        }
    }

    /// The elements of a string array.
    pub fn as_strings(&self) -> Result<&[Vec<u8>]> {
        match &self.elements {
            Elements::Strings(strings) => Ok(strings),
            other => Err(Error::mismatch(format!("expected string elements, found {}", other.dtype()))),
        }
    }

    /// The only element as a float64.
    pub fn to_f64(&self) -> Result<f64> {
        match self.to_f64s()?[..] {
            [value] => Ok(value),
            _ => Err(Error::mismatch(format!("expected one element, found shape {:?}", self.shape))),
        }
    }
}

/// The number of elements of a shape that an array may have.
pub(crate) fn element_count(shape: &[usize]) -> Result<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &size| product.checked_mul(size))
        .filter(|&count| count <= isize::MAX as usize / 16)
        .ok_or_else(|| Error::limit(format!("shape {shape:?} has too many elements")))
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.dtype(), self.shape)?;
        f.write_str(" ")?;
        let shown = self.len().min(16);
        let shown = self.take_runs(&[0], shown, [shown]).map_err(|_| fmt::Error)?;
        match &shown.elements {
            Elements::Strings(strings) => {
                f.debug_list().entries(strings.iter().map(|text| String::from_utf8_lossy(text))).finish()?;
            }
            Elements::Complex64(_) | Elements::Complex128(_) => {
                let wide = shown.cast(DType::Complex128).map_err(|_| fmt::Error)?;
                f.debug_list()
                    .entries(wide.as_slice::<num_complex::Complex<f64>>().unwrap_or(&[]))
                    .finish()?;
            }
            _ if self.dtype().is_integer() => {
                f.debug_list().entries(shown.to_i64s().unwrap_or_default()).finish()?
            }
            Elements::Float32(v) => f.debug_list().entries(v.iter()).finish()?,
            _ => f.debug_list().entries(shown.to_f64s().unwrap_or_default()).finish()?,
        }
        if self.len() > 16 {
            f.write_str("…")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_must_fill_the_shape() {
        assert!(Array::from_f32([2, 2], vec![0.0; 4]).is_ok());
        assert!(Array::from_f32([2, 2], vec![0.0; 3]).is_err());
        assert!(Array::from_f32([usize::MAX, 2], vec![0.0; 3]).is_err());
    }

    #[test]
    fn variables_go_there_and_back() {
        let array = Array::from_vec([2, 1], vec![3i16, -4]).unwrap();
        let back = Array::from_variable(&array.to_variable().unwrap()).unwrap();
        assert_eq!(back.as_slice::<i16>().unwrap(), [3, -4]);
        assert_eq!(back.shape(), [2, 1]);
    }
}
