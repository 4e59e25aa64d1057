//! Dtypes of safetensors, and how others are carried.

use kerata_core::DType;

const NAMES: &[(DType, &str)] = &[
    (DType::Bool, "BOOL"),
    (DType::Uint8, "U8"),
    (DType::Int8, "I8"),
    (DType::Float8E5m2, "F8_E5M2"),
    (DType::Float8E4m3fn, "F8_E4M3"),
    (DType::Int16, "I16"),
    (DType::Uint16, "U16"),
    (DType::Float16, "F16"),
    (DType::Bfloat16, "BF16"),
    (DType::Int32, "I32"),
    (DType::Uint32, "U32"),
    (DType::Float32, "F32"),
    (DType::Float64, "F64"),
    (DType::Int64, "I64"),
    (DType::Uint64, "U64"),
    (DType::Complex64, "C64"),
];

/// The dtype of a name.
pub(super) fn parse(name: &str) -> Option<DType> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(dtype, _)| *dtype)
}

/// Name and shape that a tensor is stored under. What the format has no name for is stored as bytes or pairs with one
/// more axis; [`super::note`] keeps the true dtype. `None` for strings.
pub(super) fn stored(dtype: DType, shape: &[u64]) -> Option<(&'static str, Vec<u64>)> {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == dtype) {
        return Some((name, shape.to_vec()));
    }
    let (name, axis) = match dtype {
        DType::Int4 => ("I8", None),
        DType::Uint4 => ("U8", None),
        DType::Complex128 => ("F64", Some(2)),
        other => ("U8", Some(other.size()? as u64)),
    };
    Some((name, shape.iter().copied().chain(axis).collect()))
}

/// Whether the format itself says this dtype.
pub(super) fn is_named(dtype: DType) -> bool {
    NAMES.iter().any(|(known, _)| *known == dtype)
}
