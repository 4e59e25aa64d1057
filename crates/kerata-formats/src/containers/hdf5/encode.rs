//! The messages of object headers, as libhdf5 1.8 writes them.

use kerata_core::{DType, Error, Result, Shape};

/// A message body must be shorter than this.
const MAX_MESSAGE: usize = 65_528;

/// How the strings of an attribute are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StringKind {
    /// Variable length, UTF-8: what h5py writes for `str`.
    #[default]
    VariableUtf8,
    /// Variable length, marked ASCII: what h5py writes for `bytes`.
    VariableAscii,
    /// The length of the longest, filled up with NULs: what h5py writes for numpy's `S` arrays.
    FixedAscii,
}

/// An object header being put together.
#[derive(Default)]
pub(super) struct HeaderBuilder {
    bytes: Vec<u8>,
    messages: usize,
}

impl HeaderBuilder {
    /// Adds a message; the answer is where its body starts in the finished header.
    pub fn push(&mut self, kind: u16, constant: bool, body: &[u8]) -> Result<usize> {
        let size = body.len().next_multiple_of(8);
        let field = u16::try_from(size).ok().filter(|_| size <= MAX_MESSAGE);
        let field = field.ok_or_else(|| {
            Error::limit(format!("{} bytes in one header message; HDF5 holds {MAX_MESSAGE}", body.len()))
                .hint("split the attribute into parts")
        })?;
        self.messages += 1;
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(field.to_le_bytes());
        self.bytes.extend([u8::from(constant), 0, 0, 0]);
        let start = 16 + self.bytes.len();
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len() + size - body.len(), 0);
        Ok(start)
    }

    /// The whole header, version 1.
    pub fn finish(self) -> Result<Vec<u8>> {
        let count = u16::try_from(self.messages).map_err(|_| Error::limit("more than 65,535 attributes"))?;
        let size =
            u32::try_from(self.bytes.len()).map_err(|_| Error::limit("attributes of more than 4 GiB"))?;
        let mut header = vec![1, 0];
        header.extend(count.to_le_bytes());
        header.extend(1u32.to_le_bytes());
        header.extend(size.to_le_bytes());
        header.extend([0; 4]);
        header.extend(self.bytes);
        Ok(header)
    }
}

/// Dataspace version 1; the largest sizes equal the sizes.
pub(super) fn dataspace(sizes: &[u64]) -> Result<Vec<u8>> {
    let rank = u8::try_from(sizes.len()).ok().filter(|rank| *rank <= 32);
    let rank =
        rank.ok_or_else(|| Error::unsupported(format!("{} axes in HDF5, which holds 32", sizes.len())))?;
    let mut body = vec![1, rank, u8::from(rank > 0), 0, 0, 0, 0, 0];
    for size in sizes.iter().chain(sizes) {
        body.extend(size.to_le_bytes());
    }
    Ok(body)
}

/// The null dataspace exists since version 2.
pub(super) fn null_dataspace() -> Vec<u8> {
    vec![2, 0, 0, 2]
}

/// Sizes of a shape that is known.
pub(super) fn known_sizes(shape: &Shape) -> Result<Vec<u64>> {
    shape.sizes().ok_or_else(|| Error::mismatch(format!("a stored shape with unknown axes {shape}")))
}

/// Datatype of a tensor's elements; those that HDF5 has no type for are opaque.
pub(super) fn datatype(dtype: DType) -> Vec<u8> {
    match dtype {
        DType::Bool => boolean(),
        DType::Int8 => integer(1, true),
        DType::Int16 => integer(2, true),
        DType::Int32 => integer(4, true),
        DType::Int64 => integer(8, true),
        DType::Uint8 => integer(1, false),
        DType::Uint16 => integer(2, false),
        DType::Uint32 => integer(4, false),
        DType::Uint64 => integer(8, false),
        DType::Float16 => float(2, 10, 5, 15),
        DType::Float32 => float(4, 23, 8, 127),
        DType::Float64 => float(8, 52, 11, 1023),
        DType::Complex64 => complex(4, &float(4, 23, 8, 127)),
        DType::Complex128 => complex(8, &float(8, 52, 11, 1023)),
        DType::String => variable_text(true),
        other => opaque(other.size().and_then(|size| u32::try_from(size).ok()).unwrap_or(1)),
    }
}

