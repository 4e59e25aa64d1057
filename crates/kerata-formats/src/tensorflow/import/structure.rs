//! `StructuredValue`: the nested arguments and results of functions, flattened as TensorFlow does.

use crate::containers::proto::tensorflow::structured_value::Kind;
use crate::containers::proto::tensorflow::{StructuredValue, TensorShapeProto};

/// A tensor among the arguments or results of a function.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Keys and positions on the way to it, joined by `/`.
    pub path: String,
    /// Its own name, when it has one.
    pub name: String,
    /// TensorFlow's code of the element type.
    pub dtype: i32,
    pub shape: Option<TensorShapeProto>,
}

/// The tensors of a structure in order; dicts by sorted key.
pub fn leaves(value: &StructuredValue) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(value, String::new(), &mut found);
    found
}

fn collect(value: &StructuredValue, path: String, found: &mut Vec<Leaf>) {
    let below = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") };
    match &value.kind {
        Some(Kind::TensorSpecValue(spec)) => {
            found.push(Leaf { path, name: spec.name.clone(), dtype: spec.dtype, shape: spec.shape.clone() });
        }
        Some(Kind::BoundedTensorSpecValue(spec)) => {
            found.push(Leaf { path, name: spec.name.clone(), dtype: spec.dtype, shape: spec.shape.clone() });
        }
        Some(Kind::ListValue(list)) => {
            for (at, item) in list.values.iter().enumerate() {
                collect(item, below(&at.to_string()), found);
            }
        }
        Some(Kind::TupleValue(tuple)) => {
            for (at, item) in tuple.values.iter().enumerate() {
                collect(item, below(&at.to_string()), found);
            }
        }
        Some(Kind::DictValue(dict)) => {
            for (key, item) in &dict.fields {
                collect(item, below(key), found);
            }
        }
        Some(Kind::NamedTupleValue(tuple)) => {
            for pair in &tuple.values {
                if let Some(item) = &pair.value {
                    collect(item, below(&pair.key), found);
                }
            }
        }
        _ => {}
    }
}
