//! Rows of different lengths: text that is split, ragged and sparse tensors on their way to dense ones.
//!
//! A ragged tensor is its values and the places where its rows start (`splits`), a sparse one its values and their places.

use kerata_core::graph::{NodeKind, Tensor};
use kerata_core::ops::{self, SplitAt};
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::Value;
use crate::containers::proto::tensorflow::attr_value::ListValue;

pub const OPS: &[(&str, Lowering)] = &[
    ("RaggedTensorToTensor", to_dense),
    ("SparseCross", sparse_cross),
    ("SparseToDense", sparse_to_dense),
    ("StringNGrams", ngrams),
    ("StringSplitV2", split),
    ("UnicodeDecode", decode),
    ("UnicodeEncode", encode),
    ("Where", |c| {
        let x = c.tensor(0)?;
        let is_true = if x.dtype() == DType::Bool { x.clone() } else { ops::cast(x, DType::Bool)? };
        c.one(ops::nonzero(&is_true)?)
    }),
];

/// `input, separator` gives places, values and the shape of a sparse matrix.
fn split(c: &Call<'_>) -> Outputs {
    let separator = c.tensor(1)?.constant();
    let separator = separator.and_then(|array| Some(array.as_strings().ok()?.first()?.clone()));
    let separator = separator.ok_or_else(|| Error::unsupported("a separator that is computed"))?;
    if c.int("maxsplit", -1) >= 0 {
        return Err(Error::unsupported("a limit of parts"));
    }
    let at = match String::from_utf8(separator) {
        Ok(text) if text.is_empty() => SplitAt::Whitespace,
        Ok(text) => SplitAt::Text(text),
        Err(_) => return Err(Error::unsupported("a separator that is not UTF-8")),
    };
    let (tokens, counts) = ops::string_split(c.tensor(0)?, at)?;
    let places = filled_places(&tokens, &counts)?;
    let values = ops::gather_nd(&tokens, &places)?;
    let shape = ops::cast(&ops::shape_of(&tokens)?, DType::Int64)?;
    Ok(vec![Value::of(places), Value::of(values), Value::of(shape)])
}

/// Where a matrix that is filled up has elements of its own.
fn filled_places(tokens: &Tensor, counts: &Tensor) -> Result<Tensor> {
    let columns = columns(&ops::index(&ops::shape_of(tokens)?, 0, 1)?)?;
    ops::nonzero(&ops::less(&columns, &ops::expand_dims(counts, 1)?)?)
}

/// 0, 1, … up to a width that is known when the graph is run.
fn columns(width: &Tensor) -> Result<Tensor> {
    ops::range(&ops::scalar(width, 0)?, width, &ops::scalar(width, 1)?)
}

/// `shape, values, default, partitions…`
fn to_dense(c: &Call<'_>) -> Outputs {
    let kinds = c.list("row_partition_types").map_or(&[][..], |list: &ListValue| list.s.as_slice());
    let kinds: Vec<&[u8]> = kinds.iter().map(|kind| kind.as_ref()).collect();
    let splits = match kinds[..] {
        [b"ROW_SPLITS"] => c.tensor(3)?.clone(),
        [b"FIRST_DIM_SIZE", b"VALUE_ROWIDS"] => splits_of(&counted(c.tensor(4)?, c.tensor(3)?)?)?,
        _ => return Err(Error::unsupported("a ragged tensor of several ragged axes")),
    };
    let sizes = c.elements(0)?.map(|sizes| sizes.iter().map(|size| size.known()).collect::<Vec<_>>());
    let width = match sizes.as_deref() {
        Some([]) | None => None,
        Some(sizes) => sizes.get(1).copied().flatten().filter(|width| *width >= 0),
    };
    let values = c.tensor(1)?;
    if values.rank() != 1 {
        return Err(Error::unsupported("a ragged tensor of rows of tensors"));
    }
    c.one(dense(values, &splits, c.tensor(2)?, width)?)
}

