//! Constants: a `TensorProto` as an array.

use kerata_core::{Array, DType, Data, Error, Limits, Result, Shape};

use crate::containers::bundle::dtype_from_tf;
use crate::containers::proto::tensorflow::{TensorProto, TensorShapeProto};

/// The array of a constant.
pub fn array_of(tensor: &TensorProto, limits: &Limits) -> Result<Array> {
    let dtype = dtype_from_tf(tensor.dtype)
        .ok_or_else(|| Error::unsupported(format!("a constant of element type {}", tensor.dtype)))?;
    let sizes = match &tensor.tensor_shape {
        Some(shape) => sizes_of(shape, limits)?,
        None => Vec::new(),
    };
    let elements = Shape::known(sizes.iter().copied())
        .elements()
        .and_then(|elements| usize::try_from(elements).ok())
        .ok_or_else(|| Error::limit("a constant of more than 2^64 elements"))?;
    let shape: Vec<usize> = sizes.iter().map(|size| usize::try_from(*size).unwrap_or(usize::MAX)).collect();
    if dtype == DType::String {
        let mut strings: Vec<Vec<u8>> = tensor.string_val.iter().map(|text| text.to_vec()).collect();
        repeat_last(&mut strings, elements, Vec::new(), limits)?;
        return Array::from_strings(shape, strings);
    }
    if !tensor.tensor_content.is_empty() {
        let expected = dtype.size().and_then(|width| elements.checked_mul(width));
        if expected.is_some_and(|expected| expected != tensor.tensor_content.len()) {
            return Err(Error::corrupt(format!(
                "{} bytes in a constant of {elements} elements",
                tensor.tensor_content.len()
            )));
        }
        return Array::from_data(shape, dtype, &Data::owned(tensor.tensor_content.to_vec()));
    }
    let width = dtype.size().unwrap_or(1);
    let mut bytes: Vec<Vec<u8>> = listed(tensor, dtype)?;
    repeat_last(&mut bytes, elements, vec![0; width], limits)?;
    Array::from_data(shape, dtype, &Data::owned(bytes.concat()))
}

/// Sizes of a shape whose axes are all known.
pub fn sizes_of(shape: &TensorShapeProto, limits: &Limits) -> Result<Vec<u64>> {
    if shape.unknown_rank || shape.dim.len() > limits.max_rank {
        return Err(Error::corrupt("a shape of unknown or too many axes"));
    }
    let size = |size: i64| u64::try_from(size).ok().filter(|size| *size <= limits.max_dimension);
    let sizes = shape
        .dim
        .iter()
        .map(|dim| size(dim.size).ok_or_else(|| Error::corrupt(format!("an axis of {}", dim.size))));
    sizes.collect()
}

/// Little-endian elements that are listed one by one.
fn listed(tensor: &TensorProto, dtype: DType) -> Result<Vec<Vec<u8>>> {
    macro_rules! bytes {
        ($field:ident as $type:ty) => {
            tensor.$field.iter().map(|value| (*value as $type).to_le_bytes().to_vec()).collect()
        };
    }
    Ok(match dtype {
        DType::Float32 => bytes!(float_val as f32),
        DType::Float64 => bytes!(double_val as f64),
        DType::Int32 => bytes!(int_val as i32),
        DType::Int16 => bytes!(int_val as i16),
        DType::Int8 | DType::Int4 => bytes!(int_val as i8),
        DType::Uint8 | DType::Uint4 => bytes!(int_val as u8),
        DType::Uint16 => bytes!(int_val as u16),
        DType::Int64 => bytes!(int64_val as i64),
        DType::Uint32 => bytes!(uint32_val as u32),
        DType::Uint64 => bytes!(uint64_val as u64),
        DType::Bool => tensor.bool_val.iter().map(|value| vec![u8::from(*value)]).collect(),
        // The bits of half floats are kept as whole numbers.
        DType::Float16 | DType::Bfloat16 => bytes!(half_val as u16),
        DType::Complex64 => pairs(tensor.scomplex_val.iter().map(|value| value.to_le_bytes().to_vec())),
        DType::Complex128 => pairs(tensor.dcomplex_val.iter().map(|value| value.to_le_bytes().to_vec())),
        DType::Float8E4m3fn | DType::Float8E5m2 => tensor.float8_val.iter().map(|byte| vec![*byte]).collect(),
        other => return Err(Error::unsupported(format!("a constant of {other}"))),
    })
}

/// Real and imaginary parts, two by two.
fn pairs(parts: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let parts: Vec<Vec<u8>> = parts.collect();
    parts.chunks_exact(2).map(<[_]>::concat).collect()
}

/// A list that is too short stands for more of its last element.
fn repeat_last<T: Clone>(listed: &mut Vec<T>, elements: usize, zero: T, limits: &Limits) -> Result<()> {
    if listed.len() > elements {
        return Err(Error::corrupt(format!("{} values in a constant of {elements}", listed.len())));
    }
    let bytes = elements.saturating_mul(size_of::<T>());
    if listed.len() < elements && bytes as u64 > limits.max_config_bytes {
        return Err(Error::limit(format!("one value that stands for {elements}")));
    }
    let last = listed.last().cloned().unwrap_or(zero);
    listed.resize(elements, last);
    Ok(())
}
