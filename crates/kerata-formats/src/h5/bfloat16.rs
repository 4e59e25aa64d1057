//! bfloat16 in legacy files: Keras writes opaque elements that it cannot read; written as float32, which holds them all, with
//! an attribute `dtype` that says what they were, Keras reads them.

use std::sync::Arc;

use kerata_core::data::LazyBytes;
use kerata_core::{DType, Data, Error, Result};

/// The attribute that names the dtype.
pub(super) const ATTRIBUTE: &str = "dtype";

/// bfloat16 as float32; other elements as they are.
pub(super) fn widened(dtype: DType, data: &Data) -> (DType, Data) {
    match dtype {
        DType::Bfloat16 => (DType::Float32, Data::lazy(Arc::new(Widened(data.clone())))),
        other => (other, data.clone()),
    }
}

/// The way back, for float32 elements that are named so.
pub(super) fn narrowed(data: &Data) -> Data {
    Data::lazy(Arc::new(Narrowed(data.clone())))
}

/// What opaque elements of two bytes are: HDF5 has types for everything else that Keras keeps in two.
pub(super) fn told(dtype: DType) -> DType {
    if dtype == DType::Opaque(2) { DType::Bfloat16 } else { dtype }
}

#[derive(Debug)]
struct Widened(Data);

#[derive(Debug)]
struct Narrowed(Data);

impl LazyBytes for Widened {
    fn len(&self) -> u64 {
        self.0.len() * 2
    }

    fn read(&self) -> Result<Vec<u8>> {
        collected(self)
    }

    fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        in_elements::<2>(&self.0, &mut |part| {
            let widened: Vec<u8> = part.iter().flat_map(|[low, high]| [0, 0, *low, *high]).collect();
            take(&widened)
        })
    }
}

impl LazyBytes for Narrowed {
    fn len(&self) -> u64 {
        self.0.len() / 2
    }

    fn read(&self) -> Result<Vec<u8>> {
        collected(self)
    }

    fn stream(&self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        in_elements::<4>(&self.0, &mut |part| {
            if part.iter().any(|[a, b, ..]| (*a, *b) != (0, 0)) {
                return Err(Error::corrupt("a number that is said to be bfloat16 has more bits"));
            }
            let narrowed: Vec<u8> = part.iter().flat_map(|[_, _, low, high]| [*low, *high]).collect();
            take(&narrowed)
        })
    }
}

fn collected(lazy: &dyn LazyBytes) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    lazy.stream(&mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}

/// Hands over whole elements, whatever the blocks are that the bytes come in.
fn in_elements<const N: usize>(data: &Data, take: &mut dyn FnMut(&[[u8; N]]) -> Result<()>) -> Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    data.stream(&mut |part| {
        if !rest.is_empty() {
            rest.extend_from_slice(part);
            let joined = std::mem::take(&mut rest);
            let (elements, left) = joined.as_chunks::<N>();
            rest = left.to_vec();
            return take(elements);
        }
        let (elements, left) = part.as_chunks::<N>();
        rest = left.to_vec();
        take(elements)
    })?;
    if rest.is_empty() { Ok(()) } else { Err(Error::corrupt("a part of an element")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_and_narrowing_give_the_same_bytes() {
        // 1.0 and -2.5 as bfloat16: the upper halves of 0x3f80_0000 and 0xc020_0000.
        let stored = vec![0x80, 0x3f, 0x20, 0xc0];
        let (dtype, wide) = widened(DType::Bfloat16, &Data::owned(stored.clone()));
        let numbers: Vec<u8> = [1.0f32, -2.5].iter().flat_map(|number| number.to_le_bytes()).collect();
        assert_eq!((dtype, wide.bytes().unwrap().into_owned()), (DType::Float32, numbers));
        assert_eq!(narrowed(&wide).bytes().unwrap().into_owned(), stored);
    }

    #[test]
    fn more_bits_than_bfloat16_has_are_corrupt() {
        let number = Data::owned(0.1f32.to_le_bytes());
        assert_eq!(narrowed(&number).bytes().unwrap_err().kind(), kerata_core::ErrorKind::Corrupt);
    }
}
