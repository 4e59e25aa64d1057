//! The object graph, which Python loads: variables, the callable function, signatures.

use std::collections::BTreeMap;

use kerata_core::graph::TensorSpec;
use kerata_core::{Error, Result};

use super::attributes::shape;
use super::signature::{Written, code_of};
use super::structures::{dict, full_arg_spec, list, none, spec, tuple};
use super::tables::{Filled, create_signature, fill_signature};
use crate::containers::proto::tensorflow::saved_object::Kind;
use crate::containers::proto::tensorflow::trackable_object_graph::trackable_object::ObjectReference;
use crate::containers::proto::tensorflow::{
    FunctionSpec, SavedBareConcreteFunction, SavedConcreteFunction, SavedFunction, SavedObject,
    SavedObjectGraph, SavedResource, SavedUserObject, SavedVariable, VersionDef,
};

/// A variable that is stored.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its path in the graphs.
    pub path: String,
    /// What it is.
    pub spec: TensorSpec,
    /// Whether training changes it.
    pub trainable: bool,
    /// Its name as people see it.
    pub name: String,
    /// Whether it is the state of an optimizer.
    pub is_optimizer: bool,
}

impl Stored {
    /// The keys of the tensors of variables: the model's, then those of the optimizer, each counted from 0.
    pub fn keys<S: std::borrow::Borrow<Self>>(variables: &[S]) -> Vec<String> {
        let mut counts = [0usize; 2];
        let key = |stored: &S| {
            let [weights, state] = &mut counts;
            let (list, count) =
                if stored.borrow().is_optimizer { (OPTIMIZER, state) } else { (VARIABLES, weights) };
            *count += 1;
            format!("{list}/{}/.ATTRIBUTES/VARIABLE_VALUE", *count - 1)
        };
        variables.iter().map(key).collect()
    }
}

const VARIABLES: &str = "variables";
/// Loaders take no variable of this list for one of the model.
const OPTIMIZER: &str = "optimizer";

/// Names under which the first signature's function is called.
const CALLS: &[&str] = &["serve", "__call__"];

/// Builds the object graph.
pub fn build(signatures: &[Written], variables: &[Stored], tables: &[Filled]) -> Result<SavedObjectGraph> {
    let mut nodes = vec![user_object("_generic_user_object")];
    let mut all: Vec<i32> =
        (0..variables.len()).map(|at| push(&mut nodes, variable(&variables[at]))).collect::<Result<_>>()?;
    let lists = [VARIABLES, "trainable_variables", "non_trainable_variables", OPTIMIZER];
    let mut children = Vec::new();
    for name in lists {
        let mut node = user_object("trackable_list_wrapper");
        let is_in = |stored: &Stored| match name {
            OPTIMIZER => stored.is_optimizer,
            VARIABLES => !stored.is_optimizer,
            _ => !stored.is_optimizer && stored.trainable == (name == "trainable_variables"),
        };
        let listed = variables.iter().zip(&all).filter(|(stored, _)| is_in(stored));
        if name == OPTIMIZER && listed.clone().next().is_none() {
            continue;
        }
        node.children = listed.enumerate().map(|(at, (_, id))| edge(&at.to_string(), *id)).collect();
        children.push(edge(name, push(&mut nodes, node)?));
    }
    let mut concrete = BTreeMap::new();
    let mut listed = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        let create = push(&mut nodes, plain_function(&table.create))?;
        let fill = push(&mut nodes, plain_function(&table.fill))?;
        let children = vec![edge("_create_resource", create), edge("_initialize", fill)];
        let kind = Some(Kind::Resource(SavedResource::default()));
        let id = push(&mut nodes, SavedObject { children, kind, ..SavedObject::default() })?;
        concrete.insert(table.create.clone(), create_signature());
        concrete.insert(table.fill.clone(), fill_signature(id));
        listed.push(edge(&at.to_string(), id));
        all.push(id);
    }
    if !listed.is_empty() {
        let node = SavedObject { children: listed, ..user_object("trackable_list_wrapper") };
        children.push(edge("_tables", push(&mut nodes, node)?));
    }
    for (at, signature) in signatures.iter().enumerate() {
        let bound: Vec<i32> = signature.captures.iter().filter_map(|at| all.get(*at).copied()).collect();
        concrete.insert(signature.call.clone(), callable(signature, bound.clone()));
        concrete.insert(signature.wrapper.clone(), named(signature, bound));
        let node = SavedObject { kind: Some(Kind::Function(function(signature))), ..SavedObject::default() };
        let id = push(&mut nodes, node)?;
        if at == 0 {
            children.extend(CALLS.iter().map(|name| edge(name, id)));
        } else {
            children.push(edge(&signature.name, id));
        }
    }
    let mut map = user_object("signature_map");
    for signature in signatures {
        let mut keywords: Vec<String> = signature.inputs.iter().map(|(name, _)| name.clone()).collect();
        keywords.sort();
        let bare = SavedBareConcreteFunction {
            concrete_function_name: signature.wrapper.clone(),
            // With one input it may be given without its name, as Keras's `TFSMLayer` does.
            allowed_positional_arguments: i64::from(keywords.len() == 1),
            argument_keywords: keywords,
            function_spec: None,
        };
        let node = SavedObject { kind: Some(Kind::BareConcreteFunction(bare)), ..SavedObject::default() };
        map.children.push(edge(&signature.name, push(&mut nodes, node)?));
    }
    children.push(edge("signatures", push(&mut nodes, map)?));
    if let Some(root) = nodes.first_mut() {
        root.children = children;
    }
    Ok(SavedObjectGraph { nodes, concrete_functions: concrete })
}

