//! The main graph, which C++ and TensorFlow 1 load: handles of variables, signatures, and how variables are restored.

use std::collections::BTreeMap;

use kerata_core::graph::TensorSpec;
use kerata_core::{Array, DType, Result};

use super::attributes::{attr, dtype, dtypes, function, shape, tensor, text};
use super::objects::Stored;
use super::signature::{Written, code_of, plain};
use super::tables::Table;
use crate::containers::proto::tensorflow::attr_value::{ListValue, Value};
use crate::containers::proto::tensorflow::{
    DataType, NodeDef, SaverDef, SignatureDef, TensorInfo, TensorShapeProto, saver_def, tensor_info,
};

/// The main graph and what refers to its nodes.
pub struct Main {
    pub nodes: Vec<NodeDef>,
    pub signatures: BTreeMap<String, SignatureDef>,
    pub saver: SaverDef,
}

/// Builds the main graph.
pub fn build(signatures: &[Written], variables: &[Stored], tables: &[Table]) -> Result<Main> {
    let mut nodes = Nodes::default();
    let mut handles = Vec::new();
    for stored in variables {
        let attributes = vec![
            ("dtype", dtype(stored.spec.dtype)?),
            ("shape", Value::Shape(shape(&stored.spec))),
            // Without a name of its own every variable would be the same one.
            ("shared_name", text(&stored.path)),
        ];
        handles.push(nodes.add("VarHandleOp", &stored.path, vec![], attributes));
    }
    let variable_count = handles.len();
    let mut filled = Vec::new();
    for table in tables {
        let name = table.name()?;
        let handle = nodes.add("HashTableV2", &name, vec![], table.attributes()?);
        let keys = nodes.constant(&format!("{name}/keys"), &table.keys)?;
        let values = nodes.constant(&format!("{name}/values"), &table.values)?;
        let inputs = vec![handle.clone(), keys, values];
        let fill =
            nodes.add("LookupTableImportV2", &format!("{name}/fill"), inputs, table.fill_attributes()?);
        filled.push(format!("^{fill}"));
        handles.push(handle);
    }
    let mut definitions = BTreeMap::new();
    if !filled.is_empty() {
        let init = nodes.add("NoOp", "init_tables", filled, vec![]);
        definitions.insert(INIT_OP.to_owned(), init_op(init));
    }
    for signature in signatures {
        definitions.insert(signature.name.clone(), serve(&mut nodes, signature, &handles)?);
    }
    let saver = save_and_restore(&mut nodes, variables, handles.get(..variable_count).unwrap_or(&[]))?;
    Ok(Main { nodes: nodes.list, signatures: definitions, saver })
}

/// Name of the pseudo signature whose op loaders run first.
const INIT_OP: &str = "__saved_model_init_op";

fn init_op(node: String) -> SignatureDef {
    let encoding = Some(tensor_info::Encoding::Name(node));
    // Loaders of TensorFlow 1 ask for a shape.
    let shape = TensorShapeProto { unknown_rank: true, ..TensorShapeProto::default() };
    let info = TensorInfo { dtype: 0, tensor_shape: Some(shape), encoding };
    SignatureDef { outputs: BTreeMap::from([(INIT_OP.to_owned(), info)]), ..SignatureDef::default() }
}

#[derive(Default)]
struct Nodes {
    list: Vec<NodeDef>,
    names: BTreeMap<String, usize>,
}

impl Nodes {
    /// Adds a node under a name like this one and gives its name.
    fn add(
        &mut self,
        op: &str,
        name: &str,
        input: Vec<String>,
        attributes: Vec<super::attributes::Attribute>,
    ) -> String {
        let mut clean: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-') { c } else { '_' })
            .collect();
        if !clean.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '.') {
            clean.insert(0, '.');
        }
        let count = self.names.entry(clean.clone()).or_default();
        *count += 1;
        let name = if *count == 1 { clean } else { format!("{clean}__{count}") };
        let attr = attributes.into_iter().map(|(name, value)| (name.to_owned(), attr(value))).collect();
        self.list.push(NodeDef { name: name.clone(), op: op.to_owned(), input, attr, ..NodeDef::default() });
        name
    }

    fn constant(&mut self, name: &str, array: &Array) -> Result<String> {
        let attributes = vec![("value", Value::Tensor(tensor(array)?)), ("dtype", dtype(array.dtype())?)];
        Ok(self.add("Const", name, vec![], attributes))
    }
}