/// Whether the datatype alone does not say what the elements are.
pub(super) fn needs_name(dtype: DType) -> bool {
    matches!(dtype, DType::Bfloat16 | DType::Float8E4m3fn | DType::Float8E5m2 | DType::Int4 | DType::Uint4)
}

/// Opaque bytes without a tag.
pub(super) fn opaque(size: u32) -> Vec<u8> {
    start(5, 0, size)
}

/// A string of the global heap.
pub(super) fn variable_text(utf8: bool) -> Vec<u8> {
    let mut body = start(9, 1 | if utf8 { 0x100 } else { 0 }, 16);
    body.extend(start(0, 0, 1));
    body.extend([0, 0, 8, 0]);
    body
}

/// An ASCII string of fixed length, filled up with NULs.
pub(super) fn fixed_text(size: u32) -> Vec<u8> {
    start(3, 1, size)
}

/// Attribute message, version 1: all parts filled up to eight bytes. The second answer is where the data starts.
pub(super) fn attribute(
    name: &str,
    datatype: &[u8],
    dataspace: &[u8],
    data: &[u8],
) -> Result<(Vec<u8>, usize)> {
    let name_size =
        u16::try_from(name.len() + 1).map_err(|_| Error::limit("an attribute name is too long"))?;
    let size = |part: &[u8]| u16::try_from(part.len()).map_err(|_| Error::internal("a datatype too long"));
    let mut body = vec![1, 0];
    body.extend(name_size.to_le_bytes());
    body.extend(size(datatype)?.to_le_bytes());
    body.extend(size(dataspace)?.to_le_bytes());
    for part in [[name.as_bytes(), b"\0"].concat().as_slice(), datatype, dataspace] {
        body.extend(part);
        body.resize(body.len().next_multiple_of(8), 0);
    }
    let data_start = body.len();
    body.extend(data);
    Ok((body, data_start))
}

/// Fill value version 2, as h5py leaves it: allocated late, written if set, the default value.
pub(super) const FILL: [u8; 8] = [2, 2, 2, 1, 0, 0, 0, 0];

/// Layout version 3: one contiguous range; its address starts at byte 2.
pub(super) fn contiguous(size: u64) -> Vec<u8> {
    let mut body = vec![3, 1];
    body.extend(u64::MAX.to_le_bytes());
    body.extend(size.to_le_bytes());
    body
}

/// Class and version 1, the class's bits, the size.
fn start(class: u8, bits: u32, size: u32) -> Vec<u8> {
    let [low, middle, high, _] = bits.to_le_bytes();
    let mut body = vec![0x10 | class, low, middle, high];
    body.extend(size.to_le_bytes());
    body
}

fn integer(size: u16, signed: bool) -> Vec<u8> {
    let mut body = start(0, if signed { 8 } else { 0 }, u32::from(size));
    body.extend(0u16.to_le_bytes());
    body.extend((8 * size).to_le_bytes());
    body
}

fn float(size: u16, mantissa: u8, exponent: u8, bias: u32) -> Vec<u8> {
    let sign = u32::from(8 * size - 1);
    let mut body = start(1, 0x20 | (sign << 8), u32::from(size));
    body.extend(0u16.to_le_bytes());
    body.extend((8 * size).to_le_bytes());
    body.extend([mantissa, exponent, 0, mantissa]);
    body.extend(bias.to_le_bytes());
    body
}

fn boolean() -> Vec<u8> {
    let mut body = start(8, 2, 1);
    body.extend(integer(1, true));
    body.extend(b"FALSE\0\0\0TRUE\0\0\0\0");
    body.extend([0, 1]);
    body
}

fn complex(part: u32, float: &[u8]) -> Vec<u8> {
    let mut body = start(6, 2, 2 * part);
    for (name, offset) in [(b"r\0\0\0\0\0\0\0", 0), (b"i\0\0\0\0\0\0\0", part)] {
        body.extend(name);
        body.extend(offset.to_le_bytes());
        // A scalar member: no dimensions, no permutation, four unused sizes.
        body.extend([0; 28]);
        body.extend(float);
    }
    body
}