fn push(nodes: &mut Vec<SavedObject>, node: SavedObject) -> Result<i32> {
    nodes.push(node);
    i32::try_from(nodes.len() - 1).map_err(|_| Error::limit("more than 2^31 objects"))
}

fn edge(name: &str, id: i32) -> ObjectReference {
    ObjectReference { node_id: id, local_name: name.to_owned() }
}

fn user_object(identifier: &str) -> SavedObject {
    let version = Some(VersionDef { producer: 1, min_consumer: 1, bad_consumers: Vec::new() });
    let object = SavedUserObject { identifier: identifier.to_owned(), version, ..SavedUserObject::default() };
    SavedObject { kind: Some(Kind::UserObject(object)), ..SavedObject::default() }
}

fn variable(stored: &Stored) -> SavedObject {
    let variable = SavedVariable {
        dtype: code_of(&stored.spec),
        shape: Some(shape(&stored.spec)),
        trainable: stored.trainable,
        name: stored.name.clone(),
        ..SavedVariable::default()
    };
    SavedObject { kind: Some(Kind::Variable(variable)), ..SavedObject::default() }
}

/// A function without arguments.
fn plain_function(name: &str) -> SavedObject {
    let function = SavedFunction {
        concrete_functions: vec![name.to_owned()],
        function_spec: Some(FunctionSpec {
            fullargspec: Some(full_arg_spec(&[])),
            is_method: false,
            input_signature: Some(tuple(Vec::new())),
            ..FunctionSpec::default()
        }),
    };
    SavedObject { kind: Some(Kind::Function(function)), ..SavedObject::default() }
}

fn function(signature: &Written) -> SavedFunction {
    SavedFunction {
        concrete_functions: vec![signature.call.clone()],
        function_spec: Some(FunctionSpec {
            fullargspec: Some(full_arg_spec(&["inputs"])),
            is_method: false,
            input_signature: Some(tuple(vec![arguments(signature)])),
            ..FunctionSpec::default()
        }),
    }
}

/// The one argument: a tensor, or the list of all.
fn arguments(signature: &Written) -> crate::containers::proto::tensorflow::StructuredValue {
    let mut specs: Vec<_> = signature.inputs.iter().map(|(name, of)| spec(name, of)).collect();
    if specs.len() == 1 { specs.swap_remove(0) } else { list(specs) }
}

/// What the function of ordered arguments takes and gives.
fn callable(signature: &Written, bound_inputs: Vec<i32>) -> SavedConcreteFunction {
    let mut outputs: Vec<_> = signature.outputs.iter().map(|(name, of)| spec(name, of)).collect();
    let output_signature = match (signature.has_plain_outputs(), outputs.len()) {
        (true, 1) => outputs.swap_remove(0),
        (true, _) => list(outputs),
        (false, _) => dict(signature.outputs.iter().map(|(name, of)| (name.clone(), spec(name, of)))),
    };
    SavedConcreteFunction {
        bound_inputs,
        canonicalized_input_signature: Some(tuple(vec![tuple(vec![arguments(signature)]), dict([])])),
        output_signature: Some(if signature.outputs.is_empty() { none() } else { output_signature }),
    }
}

/// What the function of named arguments takes and gives.
fn named(signature: &Written, bound_inputs: Vec<i32>) -> SavedConcreteFunction {
    let named = |entries: &[(String, TensorSpec)]| {
        dict(entries.iter().map(|(name, of)| (name.clone(), spec(name, of))))
    };
    SavedConcreteFunction {
        bound_inputs,
        canonicalized_input_signature: Some(tuple(vec![tuple(Vec::new()), named(&signature.inputs)])),
        output_signature: Some(named(&signature.outputs)),
    }
}
