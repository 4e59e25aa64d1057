//! A `TensorProto`: name, shape and elements, which lie in one of six fields or in a file beside the model.

use kerata_core::{DType, Data, Error, Limits, Result, ResultExt, Variable};

use super::fields::{Part, Value};
use crate::{Input, shards};

/// Numbers of element types.
const DTYPES: &[(u64, DType)] = &[
    (1, DType::Float32),
    (2, DType::Uint8),
    (3, DType::Int8),
    (4, DType::Uint16),
    (5, DType::Int16),
    (6, DType::Int32),
    (7, DType::Int64),
    (8, DType::String),
    (9, DType::Bool),
    (10, DType::Float16),
    (11, DType::Float64),
    (12, DType::Uint32),
    (13, DType::Uint64),
    (14, DType::Complex64),
    (15, DType::Complex128),
    (16, DType::Bfloat16),
    (17, DType::Float8E4m3fn),
    (19, DType::Float8E5m2),
    (21, DType::Uint4),
    (22, DType::Int4),
];

/// The element type of a number.
pub(super) fn dtype(number: u64) -> Option<DType> {
    DTYPES.iter().find(|(known, _)| *known == number).map(|(_, dtype)| *dtype)
}

/// What is gathered of one tensor.
#[derive(Default)]
struct Fields {
    name: String,
    shape: Vec<u64>,
    dtype: u64,
    /// Elements as they are in memory.
    plain: Vec<Part>,
    /// Elements as numbers of varying length.
    numbers: Vec<Part>,
    texts: Vec<Vec<u8>>,
    is_external: bool,
    external: Vec<(String, String)>,
}

/// Reads a tensor; its elements stay where they lie if they lie there as they are in memory.
pub(super) fn read(message: &Part, input: &Input, limits: &Limits) -> Result<(String, Variable)> {
    let mut tensor = Fields::default();
    for field in message.fields() {
        match field? {
            (1, Value::Number(size)) => tensor.shape.push(size),
            (1, Value::Part(sizes)) => tensor.shape.extend(sizes.numbers()?),
            (2, Value::Number(number)) => tensor.dtype = number,
            (4 | 9 | 10, Value::Part(part)) => tensor.plain.push(part),
            (5 | 7 | 11, Value::Part(part)) => tensor.numbers.push(part),
            (6, Value::Part(text)) => tensor.texts.push(text.bytes()?),
            (8, Value::Part(name)) => tensor.name = name.text(limits)?,
            (13, Value::Part(entry)) => tensor.external.push(pair(&entry, limits)?),
            (14, Value::Number(place)) => tensor.is_external = place == 1,
            _ => {}
        }
    }
    let name = std::mem::take(&mut tensor.name);
    let variable = tensor.variable(input, limits).at(|| name.clone())?;
    Ok((name, variable))
}

impl Fields {
    fn variable(self, input: &Input, limits: &Limits) -> Result<Variable> {
        let number = self.dtype;
        let dtype =
            dtype(number).ok_or_else(|| Error::unsupported(format!("the ONNX element type {number}")))?;
        if self.shape.len() > limits.max_rank {
            return Err(Error::limit(format!("{} axes, the limit is {}", self.shape.len(), limits.max_rank)));
        }
        if let Some(size) = self.shape.iter().find(|size| **size > limits.max_dimension) {
            return Err(Error::limit(format!("an axis of {} elements", *size as i64)));
        }
        let data = match dtype {
            DType::String => Data::strings(self.texts),
            _ if self.is_external => external(&self.external, input)?,
            _ => elements(&self.plain, &self.numbers, dtype)?,
        };
        let data = match dtype {
            DType::Int4 | DType::Uint4 => halves(&data, &self.shape, dtype)?,
            _ => data,
        };
        Variable::new(dtype, self.shape, data)
    }
}

/// The elements that stand in the message.
fn elements(plain: &[Part], numbers: &[Part], dtype: DType) -> Result<Data> {
    if let ([part], []) = (plain, numbers) {
        return part.data();
    }
    let mut bytes = Vec::new();
    for part in plain {
        bytes.extend(part.bytes()?);
    }
    let size = dtype.size().unwrap_or_default();
    for number in numbers.iter().map(Part::numbers).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        bytes.extend(number.to_le_bytes().into_iter().take(size));
    }
    Ok(Data::owned(bytes))
}

/// Elements of four bits, two a byte, as one a byte.
fn halves(packed: &Data, shape: &[u64], dtype: DType) -> Result<Data> {
    let packed = packed.bytes()?;
    let count = shape.iter().try_fold(1u64, |all, size| all.checked_mul(*size));
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|n| n.div_ceil(2) == packed.len());
    let count = count.ok_or_else(|| {
        Error::corrupt(format!("{} bytes of elements of four bits do not fill the shape", packed.len()))
    })?;
    let signed = |half: u8| if dtype == DType::Int4 && half > 7 { half | 0xf0 } else { half };
    let all = packed.iter().flat_map(|byte| [byte & 15, byte >> 4]).take(count);
    Ok(Data::owned(all.map(signed).collect::<Vec<u8>>()))
}

/// The elements that lie in a file beside the model.
fn external(entries: &[(String, String)], input: &Input) -> Result<Data> {
    let text = |key: &str| entries.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str());
    let number = |key: &str| match text(key).map(str::parse::<u64>) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(Error::corrupt(format!("`{key}` of a tensor in another file is no number"))),
    };
    let file = text("location").ok_or_else(|| Error::corrupt("a tensor in another file without its name"))?;
    if !shards::is_plain(file) {
        return Err(Error::untrusted("tensors may only lie in a file beside the model").at(file));
    }
    let source = shards::open(input, file)?;
    let offset = number("offset")?.unwrap_or(0);
    let len = number("length")?.unwrap_or(source.len().saturating_sub(offset));
    Data::range(source, offset, len).at(|| file)
}

/// One entry of a list of texts by key.
fn pair(message: &Part, limits: &Limits) -> Result<(String, String)> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in message.fields() {
        match field? {
            (1, Value::Part(text)) => key = text.text(limits)?,
            (2, Value::Part(text)) => value = text.text(limits)?,
            _ => {}
        }
    }
    Ok((key, value))
}
