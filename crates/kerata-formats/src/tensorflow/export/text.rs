//! Text, and tables from keys to values.

use kerata_core::graph::TensorSpec;
use kerata_core::ops::{
    CrossHash, RegexReplace, SplitAt, StringCase, StringHash, StringJoin, StringLength, StringNgrams,
    StringSplit,
};
use kerata_core::{DType, Error, Result};

use super::attributes::{Attribute, dtype, dtypes, ints, text};
use super::elementwise::convert;
use super::table::{Lowering, Write};
use super::writer::{FunctionWriter, Val};
use crate::containers::proto::tensorflow::attr_value::{ListValue, Value};

pub const OPS: &[(&str, Lowering)] = &[
    ("as_string", as_string),
    ("cross_hash", cross_hash),
    ("lookup", lookup),
    ("regex_replace", |f, w| {
        let op = w.op::<RegexReplace>()?;
        let attributes = vec![
            ("pattern", text(&op.pattern)),
            ("rewrite", text(&op.rewrite)),
            ("replace_global", Value::B(op.global)),
        ];
        Ok(vec![f.node("StaticRegexReplace", &[w.name(0)?], attributes)])
    }),
    ("string_case", |f, w| {
        let op = w.op::<StringCase>()?;
        let encoding = text(if op.unicode { "utf-8" } else { "" });
        let name = if op.upper { "StringUpper" } else { "StringLower" };
        Ok(vec![f.node(name, &[w.name(0)?], vec![("encoding", encoding)])])
    }),
    ("string_hash", |f, w| {
        let op = w.op::<StringHash>()?;
        let buckets = i64::try_from(op.buckets).map_err(|_| Error::unsupported("more than 2^63 buckets"))?;
        let mut attributes: Vec<Attribute> = vec![("num_buckets", Value::I(buckets))];
        let Some((first, second)) = op.key else {
            return Ok(vec![f.node("StringToHashBucketFast", &[w.name(0)?], attributes)]);
        };
        // TensorFlow keeps the key as signed numbers of the same bits.
        attributes.push(("key", ints([first.cast_signed(), second.cast_signed()])));
        Ok(vec![f.node("StringToHashBucketStrong", &[w.name(0)?], attributes)])
    }),
    ("string_join", |f, w| {
        let names: Vec<String> = w.inputs.iter().map(|input| input.name.clone()).collect();
        let separator = text(&w.op::<StringJoin>()?.separator);
        let count = Value::I(names.len() as i64);
        Ok(vec![f.node("StringJoin", &names, vec![("N", count), ("separator", separator)])])
    }),
    ("string_length", |f, w| {
        let unit = text(if w.op::<StringLength>()?.unicode { "UTF8_CHAR" } else { "BYTE" });
        Ok(vec![f.node("StringLength", &[w.name(0)?], vec![("unit", unit)])])
    }),
    ("string_ngrams", string_ngrams),
    ("string_split", string_split),
    ("to_number", |f, w| {
        let kind = dtype(w.output()?.dtype)?;
        Ok(vec![f.node("StringToNumber", &[w.name(0)?], vec![("out_type", kind)])])
    }),
];

fn as_string(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let attributes = vec![
        ("T", dtype(w.input(0)?.spec.dtype)?),
        ("precision", Value::I(-1)),
        ("scientific", Value::B(false)),
        ("shortest", Value::B(false)),
        ("width", Value::I(-1)),
        ("fill", text("")),
    ];
    Ok(vec![f.node("AsString", &[w.name(0)?], attributes)])
}

/// A table is filled when the model is loaded; TensorFlow has tables for some pairs of types.
fn lookup(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let entries = [w.input(1)?, w.input(2)?].map(|input| f.known(&input.name).cloned());
    let [Some(keys), Some(values)] = entries else { return compared(f, w) };
    if !f.reads_tables() {
        return compared(f, w);
    }
    let key = if keys.dtype() == DType::String { DType::String } else { DType::Int64 };
    let value = match values.dtype() {
        DType::String => DType::String,
        of if of.is_float() => DType::Float32,
        _ => DType::Int64,
    };
    let cast = |array: kerata_core::Array, of: DType| {
        if array.dtype() == of { Ok(array) } else { array.cast(of) }
    };
    let handle = f.table(cast(keys, key)?, cast(values, value)?)?;
    let x = convert(f, w.name(0)?, w.input(0)?.spec.dtype, key)?;
    let default = convert(f, w.name(3)?, w.input(3)?.spec.dtype, value)?;
    let attributes = vec![("Tin", dtype(key)?), ("Tout", dtype(value)?)];
    let found = f.node("LookupTableFindV2", &[handle, x, default], attributes);
    Ok(vec![convert(f, found, value, w.output()?.dtype)?])
}

