//! Text, and tables from keys to values.

use kerata_core::ops;
use kerata_core::{Array, DType, Error, Result};

use super::call::{Call, Outputs};
use super::table::Lowering;
use super::value::{Table, Value};

pub const OPS: &[(&str, Lowering)] = &[
    ("AsString", |c| c.unary(ops::as_string)),
    ("HashTableV2", |_| Ok(vec![Value::Table(Table::default())])),
    ("InitializeTableFromTextFileV2", fill_from_file),
    ("InitializeTableV2", fill),
    ("LookupTableFindV2", find),
    ("LookupTableImportV2", fill),
    ("LookupTableSizeV2", size),
    ("StaticRegexReplace", regex_replace),
    ("StringJoin", |c| c.one(ops::string_join(&c.tensors(0..c.inputs.len())?, c.text("separator", ""))?)),
    ("StringLength", |c| c.unary(|x| ops::string_length(x, c.text("unit", "BYTE") == "UTF8_CHAR"))),
    ("StringLower", |c| c.unary(|x| ops::string_lower(x, c.text("encoding", "") == "utf-8"))),
    ("StringStrip", |c| c.unary(strip)),
    ("StringToHashBucketFast", |c| hash(c, None)),
    ("StringToHashBucketStrong", hash_strong),
    ("StringToNumber", |c| {
        let dtype = c.dtype("out_type", DType::Float32)?;
        c.unary(|x| ops::to_number(x, dtype))
    }),
    ("StringUpper", |c| c.unary(|x| ops::string_upper(x, c.text("encoding", "") == "utf-8"))),
    ("Substr", substr),
];

/// White space at both ends is left out.
fn strip(x: &kerata_core::graph::Tensor) -> Result<kerata_core::graph::Tensor> {
    ops::regex_replace(x, "(?-u)^[ \\t\\n\\v\\f\\r]+|[ \\t\\n\\v\\f\\r]+$", "")
}

/// `text, position, length` in bytes.
fn substr(c: &Call<'_>) -> Outputs {
    let (position, length) = (c.number(1)?, c.number(2)?);
    if c.text("unit", "BYTE") != "BYTE" || position < 0 || length < 0 {
        return Err(Error::unsupported("a part of text by characters, or from its end"));
    }
    let pattern = format!("(?s-u)^.{{{position}}}(.{{0,{length}}}).*$");
    c.unary(|x| ops::regex_replace(x, &pattern, "\\1"))
}

fn table<'a>(c: &'a Call<'_>) -> Result<&'a Table> {
    match c.input(0)? {
        Value::Table(table) => Ok(table),
        _ => Err(Error::unsupported("a lookup in something that is no table of the model")),
    }
}

fn find(c: &Call<'_>) -> Outputs {
    let (keys, values) = table(c)?.content()?;
    let (keys, values) = (c.builder.constant(keys), c.builder.constant(values));
    c.one(ops::lookup(c.tensor(1)?, &keys, &values, c.tensor(2)?)?)
}

fn size(c: &Call<'_>) -> Outputs {
    let (keys, _) = table(c)?.content()?;
    c.one(c.builder.constant(Array::scalar(keys.len() as i64)))
}

/// `table, keys, values`.
fn fill(c: &Call<'_>) -> Outputs {
    let constant = |position: usize| {
        let constant = c.tensor(position)?.constant();
        constant.ok_or_else(|| Error::unsupported("a table whose entries are computed"))
    };
    table(c)?.fill(constant(1)?, constant(2)?)?;
    Ok(vec![Value::Nothing])
}

/// A table whose entries are the lines of an asset.
fn fill_from_file(c: &Call<'_>) -> Outputs {
    let Value::Asset(name) = c.input(1)? else {
        return Err(Error::untrusted("a table is filled from a file that is no asset of the model"));
    };
    let bytes = (c.reader.assets)(name)?;
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let limit = usize::try_from(c.int("vocab_size", -1)).unwrap_or(lines.len());
    lines.truncate(limit);
    let delimiter = c.text("delimiter", "\t").as_bytes().first().copied().unwrap_or(b'\t');
    let column = |which: i64| match which {
        -1 => Ok(Array::vector((0..lines.len() as i64).collect::<Vec<i64>>())),
        -2 => Array::from_strings([lines.len()], lines.iter().map(|line| line.to_vec()).collect()),
        at => {
            let part = |line: &&[u8]| {
                let part =
                    usize::try_from(at).ok().and_then(|at| line.split(|byte| *byte == delimiter).nth(at));
                part.map(<[u8]>::to_vec)
                    .ok_or_else(|| Error::corrupt("a line of a vocabulary has too few columns"))
            };
            Array::from_strings([lines.len()], lines.iter().map(part).collect::<Result<_>>()?)
        }
    };
    table(c)?.fill(column(c.int("key_index", -2))?, column(c.int("value_index", -1))?)?;
    Ok(vec![Value::Nothing])
}

fn regex_replace(c: &Call<'_>) -> Outputs {
    if !c.flag("replace_global", true) {
        return Err(Error::unsupported("replacing the first match only"));
    }
    c.unary(|x| ops::regex_replace(x, c.text("pattern", ""), c.text("rewrite", "")))
}

fn buckets(c: &Call<'_>) -> Result<u64> {
    u64::try_from(c.int("num_buckets", 0))
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Error::corrupt("no buckets"))
}

fn hash(c: &Call<'_>, key: Option<(u64, u64)>) -> Outputs {
    let count = buckets(c)?;
    c.one(ops::cast(&ops::string_hash(c.tensor(0)?, count, key)?, DType::Int64)?)
}

fn hash_strong(c: &Call<'_>) -> Outputs {
    match c.ints("key") {
        [first, second] => hash(c, Some((first.cast_unsigned(), second.cast_unsigned()))),
        other => Err(Error::corrupt(format!("a key of {} numbers", other.len()))),
    }
}