/// The rows of a ragged tensor side by side, as wide as the widest or as said, filled up with a default.
fn dense(values: &Tensor, splits: &Tensor, default: &Tensor, width: Option<i64>) -> Result<Tensor> {
    let splits = ops::cast(splits, DType::Int64)?;
    let (starts, counts) = starts_and_counts(&splits)?;
    let width = match width {
        Some(width) => values.builder().constant(Array::scalar(width)),
        None => {
            let none = values.builder().constant(Array::vector(vec![0i64]));
            ops::max(&ops::concatenate(&[none, counts.clone()], 0)?, &[], false)?
        }
    };
    let columns = columns(&width)?;
    let is_there = ops::less(&columns, &ops::expand_dims(&counts, 1)?)?;
    let places = ops::add(&ops::expand_dims(&starts, 1)?, &columns)?;
    // The default stands behind the values.
    let all =
        ops::concatenate(&[values.clone(), ops::reshape(&ops::cast(default, values.dtype())?, [1])?], 0)?;
    let end = ops::cast(&ops::index(&ops::shape_of(values)?, 0, 0)?, DType::Int64)?;
    ops::take(&all, &ops::select(&is_there, &places, &end)?, Some(0))
}

fn starts_and_counts(splits: &Tensor) -> Result<(Tensor, Tensor)> {
    let starts = ops::slice_axis(splits, 0, ops::Range { start: None, stop: Some(-1), step: 1 })?;
    let ends = ops::slice_axis(splits, 0, ops::Range { start: Some(1), stop: None, step: 1 })?;
    let counts = ops::subtract(&ends, &starts)?;
    Ok((starts, counts))
}

/// `places, shape, values, default`: for each element of the dense matrix, the value whose place it is.
fn sparse_to_dense(c: &Call<'_>) -> Outputs {
    let (places, shape, values, default) = (c.tensor(0)?, c.tensor(1)?, c.tensor(2)?, c.tensor(3)?);
    if shape.spec().size(0) != Some(2) || values.rank() != 1 {
        return Err(Error::unsupported("a sparse tensor that is no matrix"));
    }
    let int = |x: &Tensor| ops::cast(x, DType::Int64);
    let (places, shape) = (int(places)?, int(shape)?);
    let (rows, width) = (ops::index(&shape, 0, 0)?, ops::index(&shape, 0, 1)?);
    let column = |at| ops::index(&places, 1, at);
    let numbers = ops::add(&ops::multiply(&column(0)?, &width)?, &column(1)?)?;
    let all = columns(&ops::multiply(&rows, &width)?)?;
    let at = ops::cast(&ops::searchsorted(&numbers, &all, false)?, DType::Int64)?;
    let none = c.builder.constant(Array::vector(vec![-1i64]));
    let is_there = ops::equal(&ops::take(&ops::concatenate(&[numbers, none], 0)?, &at, Some(0))?, &all)?;
    let with_default = ops::concatenate(&[values.clone(), ops::reshape(default, [1])?], 0)?;
    let end = int(&ops::index(&ops::shape_of(values)?, 0, 0)?)?;
    let flat = ops::take(&with_default, &ops::select(&is_there, &at, &end)?, Some(0))?;
    c.one(ops::reshape_to(&flat, &shape)?)
}