/// A lookup without a table, for entries that are computed and for bodies of loops, which have no handles: the place of
/// the last key that is the same, or none, among the default and the values.
fn compared(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let (x, keys) = (w.input(0)?, w.input(1)?);
    let (int, of_x, of_value) = (dtype(DType::Int32)?, dtype(x.spec.dtype)?, dtype(w.output()?.dtype)?);
    let (last, zero, one, line) = (f.scalar(-1)?, f.scalar(0)?, f.scalar(1)?, f.vector(&[1])?);
    let attributes = vec![("T", of_x.clone()), ("Tdim", int.clone())];
    let wide = f.node("ExpandDims", &[x.name.clone(), last.clone()], attributes);
    let attributes = vec![("T", of_x), ("incompatible_shape_error", Value::B(true))];
    let is_key = f.node("Equal", &[wide, keys.name.clone()], attributes);
    let is_key = convert(f, is_key, DType::Bool, DType::Int32)?;
    let count = f.size_of(keys, 0)?;
    let end = f.node("AddV2", &[count, one.clone()], vec![("T", int.clone())]);
    let numbers = f.node("Range", &[one.clone(), end, one], vec![("Tidx", int.clone())]);
    let places = f.node("Mul", &[is_key, numbers], vec![("T", int.clone())]);
    // Without keys the largest place would be the smallest number.
    let places = f.node("Max", &[places, last], vec![("T", int.clone()), ("Tidx", int.clone())]);
    let places = f.node("Maximum", &[places, zero.clone()], vec![("T", int.clone())]);
    let default = reshape(f, w.name(3)?, w.output()?.dtype, line)?;
    let attributes = vec![("N", Value::I(2)), ("T", of_value.clone()), ("Tidx", int.clone())];
    let all = f.node("ConcatV2", &[default, w.name(2)?, zero.clone()], attributes);
    let attributes = vec![("Tparams", of_value), ("Tindices", int.clone()), ("Taxis", int)];
    Ok(vec![f.node("GatherV2", &[all, places, zero], attributes)])
}

fn cross_hash(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let buckets = i64::try_from(w.op::<CrossHash>()?.buckets);
    let buckets = buckets.map_err(|_| Error::unsupported("more than 2^63 buckets"))?;
    let column = f.vector(&[-1, 1])?;
    let (mut columns, mut specs) = (Vec::new(), Vec::new());
    for input in w.inputs {
        let kind = if input.spec.dtype == DType::String { DType::String } else { DType::Int64 };
        let name = convert(f, input.name.clone(), input.spec.dtype, kind)?;
        columns.push(reshape(f, name, kind, column.clone())?);
        specs.push(TensorSpec::new(kind, kerata_core::Shape::new([None, Some(1)])));
    }
    let none = || Value::List(ListValue::default());
    let has_numbers = specs.iter().any(|spec| spec.dtype != DType::String);
    let attributes = vec![
        ("N", Value::I(0)),
        ("hashed_output", Value::B(true)),
        ("num_buckets", Value::I(buckets)),
        // What TensorFlow takes when no key is given.
        ("hash_key", Value::I(0xDE_CAFC_AFFE)),
        ("sparse_types", none()),
        ("dense_types", dtypes(&specs)?),
        ("out_type", dtype(DType::Int64)?),
        ("internal_type", dtype(if has_numbers { DType::Int64 } else { DType::String })?),
    ];
    let node = f.add("SparseCross", &columns, attributes);
    let shape = f.shape_of(w.input(0)?)?;
    Ok(vec![reshape(f, format!("{node}:output_values:0"), DType::Int64, shape)?])
}

