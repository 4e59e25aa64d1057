//! Dtype promotion as Keras does it (`keras.backend.result_type`).

use crate::graph::Tensor;
use crate::{DType, Error, Result, ops};

/// The dtype in which tensors of these dtypes meet.
pub fn result_type(dtypes: &[DType]) -> Result<DType> {
    let (&first, rest) = dtypes.split_first().ok_or_else(|| Error::usage("no dtypes to promote"))?;
    rest.iter().try_fold(first, |a, &b| meet(a, b))
}

/// The dtype of a result that must be a float, as `result_type(dtype, float)`.
pub fn float_type(dtype: DType) -> DType {
    if dtype == DType::Bool || dtype.is_integer() { DType::Float32 } else { dtype }
}

/// Tensors cast to the dtype in which they meet.
pub fn promote(tensors: &[&Tensor]) -> Result<Vec<Tensor>> {
    let dtype = result_type(&tensors.iter().map(|tensor| tensor.dtype()).collect::<Vec<_>>())?;
    tensors.iter().map(|tensor| ops::cast(tensor, dtype)).collect()
}

/// A tensor of whole numbers as float32; others stay.
pub fn to_float(tensor: &Tensor) -> Result<Tensor> {
    ops::cast(tensor, float_type(tensor.dtype()))
}

fn meet(a: DType, b: DType) -> Result<DType> {
    use DType::{Bfloat16, Bool, Complex64, Complex128, Float16, Float32, Float64};
    if a == b {
        return Ok(a);
    }
    let (low, high) = if rank(a)? <= rank(b)? { (a, b) } else { (b, a) };
    Ok(match (low, high) {
        (Bool, other) => other,
        (low, high) if low.is_integer() && high.is_integer() => meet_integers(low, high),
        (low, high) if low.is_integer() => high,
        (Float16, Bfloat16) | (Bfloat16, Float16) => Float32,
        (Float64, Complex64) => Complex128,
        (_, high) => high,
    })
}

/// Kinds from narrow to wide; within a kind, widths.
fn rank(dtype: DType) -> Result<u8> {
    Ok(match dtype {
        DType::Bool => 0,
        dtype if dtype.is_integer() => 1,
        DType::Float16 | DType::Bfloat16 => 2,
        DType::Float32 => 3,
        DType::Float64 => 4,
        DType::Complex64 => 5,
        DType::Complex128 => 6,
        _ => {
            return Err(Error::mismatch(format!("{dtype} is not promoted to other dtypes"))
                .hint("cast it before it meets another dtype"));
        }
    })
}

fn meet_integers(a: DType, b: DType) -> DType {
    let width = |dtype: DType| match dtype {
        DType::Int4 | DType::Uint4 => 0,
        other => other.size().unwrap_or(8),
    };
    let is_signed =
        |dtype| matches!(dtype, DType::Int4 | DType::Int8 | DType::Int16 | DType::Int32 | DType::Int64);
    if is_signed(a) == is_signed(b) {
        return if width(a) >= width(b) { a } else { b };
    }
    let (signed, unsigned) = if is_signed(a) { (a, b) } else { (b, a) };
    match (width(signed), width(unsigned)) {
        (signed_width, width) if signed_width > width => signed,
        (_, 0 | 1) => DType::Int16,
        (_, 2) => DType::Int32,
        (_, 4) => DType::Int64,
        // No whole-number type holds both.
        _ => DType::Float32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DType::*;

    /// From `keras.backend.result_type` 3.15.
    #[test]
    fn dtypes_meet_as_in_keras() {
        for (a, b, expected) in [
            (Bool, Int8, Int8),
            (Uint8, Int8, Int16),
            (Uint16, Int8, Int32),
            (Uint32, Int32, Int64),
            (Uint64, Int64, Float32),
            (Int64, Float16, Float16),
            (Float16, Bfloat16, Float32),
            (Float32, Float64, Float64),
            (Float64, Complex64, Complex128),
            (Int32, Complex64, Complex64),
        ] {
            assert_eq!(result_type(&[a, b]).unwrap(), expected, "{a} {b}");
            assert_eq!(result_type(&[b, a]).unwrap(), expected, "{b} {a}");
        }
        assert!(result_type(&[Float8E4m3fn, Float32]).is_err());
    }
}
