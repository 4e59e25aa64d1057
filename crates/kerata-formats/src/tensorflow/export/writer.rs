//! `FunctionWriter`: the body of one function that is being written.

use std::collections::{BTreeMap, HashMap, HashSet};

use kerata_core::graph::TensorSpec;
use kerata_core::ops::Dim;
use kerata_core::{Array, DType, Error, Result};
use prost::Message;

use super::attributes::{Attribute, attr, dtype, tensor};
use super::defaults::is_default;
use super::outputs::output_name;
use super::tables::Table;
use crate::containers::proto::tensorflow::attr_value::Value;
use crate::containers::proto::tensorflow::function_def::ArgAttrs;
use crate::containers::proto::tensorflow::op_def::ArgDef;
use crate::containers::proto::tensorflow::{AttrValue, DataType, FunctionDef, NodeDef, OpDef};

/// Most bytes of attributes by which nodes are compared.
const MAX_COMPARED_BYTES: usize = 4096;

/// Op, inputs and attributes of a node.
type Told = (String, Vec<String>, Vec<(String, Vec<u8>)>);

/// Whether it matters when, or how often, an op runs.
fn has_effects(op: &str) -> bool {
    matches!(
        op,
        "AssignVariableOp" | "LookupTableImportV2" | "NoOp" | "ReadVariableOp" | "StatefulPartitionedCall"
    )
}

/// What nodes of an op are called: constants are the most, and every other node says their names.
fn short_name(op: &str) -> &str {
    if op == "Const" { "c" } else { op }
}

/// A value of a function: how nodes name it, and what is known of it.
#[derive(Clone, Debug)]
pub struct Val {
    pub name: String,
    pub spec: TensorSpec,
}

/// The functions that are written so far.
#[derive(Default)]
pub struct Library {
    pub functions: Vec<FunctionDef>,
    pub tables: Vec<Table>,
    count: usize,
}

impl Library {
    /// A name that no other function has.
    pub fn fresh(&mut self, base: &str) -> String {
        self.count += 1;
        format!("__inference_{base}_{}", self.count)
    }
}

/// The body of a function.
pub struct FunctionWriter<'l> {
    pub library: &'l mut Library,
    nodes: Vec<NodeDef>,
    taken: HashMap<String, usize>,
    arguments: Vec<ArgDef>,
    shapes: BTreeMap<String, TensorSpec>,
    is_stateful: bool,
    /// Nodes that must run though no output needs them.
    effects: Vec<String>,
    /// Shape vectors by what they are the shape of.
    shape_cache: HashMap<String, String>,
    constants: HashMap<(Vec<i64>, bool, DType), String>,
    /// Names of nodes by all that decides what they compute.
    known_nodes: HashMap<Told, String>,
    /// Fixed values by name.
    arrays: HashMap<String, Array>,
    /// Tables that are read: position in the library and the argument that is its handle; none in bodies of loops.
    tables: Option<Vec<(usize, String)>>,
}

impl<'l> FunctionWriter<'l> {
    /// An empty function.
    pub fn new(library: &'l mut Library) -> Self {
        Self {
            library,
            nodes: Vec::new(),
            taken: HashMap::new(),
            arguments: Vec::new(),
            shapes: BTreeMap::new(),
            is_stateful: false,
            effects: Vec::new(),
            shape_cache: HashMap::new(),
            constants: HashMap::new(),
            known_nodes: HashMap::new(),
            arrays: HashMap::new(),
            tables: None,
        }
    }

    /// Lets the function read tables.
    pub fn with_tables(mut self) -> Self {
        self.tables = Some(Vec::new());
        self
    }

    /// Whether the function may take handles of tables.
    pub fn reads_tables(&self) -> bool {
        self.tables.is_some()
    }