fn string_split(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let flat = f.vector(&[-1])?;
    let flat = reshape(f, w.name(0)?, DType::String, flat)?;
    let (dense, counts) = match &w.op::<StringSplit>()?.at {
        SplitAt::Characters => {
            let attributes = vec![
                ("input_encoding", text("UTF-8")),
                ("errors", text("replace")),
                ("replacement_char", Value::I(0xFFFD)),
                ("replace_control_characters", Value::B(false)),
                ("Tsplits", dtype(DType::Int64)?),
            ];
            let node = f.add("UnicodeDecode", &[flat], attributes);
            let (splits, characters) = (format!("{node}:row_splits:0"), format!("{node}:char_values:0"));
            let count = f.node(
                "Size",
                std::slice::from_ref(&characters),
                vec![("T", dtype(DType::Int32)?), ("out_type", dtype(DType::Int64)?)],
            );
            let (zero, one) = (f.number(0.0, DType::Int64)?, f.number(1.0, DType::Int64)?);
            let end = f.node("AddV2", &[count, one.clone()], vec![("T", dtype(DType::Int64)?)]);
            let each = f.node("Range", &[zero, end, one], vec![("Tidx", dtype(DType::Int64)?)]);
            let attributes = vec![
                ("errors", text("replace")),
                ("output_encoding", text("UTF-8")),
                ("replacement_char", Value::I(0xFFFD)),
                ("Tsplits", dtype(DType::Int64)?),
            ];
            let letters = f.node("UnicodeEncode", &[characters, each], attributes);
            padded(f, letters, splits)?
        }
        at => {
            let separator = if let SplitAt::Text(separator) = at { separator.as_str() } else { "" };
            let separator =
                f.constant(&kerata_core::Array::from_strings([], vec![separator.as_bytes().to_vec()])?)?;
            let node = f.add("StringSplitV2", &[flat, separator.name], vec![("maxsplit", Value::I(-1))]);
            let (indices, values) = (format!("{node}:indices:0"), format!("{node}:values:0"));
            let shape = format!("{node}:shape:0");
            let empty = f.constant(&kerata_core::Array::from_strings([], vec![Vec::new()])?)?;
            let attributes = vec![
                ("T", dtype(DType::String)?),
                ("Tindices", dtype(DType::Int64)?),
                ("validate_indices", Value::B(false)),
            ];
            let dense =
                f.node("SparseToDense", &[indices.clone(), shape.clone(), values, empty.name], attributes);
            let (zero, axis) = (f.scalar(0)?, f.scalar(1)?);
            let gather = |f: &mut FunctionWriter<'_>, from: String, axis: String| -> Result<String> {
                let attributes = vec![
                    ("Tparams", dtype(DType::Int64)?),
                    ("Tindices", dtype(DType::Int32)?),
                    ("Taxis", dtype(DType::Int32)?),
                    ("batch_dims", Value::I(0)),
                ];
                Ok(f.node("GatherV2", &[from, zero.clone(), axis], attributes))
            };
            let rows = gather(f, indices, axis)?;
            let first = f.scalar(0)?;
            let count = gather(f, shape, first)?;
            let ones = f.node("OnesLike", std::slice::from_ref(&rows), vec![("T", dtype(DType::Int64)?)]);
            let attributes = vec![
                ("T", dtype(DType::Int64)?),
                ("Tindices", dtype(DType::Int64)?),
                ("Tnumsegments", dtype(DType::Int64)?),
            ];
            (dense, f.node("UnsortedSegmentSum", &[ones, rows, count], attributes))
        }
    };
    in_rows_of(f, w.input(0)?, dense, counts)
}

fn string_ngrams(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<StringNgrams>()?;
    let (tokens, counts) = (w.input(0)?, w.input(1)?);
    let width = f.size_of(tokens, tokens.spec.rank() - 1)?;
    let minus = f.scalar(-1)?;
    let rows = f.node(
        "Pack",
        &[minus, width.clone()],
        vec![("N", Value::I(2)), ("T", dtype(DType::Int32)?), ("axis", Value::I(0))],
    );
    let dense = reshape(f, tokens.name.clone(), DType::String, rows)?;
    let column = f.vector(&[-1, 1])?;
    let column = reshape(f, counts.name.clone(), DType::Int32, column)?;
    let (zero, one) = (f.scalar(0)?, f.scalar(1)?);
    let places = f.node("Range", &[zero.clone(), width, one], vec![("Tidx", dtype(DType::Int32)?)]);
    let is_there = f.node("Less", &[places, column], vec![("T", dtype(DType::Int32)?)]);
    let there = f.node("Where", &[is_there], vec![("T", dtype(DType::Bool)?)]);
    let values = f.node(
        "GatherNd",
        &[dense, there],
        vec![("Tparams", dtype(DType::String)?), ("Tindices", dtype(DType::Int64)?)],
    );
    let flat = f.vector(&[-1])?;
    let flat = reshape(f, counts.name.clone(), DType::Int32, flat)?;
    let flat = convert(f, flat, DType::Int32, DType::Int64)?;
    let ends = f.node(
        "Cumsum",
        &[flat, zero.clone()],
        vec![
            ("T", dtype(DType::Int64)?),
            ("Tidx", dtype(DType::Int32)?),
            ("exclusive", Value::B(false)),
            ("reverse", Value::B(false)),
        ],
    );
    let start = f.constant(&kerata_core::Array::vector(vec![0i64]))?.name;
    let splits = f.node(
        "ConcatV2",
        &[start, ends, zero],
        vec![("N", Value::I(2)), ("T", dtype(DType::Int64)?), ("Tidx", dtype(DType::Int32)?)],
    );
    let attributes = vec![
        ("separator", text(&op.separator)),
        ("ngram_widths", ints(op.widths.iter().map(|width| *width as i64))),
        ("left_pad", text("")),
        ("right_pad", text("")),
        ("pad_width", Value::I(0)),
        ("preserve_short_sequences", Value::B(false)),
        ("Tsplits", dtype(DType::Int64)?),
    ];
    let node = f.add("StringNGrams", &[values, splits], attributes);
    let (dense, found) = padded(f, format!("{node}:ngrams:0"), format!("{node}:ngrams_splits:0"))?;
    in_rows_of(f, counts, dense, found)
}

