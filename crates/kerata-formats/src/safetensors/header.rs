//! The header: length, JSON, and the rules that leave no byte of the file unexplained.

use kerata_core::{DType, Error, Limits, Object, Result, ResultExt, Shape, SourceRef, Tree};

use super::dtype;

/// Longest header that any reader of the format takes.
pub(super) const MAX_HEADER_BYTES: u64 = 100_000_000;
pub(super) const METADATA: &str = "__metadata__";

/// A checked header.
pub(super) struct Header {
    /// Tensors in the order of their bytes.
    pub(super) tensors: Vec<Tensor>,
    pub(super) metadata: Object,
}

/// Where a tensor lies in the file.
pub(super) struct Tensor {
    pub(super) name: String,
    pub(super) dtype: DType,
    pub(super) shape: Vec<u64>,
    pub(super) start: u64,
    pub(super) len: u64,
}

/// Whether a file of this length may start like this.
pub(super) fn looks_right(head: &[u8], file_len: u64) -> bool {
    let Some((len, b"{")) = head.split_first_chunk::<8>() else { return false };
    let len = u64::from_le_bytes(*len);
    len >= 2 && (len <= file_len.saturating_sub(8) || len <= MAX_HEADER_BYTES)
}

impl Header {
    pub(super) fn read(source: &SourceRef, limits: &Limits) -> Result<Self> {
        let len_bytes = source.read_vec(0, 8)?;
        let len = len_bytes.iter().rev().fold(0u64, |len, byte| len << 8 | u64::from(*byte));
        if len > MAX_HEADER_BYTES {
            return Err(Error::limit(format!("a header of {len} bytes, the limit is {MAX_HEADER_BYTES}")));
        }
        let text = source.read_vec(8, len).at(|| "header")?;
        if text.first() != Some(&b'{') {
            return Err(Error::corrupt("the header does not start with `{`"));
        }
        let mut wider = limits.clone();
        wider.max_config_bytes = wider.max_config_bytes.max(MAX_HEADER_BYTES);
        let Tree::Object(mut entries) = Tree::parse(&text, &wider).at(|| "header")? else {
            return Err(Error::corrupt("the header is no object"));
        };
        let metadata = match entries.shift_remove(METADATA) {
            None => Object::new(),
            Some(Tree::Object(map)) if map.values().all(|value| value.as_str().is_some()) => map,
            Some(_) => return Err(Error::corrupt(format!("`{METADATA}` is no map of text to text"))),
        };
        if entries.len() > limits.max_tensors {
            return Err(Error::limit(format!("more than {} tensors", limits.max_tensors)));
        }
        let data = 8 + len;
        let mut tensors = Vec::new();
        for (name, entry) in entries {
            let place = format!("tensor `{name}`");
            tensors.push(read_tensor(name, &entry, data, limits).map_err(|error| error.at(place))?);
        }
        tensors.sort_by_key(|tensor| (tensor.start, tensor.len));
        check_places(&tensors, data, source.len())?;
        Ok(Self { tensors, metadata })
    }
}

fn read_tensor(name: String, entry: &Tree, data: u64, limits: &Limits) -> Result<Tensor> {
    let fields = entry.as_object().ok_or_else(|| Error::corrupt("the entry is no object"))?;
    if let Some(key) = fields.keys().find(|key| !matches!(key.as_str(), "dtype" | "shape" | "data_offsets")) {
        return Err(Error::corrupt(format!("unknown field `{key}`")));
    }
    if name.len() > limits.max_name_bytes {
        return Err(Error::limit(format!("a name of {} bytes", name.len())));
    }
    let dtype_name = entry.require("dtype")?.as_str().unwrap_or_default();
    let dtype = dtype::parse(dtype_name)
        .ok_or_else(|| Error::unsupported(format!("dtype `{dtype_name}` of safetensors")))?;
    let shape = numbers(entry.require("shape")?)?;
    if shape.len() > limits.max_rank || shape.iter().any(|axis| *axis > limits.max_dimension) {
        return Err(Error::limit("a shape beyond the limits"));
    }
    let [start, end] = numbers(entry.require("data_offsets")?)?[..] else {
        return Err(Error::corrupt("data_offsets are not two numbers"));
    };
    let len = end.checked_sub(start).ok_or_else(|| Error::corrupt("the data ends before it starts"))?;
    let elements = Shape::known(shape.iter().copied()).elements();
    let needed = elements.and_then(|elements| elements.checked_mul(dtype.size()? as u64));
    let needed = needed.ok_or_else(|| Error::limit("a tensor of more than 2^64 bytes"))?;
    if needed != len {
        return Err(Error::corrupt(format!("the shape needs {needed} bytes, {len} are given")));
    }
    let start = data.checked_add(start).ok_or_else(|| Error::corrupt("an offset beyond 2^64"))?;
    Ok(Tensor { name, dtype, shape, start, len })
}

fn numbers(tree: &Tree) -> Result<Vec<u64>> {
    let items = tree.as_list().map(|items| items.iter().map(Tree::as_u64).collect::<Option<Vec<u64>>>());
    items.flatten().ok_or_else(|| Error::corrupt("expected a list of whole numbers"))
}

/// Tensors fill the file from the header to the end: no hole, no overlap.
fn check_places(tensors: &[Tensor], data: u64, file_len: u64) -> Result<()> {
    let mut expected = data;
    for tensor in tensors {
        if tensor.start != expected {
            let what = if tensor.start < expected { "overlap" } else { "leave a hole" };
            return Err(Error::corrupt(format!("tensors {what}")).at(format!("tensor `{}`", tensor.name)));
        }
        expected += tensor.len;
        if expected > file_len {
            return Err(Error::corrupt(format!("the data ends at {expected}, the file at {file_len}"))
                .at(format!("tensor `{}`", tensor.name))
                .hint("the file was cut short"));
        }
    }
    if expected != file_len {
        return Err(Error::corrupt(format!("{} bytes behind the last tensor", file_len - expected)));
    }
    Ok(())
}