/// `values, splits` of tokens gives values and splits of n-grams.
fn ngrams(c: &Call<'_>) -> Outputs {
    if c.int("pad_width", 0) != 0 || c.flag("preserve_short_sequences", false) {
        return Err(Error::unsupported("n-grams with padding"));
    }
    let (values, splits) = (c.tensor(0)?, ops::cast(c.tensor(1)?, DType::Int64)?);
    let empty = c.builder.constant(Array::from_strings([], vec![Vec::new()])?);
    let tokens = dense(values, &splits, &empty, None)?;
    let (_, counts) = starts_and_counts(&splits)?;
    let widths = c.ints("ngram_widths").iter().map(|width| usize::try_from(*width));
    let widths = widths.collect::<std::result::Result<Vec<_>, _>>();
    let widths = widths.map_err(|_| Error::corrupt("a negative width of n-grams"))?;
    let counts = ops::cast(&counts, DType::Int32)?;
    let (grams, counts) = ops::string_ngrams(&tokens, &counts, &widths, c.text("separator", ""))?;
    let values = ops::gather_nd(&grams, &filled_places(&grams, &counts)?)?;
    let splits = ops::cast(&splits_of(&counts)?, c.dtype("Tsplits", DType::Int64)?)?;
    Ok(vec![Value::of(values), Value::of(splits)])
}

/// How often each number below a size occurs.
fn counted(rows: &Tensor, size: &Tensor) -> Result<Tensor> {
    let size = ops::cast(&ops::reshape(size, [1])?, DType::Int32)?;
    let zero = rows.builder().constant(Array::scalar(0i64));
    let bins = ops::broadcast_shape(&zero, &size)?;
    let rows = ops::cast(rows, DType::Int32)?;
    ops::index_add(&ops::cast(&ops::ones_like(&rows)?, DType::Int64)?, &rows, bins.size(0), 0)
}

fn splits_of(counts: &Tensor) -> Result<Tensor> {
    let zero = counts.builder().constant(Array::vector(vec![0i64]));
    let ends = ops::cumsum(&ops::cast(counts, DType::Int64)?, Some(0))?;
    ops::concatenate(&[zero, ends], 0)
}

/// Text as its characters. They are kept as text of one character each, since nothing but `UnicodeEncode` asks for them.
fn decode(c: &Call<'_>) -> Outputs {
    if c.text("input_encoding", "") != "UTF-8" || c.text("errors", "replace") != "replace" {
        return Err(Error::unsupported("an encoding other than UTF-8, or errors that are not replaced"));
    }
    let (letters, counts) = ops::string_split(c.tensor(0)?, SplitAt::Characters)?;
    let values = ops::gather_nd(&letters, &filled_places(&letters, &counts)?)?;
    let splits = ops::cast(&splits_of(&counts)?, c.dtype("Tsplits", DType::Int64)?)?;
    Ok(vec![Value::of(splits), Value::Characters(values)])
}

/// `characters, splits`: one text for each character, where the splits are 0, 1, 2, …
fn encode(c: &Call<'_>) -> Outputs {
    let Value::Characters(letters) = c.input(0)? else {
        return Err(Error::unsupported("text of numbers of characters"));
    };
    let (node, _) = c.builder.producer(c.tensor(1)?)?;
    let is_each = matches!(&node.kind, NodeKind::Op(op) if matches!(op.name(), "range" | "iota"));
    if !is_each {
        return Err(Error::unsupported("text of several characters that were taken apart"));
    }
    c.one(letters.clone())
}

fn sparse_cross(c: &Call<'_>) -> Outputs {
    let is_plain =
        c.int("N", 0) == 0 && c.flag("hashed_output", false) && c.int("hash_key", 0) == 0xDE_CAFC_AFFE;
    let parts = c.tensors(0..c.inputs.len())?;
    let is_columns = parts.iter().all(|part| part.rank() == 2 && part.spec().size(1) == Some(1));
    if !is_plain || !is_columns {
        return Err(Error::unsupported("a cross of sparse features, or of several in a row"));
    }
    let buckets = u64::try_from(c.int("num_buckets", 0)).map_err(|_| Error::corrupt("negative buckets"))?;
    let crossed = ops::cross_hash(&parts, buckets)?;
    let flat = ops::reshape(&crossed, [-1])?;
    let shape = ops::cast(&ops::shape_of(&crossed)?, DType::Int64)?;
    Ok(vec![Value::Nothing, Value::of(flat), Value::of(shape)])
}