/// Rows of different lengths as a matrix filled with empty text, and their lengths as int64.
fn padded(f: &mut FunctionWriter<'_>, values: String, splits: String) -> Result<(String, String)> {
    let shape = f.constant(&kerata_core::Array::vector(vec![-1i64, -1]))?.name;
    let empty = f.constant(&kerata_core::Array::from_strings([], vec![Vec::new()])?)?.name;
    let kinds = ListValue { s: vec!["ROW_SPLITS".as_bytes().to_vec().into()], ..ListValue::default() };
    let attributes = vec![
        ("T", dtype(DType::String)?),
        ("Tindex", dtype(DType::Int64)?),
        ("Tshape", dtype(DType::Int64)?),
        ("num_row_partition_tensors", Value::I(1)),
        ("row_partition_types", Value::List(kinds)),
    ];
    let dense = f.node("RaggedTensorToTensor", &[shape, values, empty, splits.clone()], attributes);
    let part = |f: &mut FunctionWriter<'_>, begin: i64, end: i64, masks: (i64, i64)| -> Result<String> {
        let (begin, end, step) = (f.vector(&[begin])?, f.vector(&[end])?, f.vector(&[1])?);
        let attributes = vec![
            ("T", dtype(DType::Int64)?),
            ("Index", dtype(DType::Int32)?),
            ("begin_mask", Value::I(masks.0)),
            ("end_mask", Value::I(masks.1)),
            ("ellipsis_mask", Value::I(0)),
            ("new_axis_mask", Value::I(0)),
            ("shrink_axis_mask", Value::I(0)),
        ];
        Ok(f.node("StridedSlice", &[splits.clone(), begin, end, step], attributes))
    };
    let (ends, starts) = (part(f, 1, 0, (0, 1))?, part(f, 0, -1, (1, 0))?);
    Ok((dense, f.node("Sub", &[ends, starts], vec![("T", dtype(DType::Int64)?)])))
}

/// A matrix and the lengths of its rows under the axes of what the rows stand for.
fn in_rows_of(f: &mut FunctionWriter<'_>, lead: &Val, dense: String, counts: String) -> Result<Vec<String>> {
    let shape = f.shape_of(lead)?;
    let axis = f.scalar(0)?;
    // The width is asked for, since of an empty matrix it cannot be inferred.
    let of_dense = Val {
        name: dense.clone(),
        spec: TensorSpec::new(DType::String, kerata_core::Shape::new([None, None])),
    };
    let width = f.size_of(&of_dense, 1)?;
    let width = f.node(
        "Pack",
        &[width],
        vec![("N", Value::I(1)), ("T", dtype(DType::Int32)?), ("axis", Value::I(0))],
    );
    let attributes = vec![("N", Value::I(2)), ("T", dtype(DType::Int32)?), ("Tidx", dtype(DType::Int32)?)];
    let whole = f.node("ConcatV2", &[shape.clone(), width, axis], attributes);
    let tokens = reshape(f, dense, DType::String, whole)?;
    let counts = convert(f, counts, DType::Int64, DType::Int32)?;
    Ok(vec![tokens, reshape(f, counts, DType::Int32, shape)?])
}

fn reshape(f: &mut FunctionWriter<'_>, x: String, kind: DType, shape: String) -> Result<String> {
    Ok(f.node("Reshape", &[x, shape], vec![("T", dtype(kind)?), ("Tshape", dtype(DType::Int32)?)]))
}
