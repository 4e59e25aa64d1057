//! `StructuredValue`s in short.

use kerata_core::graph::TensorSpec;

use super::attributes::shape;
use super::signature::code_of;
use crate::containers::proto::tensorflow::structured_value::Kind;
use crate::containers::proto::tensorflow::{
    DataType, DictValue, ListValue, NamedTupleValue, NoneValue, PairValue, StructuredValue, TensorShapeProto,
    TensorSpecProto, TupleValue,
};

fn of(kind: Kind) -> StructuredValue {
    StructuredValue { kind: Some(kind) }
}

/// `None`.
pub fn none() -> StructuredValue {
    of(Kind::NoneValue(NoneValue {}))
}

/// Text.
pub fn text(value: &str) -> StructuredValue {
    of(Kind::StringValue(value.to_owned()))
}

/// A list.
pub fn list(values: Vec<StructuredValue>) -> StructuredValue {
    of(Kind::ListValue(ListValue { values }))
}

/// A tuple.
pub fn tuple(values: Vec<StructuredValue>) -> StructuredValue {
    of(Kind::TupleValue(TupleValue { values }))
}

/// A dict.
pub fn dict(fields: impl IntoIterator<Item = (String, StructuredValue)>) -> StructuredValue {
    of(Kind::DictValue(DictValue { fields: fields.into_iter().collect() }))
}

/// The spec of a tensor with a name.
pub fn spec(name: &str, spec: &TensorSpec) -> StructuredValue {
    let shape = Some(shape(spec));
    of(Kind::TensorSpecValue(TensorSpecProto { name: name.to_owned(), shape, dtype: code_of(spec) }))
}

/// The spec of a handle.
pub fn resource(name: &str, kind: DataType) -> StructuredValue {
    let shape = Some(TensorShapeProto::default());
    of(Kind::TensorSpecValue(TensorSpecProto { name: name.to_owned(), shape, dtype: kind as i32 }))
}

/// The description of a Python function with these arguments.
pub fn full_arg_spec(arguments: &[&str]) -> StructuredValue {
    let pair = |key: &str, value: StructuredValue| PairValue { key: key.to_owned(), value: Some(value) };
    of(Kind::NamedTupleValue(NamedTupleValue {
        name: "FullArgSpec".to_owned(),
        values: vec![
            pair("args", list(arguments.iter().copied().map(text).collect())),
            pair("varargs", none()),
            pair("varkw", none()),
            pair("defaults", none()),
            pair("kwonlyargs", list(Vec::new())),
            pair("kwonlydefaults", none()),
            pair("annotations", dict([])),
        ],
    }))
}
