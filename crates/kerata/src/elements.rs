//! The elements of a variable as float64, block by block, for statistics and comparisons.

use kerata_core::{DType, Error, Result, Variable};

/// Hands the elements over in order as float64; complex numbers give real and imaginary part, one after the other.
///
/// Strings and opaque bytes are [`ErrorKind::Unsupported`](kerata_core::ErrorKind::Unsupported).
pub(crate) fn for_each_block(variable: &Variable, take: &mut dyn FnMut(&[f64])) -> Result<()> {
    let (size, decode) = decoder(variable.dtype)
        .ok_or_else(|| Error::unsupported(format!("{} has no numbers to look at", variable.dtype)))?;
    let mut numbers = Vec::new();
    let mut rest: Vec<u8> = Vec::new();
    variable.data.stream(&mut |block| {
        let mut block = block;
        // A block may end inside an element: its first bytes wait for the next block.
        if !rest.is_empty() {
            let missing = (size - rest.len()).min(block.len());
            let (head, tail) = block.split_at(missing);
            rest.extend_from_slice(head);
            block = tail;
        }
        numbers.clear();
        if rest.len() == size {
            numbers.push(decode(&rest));
            rest.clear();
        }
        let elements = block.chunks_exact(size);
        rest.extend_from_slice(elements.remainder());
        numbers.extend(elements.map(decode));
        take(&numbers);
        Ok(())
    })
}

/// Reads one number.
type Decode = fn(&[u8]) -> f64;

/// Bytes of one number and how they are read; the slice always has that many bytes.
fn decoder(dtype: DType) -> Option<(usize, Decode)> {
    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().expect("blocks are cut by element size")
    }
    Some(match dtype {
        DType::Bool | DType::Uint8 | DType::Uint4 => (1, |b| f64::from(array::<1>(b)[0])),
        DType::Int8 | DType::Int4 => (1, |b| f64::from(i8::from_le_bytes(array(b)))),
        DType::Int16 => (2, |b| f64::from(i16::from_le_bytes(array(b)))),
        DType::Int32 => (4, |b| f64::from(i32::from_le_bytes(array(b)))),
        DType::Int64 => (8, |b| i64::from_le_bytes(array(b)) as f64),
        DType::Uint16 => (2, |b| f64::from(u16::from_le_bytes(array(b)))),
        DType::Uint32 => (4, |b| f64::from(u32::from_le_bytes(array(b)))),
        DType::Uint64 => (8, |b| u64::from_le_bytes(array(b)) as f64),
        DType::Float8E4m3fn => (1, |b| float8::F8E4M3::from_bits(array::<1>(b)[0]).to_f64()),
        DType::Float8E5m2 => (1, |b| float8::F8E5M2::from_bits(array::<1>(b)[0]).to_f64()),
        DType::Float16 => (2, |b| half::f16::from_le_bytes(array(b)).to_f64()),
        DType::Bfloat16 => (2, |b| half::bf16::from_le_bytes(array(b)).to_f64()),
        DType::Float32 | DType::Complex64 => (4, |b| f64::from(f32::from_le_bytes(array(b)))),
        DType::Float64 | DType::Complex128 => (8, |b| f64::from_le_bytes(array(b))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerata_core::Data;

    fn numbers(dtype: DType, count: u64, bytes: Vec<u8>) -> Vec<f64> {
        let variable = Variable::new(dtype, [count], Data::owned(bytes)).unwrap();
        let mut all = Vec::new();
        for_each_block(&variable, &mut |block| all.extend_from_slice(block)).unwrap();
        all
    }

    #[test]
    fn every_width_is_read() {
        assert_eq!(numbers(DType::Int8, 2, vec![0xff, 2]), [-1.0, 2.0]);
        assert_eq!(numbers(DType::Float16, 1, vec![0x00, 0x3c]), [1.0]);
        assert_eq!(numbers(DType::Bfloat16, 1, vec![0x80, 0xbf]), [-1.0]);
        assert_eq!(numbers(DType::Float8E4m3fn, 1, vec![0x38]), [1.0]);
        assert_eq!(numbers(DType::Float8E5m2, 1, vec![0x3c]), [1.0]);
        assert_eq!(numbers(DType::Int64, 1, (-3i64).to_le_bytes().to_vec()), [-3.0]);
    }
}
