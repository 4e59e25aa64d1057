//! Element types of TensorFlow and of kerata, one line each.

use kerata_core::DType;

use crate::containers::proto::tensorflow::DataType;

/// Every type that both know.
const PAIRS: &[(DataType, DType)] = &[
    (DataType::DtFloat, DType::Float32),
    (DataType::DtDouble, DType::Float64),
    (DataType::DtInt32, DType::Int32),
    (DataType::DtUint8, DType::Uint8),
    (DataType::DtInt16, DType::Int16),
    (DataType::DtInt8, DType::Int8),
    (DataType::DtString, DType::String),
    (DataType::DtComplex64, DType::Complex64),
    (DataType::DtInt64, DType::Int64),
    (DataType::DtBool, DType::Bool),
    (DataType::DtBfloat16, DType::Bfloat16),
    (DataType::DtUint16, DType::Uint16),
    (DataType::DtComplex128, DType::Complex128),
    (DataType::DtHalf, DType::Float16),
    (DataType::DtUint32, DType::Uint32),
    (DataType::DtUint64, DType::Uint64),
    (DataType::DtFloat8E5m2, DType::Float8E5m2),
    (DataType::DtFloat8E4m3fn, DType::Float8E4m3fn),
    (DataType::DtInt4, DType::Int4),
    (DataType::DtUint4, DType::Uint4),
    // The quantized types of TensorFlow 1 are plain integers with another name.
    (DataType::DtQint8, DType::Int8),
    (DataType::DtQuint8, DType::Uint8),
    (DataType::DtQint16, DType::Int16),
    (DataType::DtQuint16, DType::Uint16),
    (DataType::DtQint32, DType::Int32),
];

/// The type of a TensorFlow code; `None` for types without plain elements (resource, variant) and unknown codes.
pub fn dtype_from_tf(code: i32) -> Option<DType> {
    let code = DataType::try_from(code).ok()?;
    PAIRS.iter().find(|pair| pair.0 == code).map(|pair| pair.1)
}

/// TensorFlow's code of a type.
pub fn dtype_to_tf(dtype: DType) -> Option<DataType> {
    PAIRS.iter().find(|pair| pair.1 == dtype).map(|pair| pair.0)
}