/// Placeholders and a call.
fn serve(nodes: &mut Nodes, signature: &Written, handles: &[String]) -> Result<SignatureDef> {
    let mut inputs = BTreeMap::new();
    let mut arguments = Vec::new();
    let mut kinds = Vec::new();
    for at in signature.sorted_inputs() {
        let Some((name, spec)) = signature.inputs.get(at) else { continue };
        let attributes = vec![("dtype", dtype(spec.dtype)?), ("shape", Value::Shape(shape(spec)))];
        let node =
            nodes.add("Placeholder", &format!("{}_{}", plain(&signature.name), name), vec![], attributes);
        inputs.insert(name.clone(), info(format!("{node}:0"), spec));
        kinds.push(code_of(spec));
        arguments.push(node);
    }
    for at in &signature.captures {
        arguments.extend(handles.get(*at).cloned());
        kinds.push(DataType::DtResource as i32);
    }
    let order = signature.sorted_outputs();
    let specs: Vec<&TensorSpec> =
        order.iter().filter_map(|at| signature.outputs.get(*at)).map(|o| &o.1).collect();
    let attributes = vec![
        ("Tin", Value::List(ListValue { r#type: kinds, ..ListValue::default() })),
        ("Tout", dtypes(specs)?),
        ("f", function(&signature.wrapper)),
    ];
    let call = nodes.add("StatefulPartitionedCall", "StatefulPartitionedCall", arguments, attributes);
    let outputs = order.iter().enumerate().filter_map(|(place, at)| {
        let (name, spec) = signature.outputs.get(*at)?;
        Some((name.clone(), info(format!("{call}:{place}"), spec)))
    });
    Ok(SignatureDef {
        outputs: outputs.collect(),
        inputs,
        method_name: "tensorflow/serving/predict".to_owned(),
        ..SignatureDef::default()
    })
}

fn info(name: String, spec: &TensorSpec) -> TensorInfo {
    TensorInfo {
        dtype: code_of(spec),
        tensor_shape: Some(shape(spec)),
        encoding: Some(tensor_info::Encoding::Name(name)),
    }
}

/// The nodes that write all variables to a file and read them back.
fn save_and_restore(nodes: &mut Nodes, variables: &[Stored], handles: &[String]) -> Result<SaverDef> {
    let attributes = vec![
        ("dtype", dtype(DType::String)?),
        ("shape", Value::Shape(crate::containers::proto::tensorflow::TensorShapeProto::default())),
    ];
    let file = nodes.add("Placeholder", "saver_filename", vec![], attributes);
    let count = variables.len();
    let keys: Vec<Vec<u8>> = Stored::keys(variables).into_iter().map(String::into_bytes).collect();
    let keys = nodes.constant("saver/tensor_names", &Array::from_strings([count], keys)?)?;
    let whole =
        nodes.constant("saver/shape_and_slices", &Array::from_strings([count], vec![Vec::new(); count])?)?;
    let kinds = || dtypes(variables.iter().map(|stored| &stored.spec));
    let mut save_inputs = vec![file.clone(), keys.clone(), whole.clone()];
    let mut assigned = Vec::new();
    for (stored, handle) in variables.iter().zip(handles) {
        let kind = dtype(stored.spec.dtype)?;
        save_inputs.push(nodes.add(
            "ReadVariableOp",
            "saver/read",
            vec![handle.clone()],
            vec![("dtype", kind)],
        ));
    }
    let (mut saved, mut restored) = (Vec::new(), None);
    if count > 0 {
        let save = nodes.add("SaveV2", "saver/save", save_inputs, vec![("dtypes", kinds()?)]);
        saved.push(format!("^{save}"));
        restored = Some(nodes.add(
            "RestoreV2",
            "saver/restore",
            vec![file.clone(), keys, whole],
            vec![("dtypes", kinds()?)],
        ));
    }
    let mut path_inputs = vec![file.clone()];
    path_inputs.extend(saved);
    let path = nodes.add("Identity", "saver/path", path_inputs, vec![("T", dtype(DType::String)?)]);
    for (at, (stored, handle)) in variables.iter().zip(handles).enumerate() {
        let Some(restore) = &restored else { continue };
        let value = if at == 0 { restore.clone() } else { format!("{restore}:{at}") };
        let attributes = vec![("dtype", dtype(stored.spec.dtype)?), ("validate_shape", Value::B(false))];
        let assign = nodes.add("AssignVariableOp", "saver/assign", vec![handle.clone(), value], attributes);
        assigned.push(format!("^{assign}"));
    }
    let restore_all = nodes.add("NoOp", "saver/restore_all", assigned, vec![]);
    Ok(SaverDef {
        filename_tensor_name: format!("{file}:0"),
        save_tensor_name: format!("{path}:0"),
        restore_op_name: restore_all,
        version: saver_def::CheckpointFormatVersion::V2 as i32,
        ..SaverDef::default()
    })
}
