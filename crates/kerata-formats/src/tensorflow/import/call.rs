//! `Call`: one node that is being read: its attributes with their defaults, and its inputs.

use kerata_core::graph::{GraphBuilder, Tensor};
use kerata_core::ops::Size;
use kerata_core::{Array, DType, Error, Result};

use super::functions::Reader;
use super::value::{Element, Followed, Value, folded};
use crate::containers::bundle::dtype_from_tf;
use crate::containers::proto::tensorflow::attr_value::{self, ListValue};
use crate::containers::proto::tensorflow::{AttrValue, NodeDef, TensorProto, TensorShapeProto};

/// Most ops that are looked through for an input that must be known, and most elements of each.
const MAX_STEPS: usize = 8;
const MAX_EVALUATED: u64 = 64;

/// One node with its inputs.
pub struct Call<'a> {
    pub node: &'a NodeDef,
    pub inputs: Vec<Value>,
    pub builder: GraphBuilder,
    pub reader: &'a Reader<'a>,
    pub depth: usize,
}

/// What the lowering of a node gives: its outputs in order.
pub type Outputs = Result<Vec<Value>>;

impl Call<'_> {
    /// An input.
    pub fn input(&self, position: usize) -> Result<&Value> {
        self.inputs
            .get(position)
            .ok_or_else(|| Error::corrupt(format!("input {position} of {} is missing", self.inputs.len())))
    }

    /// An input that is a tensor.
    pub fn tensor(&self, position: usize) -> Result<&Tensor> {
        self.input(position)?.tensor()
    }

    /// All inputs from a position on, which are tensors.
    pub fn tensors(&self, range: std::ops::Range<usize>) -> Result<Vec<Tensor>> {
        range.map(|position| self.tensor(position).cloned()).collect()
    }

    /// What is known of the elements of an input.
    pub fn elements(&self, position: usize) -> Result<Option<&[Element]>> {
        match self.input(position)? {
            Value::Tensor(Followed { elements, .. }) => Ok(elements.as_deref()),
            _ => Ok(None),
        }
    }

    /// The elements of an input that must be known: axes, a number of classes.
    pub fn numbers(&self, position: usize) -> Result<Vec<i64>> {
        if let Some(elements) = self.elements(position)? {
            let known: Option<Vec<i64>> = elements.iter().map(Element::known).collect();
            return known.ok_or_else(|| unknown(position));
        }
        self.array(position)?.to_i64s()
    }

    /// A small input that must be known.
    pub fn array(&self, position: usize) -> Result<Array> {
        evaluated(self.tensor(position)?, MAX_STEPS).ok_or_else(|| unknown(position))
    }

    /// The only element of an input that must be known.
    pub fn number(&self, position: usize) -> Result<i64> {
        match self.numbers(position)?.as_slice() {
            [number] => Ok(*number),
            other => {
                Err(Error::corrupt(format!("input {position} has {} elements, expected 1", other.len())))
            }
        }
    }

    /// The elements of an input as sizes for `reshape`.
    pub fn sizes(&self, position: usize) -> Result<Vec<Size>> {
        let elements = self.elements(position)?.ok_or_else(|| unknown(position))?;
        Ok(elements.iter().map(Element::size).collect())
    }

    /// The elements of an input as sizes of which none is left over.
    pub fn full_sizes(&self, position: usize) -> Result<Vec<Size>> {
        let sizes = self.sizes(position)?;
        match sizes.iter().any(|size| matches!(size, Size::Infer)) {
            true => Err(unknown(position)),
            false => Ok(sizes),
        }
    }

    /// One output that is a tensor.
    pub fn one(&self, tensor: Tensor) -> Outputs {
        Ok(vec![Value::of(tensor)])
    }

    /// One output whose elements are known in part; a constant when all are known.
    pub fn followed(&self, tensor: Tensor, elements: Option<Vec<Element>>) -> Outputs {
        let Some(elements) = elements else { return self.one(tensor) };
        let tensor = match folded(&elements, tensor.dtype(), tensor.rank()) {
            Some(array) => self.builder.constant(array),
            None => tensor,
        };
        Ok(vec![Value::with_elements(tensor, elements)])
    }

    /// A function of one tensor.
    pub fn unary(&self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Outputs {
        self.one(f(self.tensor(0)?)?)
    }

    /// A function of two tensors.
    pub fn binary(&self, f: impl Fn(&Tensor, &Tensor) -> Result<Tensor>) -> Outputs {
        self.one(f(self.tensor(0)?, self.tensor(1)?)?)
    }

    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&attr_value::Value> {
        self.node.attr.get(name).and_then(|attr: &AttrValue| attr.value.as_ref())
    }

    /// A whole number, or its default.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        match self.attribute(name) {
            Some(attr_value::Value::I(value)) => *value,
            _ => default,
        }
    }

    /// A number, or its default.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        match self.attribute(name) {
            Some(attr_value::Value::F(value)) => *value,
            _ => default,
        }
    }

    /// A truth value, or its default.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        match self.attribute(name) {
            Some(attr_value::Value::B(value)) => *value,
            _ => default,
        }
    }

    /// Text, or its default.
    pub fn text(&self, name: &str, default: &'static str) -> &str {
        match self.attribute(name) {
            Some(attr_value::Value::S(value)) => std::str::from_utf8(value).unwrap_or(default),
            _ => default,
        }
    }

    /// A list of whole numbers; empty when absent.
    pub fn ints(&self, name: &str) -> &[i64] {
        self.list(name).map_or(&[], |list| list.i.as_slice())
    }

    /// A list of any kind.
    pub fn list(&self, name: &str) -> Option<&ListValue> {
        match self.attribute(name) {
            Some(attr_value::Value::List(list)) => Some(list),
            _ => None,
        }
    }

    /// An element type.
    pub fn dtype(&self, name: &str, default: DType) -> Result<DType> {
        match self.attribute(name) {
            Some(attr_value::Value::Type(code)) => {
                dtype_from_tf(*code).ok_or_else(|| Error::unsupported(format!("element type {code}")))
            }
            _ => Ok(default),
        }
    }

    /// A shape.
    pub fn shape(&self, name: &str) -> Option<&TensorShapeProto> {
        match self.attribute(name) {
            Some(attr_value::Value::Shape(shape)) => Some(shape),
            _ => None,
        }
    }

    /// A tensor.
    pub fn value(&self, name: &str) -> Option<&TensorProto> {
        match self.attribute(name) {
            Some(attr_value::Value::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    }

    /// The name of a function.
    pub fn function(&self, name: &str) -> Result<&str> {
        match self.attribute(name) {
            Some(attr_value::Value::Func(function)) => Ok(&function.name),
            _ => Err(Error::corrupt(format!("attribute `{name}` names no function"))),
        }
    }

    /// Whether the channels are the last axis; where they are the second, `false`.
    pub fn channels_last(&self) -> bool {
        !self.text("data_format", "NHWC").starts_with("NC")
    }
}

/// What a small tensor is that depends on constants alone, so many ops back.
fn evaluated(tensor: &Tensor, steps: usize) -> Option<Array> {
    if let Some(array) = tensor.constant() {
        return Some(array);
    }
    let is_small = tensor.spec().shape.elements().is_some_and(|elements| elements <= MAX_EVALUATED);
    let (node, inputs) = tensor.builder().producer(tensor).ok().filter(|_| is_small && steps > 0)?;
    let arrays: Vec<Array> = inputs.iter().map(|input| evaluated(input, steps - 1)).collect::<Option<_>>()?;
    let mut made = node.op().filter(|_| !arrays.is_empty())?.evaluate(&arrays).ok()?;
    made.pop().filter(|_| made.is_empty())
}

fn unknown(position: usize) -> Error {
    Error::unsupported(format!("input {position} must be known before the graph runs"))
}
