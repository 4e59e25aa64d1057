//! Attributes of nodes, in short.

use kerata_core::graph::TensorSpec;
use kerata_core::{Array, DType, Error, Result};

use crate::containers::bundle::dtype_to_tf;
use crate::containers::proto::tensorflow::attr_value::{ListValue, Value};
use crate::containers::proto::tensorflow::{
    AttrValue, NameAttrList, TensorProto, TensorShapeProto, tensor_shape_proto::Dim,
};

/// A name and its value.
pub type Attribute = (&'static str, Value);

/// An attribute as nodes keep it.
pub fn attr(value: Value) -> AttrValue {
    AttrValue { value: Some(value) }
}

/// TensorFlow's code of an element type.
pub fn code(dtype: DType) -> Result<i32> {
    let code =
        dtype_to_tf(dtype).ok_or_else(|| Error::unsupported(format!("TensorFlow has no type {dtype}")))?;
    Ok(code as i32)
}

/// An element type.
pub fn dtype(dtype: DType) -> Result<Value> {
    code(dtype).map(Value::Type)
}

/// A list of element types.
pub fn dtypes<'a>(specs: impl IntoIterator<Item = &'a TensorSpec>) -> Result<Value> {
    let r#type = specs.into_iter().map(|spec| code(spec.dtype)).collect::<Result<_>>()?;
    Ok(Value::List(ListValue { r#type, ..ListValue::default() }))
}

/// A list of whole numbers.
pub fn ints(numbers: impl IntoIterator<Item = i64>) -> Value {
    Value::List(ListValue { i: numbers.into_iter().collect(), ..ListValue::default() })
}

/// Text.
pub fn text(value: &str) -> Value {
    Value::S(value.as_bytes().to_vec().into())
}

/// A function.
pub fn function(name: &str) -> Value {
    Value::Func(NameAttrList { name: name.to_owned(), ..NameAttrList::default() })
}

/// A shape; unknown axes are -1.
pub fn shape(spec: &TensorSpec) -> TensorShapeProto {
    let dim = |size: &Option<u64>| Dim { size: size.map_or(-1, |size| size as i64), name: String::new() };
    TensorShapeProto { dim: spec.shape.axes().iter().map(dim).collect(), unknown_rank: false }
}

/// A list of shapes.
pub fn shapes<'a>(specs: impl IntoIterator<Item = &'a TensorSpec>) -> Value {
    Value::List(ListValue { shape: specs.into_iter().map(shape).collect(), ..ListValue::default() })
}

/// The message of an array.
pub fn tensor(array: &Array) -> Result<TensorProto> {
    let dtype = code(array.dtype())?;
    let tensor_shape = Some(shape(&array.spec()));
    let data = array.to_data();
    let message = TensorProto { dtype, tensor_shape, ..TensorProto::default() };
    Ok(match data.as_strings() {
        Some(strings) => {
            TensorProto { string_val: strings.iter().map(|text| text.clone().into()).collect(), ..message }
        }
        None => TensorProto { tensor_content: data.bytes()?.into_owned().into(), ..message },
    })
}