    /// The handle of a table, which becomes an argument.
    pub fn table(&mut self, keys: Array, values: Array) -> Result<String> {
        if self.tables.is_none() {
            return Err(Error::internal("a table inside a loop or branch"));
        }
        let table = Table { keys, values };
        let name = table.name()?;
        let mut position = self.library.tables.len();
        for (at, known) in self.library.tables.iter().enumerate() {
            if known.name()? == name {
                position = at;
            }
        }
        if position == self.library.tables.len() {
            self.library.tables.push(table);
        }
        let known = self.tables_read().iter().find(|(at, _)| *at == position);
        if let Some((_, handle)) = known {
            return Ok(handle.clone());
        }
        let handle = self.resource(&format!("{name}_handle"));
        if let Some(tables) = &mut self.tables {
            tables.push((position, handle.clone()));
        }
        Ok(handle)
    }

    /// The tables that are read, in the order of their arguments.
    pub fn tables_read(&self) -> &[(usize, String)] {
        self.tables.as_deref().unwrap_or(&[])
    }

    /// The fixed value of a name.
    pub fn known(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// Marks a node that must run though no output needs it.
    pub fn effect(&mut self, node: String) {
        self.effects.push(node);
    }

    /// An argument that is a tensor.
    pub fn argument(&mut self, name: &str, spec: &TensorSpec) -> Result<Val> {
        let name = self.unique(name);
        let argument =
            ArgDef { name: name.clone(), r#type: super::attributes::code(spec.dtype)?, ..ArgDef::default() };
        self.arguments.push(argument);
        self.shapes.insert(name.clone(), spec.clone());
        Ok(Val { name, spec: spec.clone() })
    }

    /// An argument that is the handle of a variable.
    pub fn resource(&mut self, name: &str) -> String {
        let name = self.unique(name);
        let code = DataType::DtResource as i32;
        self.arguments.push(ArgDef { name: name.clone(), r#type: code, ..ArgDef::default() });
        self.is_stateful = true;
        name
    }

    /// The value of the variable behind a handle.
    pub fn read(&mut self, handle: String, spec: &TensorSpec) -> Result<Val> {
        let name = self.node("ReadVariableOp", &[handle], vec![("dtype", dtype(spec.dtype)?)]);
        Ok(Val { name, spec: spec.clone() })
    }

    /// Gives the variable behind a handle a new value, after everything that has read it.
    pub fn assign(&mut self, handle: String, value: &Val) -> Result<()> {
        let mut inputs = vec![handle.clone(), value.name.clone()];
        let readers =
            self.nodes.iter().filter(|node| node.op == "ReadVariableOp" && node.input.contains(&handle));
        inputs.extend(readers.map(|node| format!("^{}", node.name)));
        let attributes = vec![("dtype", dtype(value.spec.dtype)?), ("validate_shape", Value::B(false))];
        let node = self.add("AssignVariableOp", &inputs, attributes);
        self.effects.push(node);
        Ok(())
    }

    /// An argument that is a tensor list.
    pub fn list(&mut self, name: &str) -> String {
        let name = self.unique(name);
        let code = DataType::DtVariant as i32;
        self.arguments.push(ArgDef { name: name.clone(), r#type: code, ..ArgDef::default() });
        name
    }

    /// Adds a node and gives its first output.
    pub fn node(&mut self, op: &str, inputs: &[String], attributes: Vec<Attribute>) -> String {
        let name = self.add(op, inputs, attributes);
        format!("{name}:{}:0", output_name(op, 0))
    }

    /// Adds a node and gives its name; that of the one that is there, when it would compute the same.
    pub fn add(&mut self, op: &str, inputs: &[String], attributes: Vec<Attribute>) -> String {
        let told = attributes.into_iter().filter(|(name, value)| !is_default(op, name, value));
        let attr: BTreeMap<String, AttrValue> =
            told.map(|(name, value)| (name.to_owned(), attr(value))).collect();
        let bytes: usize = attr.values().map(Message::encoded_len).sum();
        // Large constants are rarely the same, and costly to compare.
        let key = (!has_effects(op) && bytes <= MAX_COMPARED_BYTES).then(|| {
            let attr = attr.iter().map(|(name, value)| (name.clone(), value.encode_to_vec())).collect();
            (op.to_owned(), inputs.to_vec(), attr)
        });
        if let Some(known) = key.as_ref().and_then(|key| self.known_nodes.get(key)) {
            return known.clone();
        }
        let name = self.unique(short_name(op));
        if let Some(key) = key {
            self.known_nodes.insert(key, name.clone());
        }
        self.nodes.push(NodeDef {
            name: name.clone(),
            op: op.to_owned(),
            input: inputs.to_vec(),
            attr,
            ..NodeDef::default()
        });
        name
    }

    /// A fixed value.
    pub fn constant(&mut self, array: &Array) -> Result<Val> {
        let attributes = vec![("value", Value::Tensor(tensor(array)?)), ("dtype", dtype(array.dtype())?)];
        let name = self.node("Const", &[], attributes);
        self.arrays.insert(name.clone(), array.clone());
        Ok(Val { name, spec: array.spec() })
    }

    /// A vector of int32.
    pub fn vector(&mut self, numbers: &[i64]) -> Result<String> {
        self.numbers(numbers, false, DType::Int32)
    }

    /// One int32.
    pub fn scalar(&mut self, number: i64) -> Result<String> {
        self.numbers(&[number], true, DType::Int32)
    }

    /// A number of a type.
    pub fn number(&mut self, number: f64, of: DType) -> Result<String> {
        Ok(self.constant(&Array::full(Vec::new(), number, of)?)?.name)
    }

    fn numbers(&mut self, numbers: &[i64], is_scalar: bool, of: DType) -> Result<String> {
        let key = (numbers.to_vec(), is_scalar, of);
        if let Some(known) = self.constants.get(&key) {
            return Ok(known.clone());
        }
        let array = Array::vector(numbers.to_vec()).cast(of)?;
        let array = if is_scalar { array.reshape(Vec::new())? } else { array };
        let name = self.constant(&array)?.name;
        self.constants.insert(key, name.clone());
        Ok(name)
    }

    /// The shape of a value as a vector of int32.
    pub fn shape_of(&mut self, value: &Val) -> Result<String> {
        if let Some(known) = self.shape_cache.get(&value.name) {
            return Ok(known.clone());
        }
        let attributes = vec![("T", dtype(value.spec.dtype)?), ("out_type", dtype(DType::Int32)?)];
        let name = self.node("Shape", std::slice::from_ref(&value.name), attributes);
        self.shape_cache.insert(value.name.clone(), name.clone());
        Ok(name)
    }

    /// One size of a value as a scalar of int32.
    pub fn size_of(&mut self, value: &Val, axis: usize) -> Result<String> {
        if let Some(size) = value.spec.size(axis) {
            return self.scalar(size as i64);
        }
        let shape = self.shape_of(value)?;
        let (begin, end, step) =
            (self.vector(&[axis as i64])?, self.vector(&[axis as i64 + 1])?, self.vector(&[1])?);
        let attributes = vec![
            ("T", dtype(DType::Int32)?),
            ("Index", dtype(DType::Int32)?),
            ("shrink_axis_mask", Value::I(1)),
            ("begin_mask", Value::I(0)),
            ("end_mask", Value::I(0)),
            ("ellipsis_mask", Value::I(0)),
            ("new_axis_mask", Value::I(0)),
        ];
        Ok(self.node("StridedSlice", &[shape, begin, end, step], attributes))
    }

    /// A vector of sizes.
    pub fn sizes(&mut self, dims: &[Dim], inputs: &[Val]) -> Result<String> {
        let known = dims.iter().map(|dim| match dim {
            Dim::Known(size) => i64::try_from(*size).ok(),
            Dim::Infer => Some(-1),
            Dim::Of { .. } => None,
        });
        if let Some(known) = known.collect::<Option<Vec<i64>>>() {
            return self.vector(&known);
        }
        let mut parts = Vec::new();
        for dim in dims {
            parts.push(match *dim {
                Dim::Known(size) => self.scalar(size as i64)?,
                Dim::Infer => self.scalar(-1)?,
                Dim::Of { input, axis } => {
                    let value = inputs.get(input).ok_or_else(|| Error::internal("a size of no input"))?;
                    self.size_of(value, axis)?
                }
            });
        }
        let attributes =
            vec![("N", Value::I(parts.len() as i64)), ("T", dtype(DType::Int32)?), ("axis", Value::I(0))];
        Ok(self.node("Pack", &parts, attributes))
    }

    /// Marks the function as one that reads or changes state.
    pub fn stateful(&mut self) {
        self.is_stateful = true;
    }

    /// The finished function, put into the library under its name.
    pub fn finish(self, name: &str, outputs: &[(String, Val)]) -> Result<()> {
        self.finish_with_lists(name, outputs, &[])
    }

    /// The same where some outputs are tensor lists.
    pub fn finish_with_lists(self, name: &str, outputs: &[(String, Val)], is_list: &[bool]) -> Result<()> {
        let mut ret = BTreeMap::new();
        let mut output_arg = Vec::new();
        for (at, (output, value)) in outputs.iter().enumerate() {
            let code = match is_list.get(at) {
                Some(true) => DataType::DtVariant as i32,
                _ => super::attributes::code(value.spec.dtype)?,
            };
            output_arg.push(ArgDef { name: output.clone(), r#type: code, ..ArgDef::default() });
            ret.insert(output.clone(), value.name.clone());
        }
        let arg_attr = self.arguments.iter().enumerate().filter_map(|(at, argument)| {
            let spec = self.shapes.get(&argument.name)?;
            let shapes = super::attributes::shapes([spec]);
            let attr = BTreeMap::from([("_output_shapes".to_owned(), attr(shapes))]);
            Some((u32::try_from(at).ok()?, ArgAttrs { attr }))
        });
        let function = FunctionDef {
            arg_attr: arg_attr.collect(),
            signature: Some(OpDef {
                name: name.to_owned(),
                input_arg: self.arguments,
                output_arg,
                is_stateful: self.is_stateful,
                control_output: self.effects.clone(),
                ..OpDef::default()
            }),
            node_def: Self::without_unused(self.nodes, &ret),
            ret,
            control_ret: self.effects.into_iter().map(|node| (node.clone(), node)).collect(),
            ..FunctionDef::default()
        };
        self.library.functions.push(function);
        Ok(())
    }

    /// Fixed values that no node takes, since what needed them is written in another way, are left out.
    fn without_unused(nodes: Vec<NodeDef>, ret: &BTreeMap<String, String>) -> Vec<NodeDef> {
        let part = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        let mut used: HashSet<String> = ret.values().map(|name| part(name)).collect();
        used.extend(nodes.iter().flat_map(|node| node.input.iter().map(|name| part(name))));
        nodes.into_iter().filter(|node| node.op != "Const" || used.contains(&node.name)).collect()
    }

    /// The finished function of one output, the handle of a resource.
    pub fn finish_with_resource(self, name: &str, handle: &str) {
        let output = "output_0".to_owned();
        let output_arg =
            vec![ArgDef { name: output.clone(), r#type: DataType::DtResource as i32, ..ArgDef::default() }];
        let function = FunctionDef {
            signature: Some(OpDef {
                name: name.to_owned(),
                output_arg,
                is_stateful: true,
                ..OpDef::default()
            }),
            node_def: self.nodes,
            ret: BTreeMap::from([(output, handle.to_owned())]),
            ..FunctionDef::default()
        };
        self.library.functions.push(function);
    }

    /// A name that no node and no argument has: letters, digits and `_`, as TensorFlow wants them.
    fn unique(&mut self, base: &str) -> String {
        let mut clean: String =
            base.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if !clean.starts_with(|c: char| c.is_ascii_alphabetic()) {
            clean.insert_str(0, "x_");
        }
        let count = self.taken.entry(clean.to_ascii_lowercase()).or_default();
        *count += 1;
        if *count > 1 {
            let with_number = format!("{clean}_{}", *count - 1);
            return self.unique_exact(with_number);
        }
        clean
    }

    fn unique_exact(&mut self, name: String) -> String {
        match self.taken.insert(name.to_ascii_lowercase(), 1) {
            None => name,
            Some(_) => self.unique(&format!("{name}x")),
        }
    }
}
