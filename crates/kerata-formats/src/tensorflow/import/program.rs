//! `Program`: the signatures and functions of a SavedModel, each a graph when it is asked for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use kerata_core::artifact::Traces;
use kerata_core::graph::{Graph, GraphBuilder, Tensor, TensorSpec};
use kerata_core::{Artifact, Data, Error, Limits, Result, ResultExt, Shape};

use super::functions::{Reader, node_of, pick};
use super::structure::leaves;
use super::value::{Table, Value};
use super::{asked, flow};
use crate::containers::bundle::dtype_from_tf;
use crate::containers::proto::tensorflow::{
    FunctionDef, MetaGraphDef, NodeDef, SavedObject, SignatureDef, TensorShapeProto, collection_def,
    saved_object, tensor_info,
};

/// Name of the entry that lists signatures.
const SIGNATURES: &str = "signatures";
/// Not a signature: the op that fills tables.
const INIT_OP: &str = "__saved_model_init_op";

/// The graphs of a SavedModel.
pub struct Program {
    graph: Arc<MetaGraphDef>,
    /// Spec and trainability of each variable.
    variables: HashMap<String, (TensorSpec, bool)>,
    /// Path of the variable of an object.
    paths: HashMap<usize, String>,
    /// Files below `assets/`.
    assets: HashMap<String, Data>,
    /// Names of inputs in the order that the writer noted.
    order: Vec<String>,
    limits: Limits,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({} variables)", self.variables.len())
    }
}

/// The number of axes of an input that the file leaves open, by its name and position.
type Ranks<'a> = &'a dyn Fn(&str, usize) -> Option<usize>;

/// An input of a graph.
struct Port {
    name: String,
    spec: TensorSpec,
}

impl Program {
    /// The program of a graph whose variables are those of an artifact.
    pub fn new(
        graph: Arc<MetaGraphDef>,
        artifact: &Artifact,
        paths: HashMap<usize, String>,
        order: Vec<String>,
        limits: &Limits,
    ) -> Self {
        let spec = |variable: &kerata_core::Variable| {
            let shape = Shape::known(variable.shape.iter().copied());
            (TensorSpec::new(variable.dtype, shape), variable.trainable.unwrap_or(true))
        };
        let variables =
            artifact.variables.iter().map(|(path, variable)| (path.to_owned(), spec(variable))).collect();
        let assets = artifact.assets.iter().map(|(name, data)| (name.clone(), data.clone())).collect();
        Self { graph, variables, paths, assets, order, limits: limits.clone() }
    }

    fn objects(&self) -> &[SavedObject] {
        self.graph.object_graph_def.as_ref().map_or(&[], |objects| &objects.nodes)
    }

    fn child(&self, object: usize, name: &str) -> Option<usize> {
        let children = &self.objects().get(object)?.children;
        children
            .iter()
            .find(|child| child.local_name == name)
            .and_then(|child| usize::try_from(child.node_id).ok())
    }

    /// The concrete function behind a name: a signature, or a function that is an attribute of the root.
    fn concrete(&self, name: &str) -> Option<&str> {
        let signature = self.child(0, SIGNATURES).and_then(|map| self.child(map, name));
        let object = signature.or_else(|| self.child(0, name))?;
        match self.objects().get(object)?.kind.as_ref()? {
            saved_object::Kind::BareConcreteFunction(bare) => Some(&bare.concrete_function_name),
            saved_object::Kind::Function(function) => self.inference_trace(&function.concrete_functions),
            _ => None,
        }
    }

    /// Of several traces the one whose `training` is false, else the first.
    fn inference_trace<'a>(&self, traces: &'a [String]) -> Option<&'a str> {
        use crate::containers::proto::tensorflow::structured_value::Kind;
        let is_training = |name: &&String| {
            let functions = &self.graph.object_graph_def.as_ref()?.concrete_functions;
            let signature = functions.get(*name)?.canonicalized_input_signature.as_ref()?;
            let mut open = vec![signature];
            while let Some(value) = open.pop() {
                match &value.kind {
                    Some(Kind::BoolValue(true)) => return Some(true),
                    Some(Kind::TupleValue(tuple)) => open.extend(&tuple.values),
                    Some(Kind::DictValue(dict)) => open.extend(dict.fields.values()),
                    _ => {}
                }
            }
            Some(false)
        };
        let quiet = traces.iter().find(|name| is_training(name) != Some(true));
        quiet.or(traces.first()).map(String::as_str)
    }

    /// Inputs and names of outputs that a signature declares, in order.
    fn ports(&self, signature: &SignatureDef, rank: Ranks<'_>) -> Result<(Vec<Port>, Vec<String>)> {
        let mut names: Vec<&String> = signature.inputs.keys().collect();
        names.sort_by_key(|name| (self.order.iter().position(|known| known == *name), natural(name)));
        let port = |(at, name): (usize, &String)| {
            let info = signature.inputs.get(name).ok_or_else(|| Error::internal("a key of the map"))?;
            let spec = spec_of(info.dtype, info.tensor_shape.as_ref(), || rank(name, at));
            Ok(Port { name: name.clone(), spec: spec.at(|| format!("tensor `{name}`"))? })
        };
        let inputs = names.into_iter().enumerate().map(port).collect::<Result<Vec<_>>>()?;
        let mut outputs: Vec<String> = signature.outputs.keys().cloned().collect();
        outputs.sort_by_key(|name| natural(name));
        Ok((inputs, outputs))
    }

    /// The main graph and the library without control flow of TensorFlow 1, where they have any.
    fn flow(&self) -> Result<(Option<Vec<NodeDef>>, Vec<FunctionDef>)> {
        let (mut nodes, mut functions) = (None, Vec::new());
        let Some(graph) = &self.graph.graph_def else { return Ok((nodes, functions)) };
        for function in graph.library.iter().flat_map(|library| &library.function) {
            // A function that cannot be read matters only where it is called, and says so there.
            if flow::is_needed(&function.node_def)
                && let Ok((function, parts)) = flow::functional_function(function, &self.limits)
            {
                functions.push(function);
                functions.extend(parts);
            }
        }
        if flow::is_needed(&graph.node) {
            let made = flow::functional("", &graph.node, &self.limits)?;
            nodes = Some(made.nodes);
            functions.extend(made.functions);
        }
        Ok((nodes, functions))
    }

    fn reader<'a>(
        &'a self,
        flow: &'a (Option<Vec<NodeDef>>, Vec<FunctionDef>),
        variables: &'a dyn Fn(&str) -> Result<(TensorSpec, bool)>,
        assets: &'a dyn Fn(&str) -> Result<Vec<u8>>,
    ) -> Reader<'a> {
        let library = self.graph.graph_def.as_ref().and_then(|graph| graph.library.as_ref());
        // Later ones stand in for those of their name.
        let functions = library.into_iter().flat_map(|library| &library.function).chain(&flow.1);
        let named = |function| {
            let function: &FunctionDef = function;
            Some((function.signature.as_ref()?.name.as_str(), function))
        };
        Reader {
            main: flow
                .0
                .as_deref()
                .unwrap_or_else(|| self.graph.graph_def.as_ref().map_or(&[], |graph| &graph.node)),
            functions: functions.filter_map(named).collect(),
            limits: &self.limits,
            variables,
            assets,
            tables: RefCell::new(HashMap::new()),
            count: Cell::new(0),
        }
    }

    fn variable(&self, path: &str) -> Result<(TensorSpec, bool)> {
        self.variables
            .get(path)
            .cloned()
            .ok_or_else(|| Error::corrupt(format!("variable `{path}` has no value")))
    }

    fn asset(&self, name: &str) -> Result<Vec<u8>> {
        let data =
            self.assets.get(name).ok_or_else(|| Error::corrupt(format!("asset `{name}` is missing")))?;
        if data.len() > self.limits.max_config_bytes {
            return Err(Error::limit(format!("asset `{name}` of {} bytes", data.len())));
        }
        data.bytes().map(std::borrow::Cow::into_owned)
    }

    /// What a function has captured, in the order of its last arguments.
    fn captures(&self, name: &str, reader: &Reader<'_>, builder: &GraphBuilder) -> Result<Vec<Value>> {
        let functions = self.graph.object_graph_def.as_ref().map(|objects| &objects.concrete_functions);
        let bound = functions
            .and_then(|functions| functions.get(name))
            .map_or(&[][..], |function| &function.bound_inputs);
        let capture = |id: &i32| {
            let index = usize::try_from(*id).ok().filter(|index| *index < self.objects().len());
            let index = index.ok_or_else(|| Error::corrupt(format!("object {id} is captured")))?;
            match &self.objects().get(index).and_then(|object| object.kind.as_ref()) {
                Some(saved_object::Kind::Variable(variable)) => match self.paths.get(&index) {
                    Some(path) => Ok(Value::Variable(path.clone())),
                    None => Err(Error::corrupt(format!("variable `{}` has no value", variable.name))),
                },
                Some(saved_object::Kind::Constant(constant)) => {
                    self.main(&constant.operation, reader, builder, &mut HashMap::new())
                }
                Some(saved_object::Kind::Resource(_)) => self.table(index, reader, builder).map(Value::Table),
                Some(saved_object::Kind::Asset(asset)) => {
                    let position = usize::try_from(asset.asset_file_def_index).ok();
                    let asset = position.and_then(|position| self.graph.asset_file_def.get(position));
                    let asset = asset.ok_or_else(|| Error::corrupt("an asset that is not listed"))?;
                    Ok(Value::Asset(asset.filename.clone()))
                }
                _ => Err(Error::unsupported(format!("object {id} as a captured value"))),
            }
        };
        bound.iter().map(capture).collect()
    }

    /// The table of an object, filled by the object's own function.
    fn table(&self, object: usize, reader: &Reader<'_>, builder: &GraphBuilder) -> Result<Table> {
        if let Some(known) = reader.tables.borrow().get(&object) {
            return Ok(known.clone());
        }
        let table = Table::default();
        reader.tables.borrow_mut().insert(object, table.clone());
        let function = self.child(object, "_initialize").and_then(|id| self.objects().get(id));
        if let Some(SavedObject { kind: Some(saved_object::Kind::Function(function)), .. }) = function
            && let Some(name) = function.concrete_functions.first()
        {
            let captures = self.captures(name, reader, builder)?;
            reader.call(name, captures, builder, 0)?;
        }
        Ok(table)
    }

    /// Names of the nodes that fill tables, in models of TensorFlow 1.
    fn initializers(&self) -> Vec<&str> {
        let nodes = |key: &str| match self.graph.collection_def.get(key).and_then(|list| list.kind.as_ref()) {
            Some(collection_def::Kind::NodeList(list)) => list.value.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        ["saved_model_main_op", "legacy_init_op", "table_initializer"]
            .iter()
            .flat_map(|key| nodes(key))
            .collect()
    }

    /// A value of the main graph.
    fn main<'a>(
        &self,
        tensor: &str,
        reader: &Reader<'a>,
        builder: &GraphBuilder,
        known: &mut HashMap<&'a str, Vec<Value>>,
    ) -> Result<Value> {
        let nodes = reader.main;
        let by_name = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
        let root = nodes.iter().find(|node| node.name == node_of(tensor)).map(|node| node.name.as_str());
        let root = root.ok_or_else(|| Error::corrupt(format!("node `{}` is not stored", node_of(tensor))))?;
        reader.read(nodes, std::iter::once(root), known, builder, 0)?;
        pick(known, tensor, &by_name)
    }

    /// A signature by its function.
    fn by_function(
        &self,
        name: &str,
        function: &str,
        reader: &Reader<'_>,
        builder: &GraphBuilder,
        rank: Ranks<'_>,
    ) -> Result<Graph> {
        let signature = reader.function(function)?.signature.as_ref();
        let arguments = signature.map_or(&[][..], |signature| &signature.input_arg);
        let results = signature.map_or(&[][..], |signature| &signature.output_arg);
        let captures = self.captures(function, reader, builder)?;
        let count = arguments
            .len()
            .checked_sub(captures.len())
            .ok_or_else(|| Error::corrupt("a function takes fewer arguments than it has captured"))?;
        let declared =
            self.graph.signature_def.get(name).map(|signature| self.ports(signature, rank)).transpose()?;
        let (inputs, outputs) = match declared {
            Some(declared) => declared,
            None => self.structured(function, count, results.len(), rank)?,
        };
        if inputs.len() != count {
            return Err(Error::corrupt(format!(
                "{} inputs are declared, the function takes {count}",
                inputs.len()
            )));
        }
        let tensors: Vec<Tensor> =
            inputs.iter().map(|port| builder.input(port.name.clone(), port.spec.clone())).collect();
        // The arguments of a signature's function have its names, perhaps with characters replaced, and are sorted.
        let mut positions: Vec<usize> = (0..count).collect();
        if self.graph.signature_def.contains_key(name) {
            positions.sort_by(|a, b| inputs.get(*a).map(|p| &p.name).cmp(&inputs.get(*b).map(|p| &p.name)));
        }
        let named = |argument: &str| inputs.iter().position(|port| port.name == argument);
        let mut values = Vec::new();
        for (at, argument) in arguments.iter().take(count).enumerate() {
            let position = named(&argument.name).or_else(|| positions.get(at).copied());
            let tensor = position.and_then(|position| tensors.get(position));
            values.push(Value::of(
                tensor.cloned().ok_or_else(|| Error::internal("an argument for each input"))?,
            ));
        }
        values.extend(captures);
        let made = reader.call(function, values, builder, 0)?;
        // Where results are described, they stand in the order of the description, whatever the function calls them.
        let described: Vec<String> = self.results_of(function);
        let mut named_outputs = Vec::new();
        let mut sorted: Vec<&String> = outputs.iter().collect();
        sorted.sort();
        for (at, output) in outputs.iter().enumerate() {
            let by_name = match described.len() == results.len() {
                true => described.iter().position(|path| path == output),
                false => results.iter().position(|result| result.name == *output),
            };
            let by_order = match self.graph.signature_def.contains_key(name) {
                true => sorted.binary_search(&output).ok(),
                false => Some(at),
            };
            let value = by_name.or(by_order).and_then(|place| made.get(place));
            let value = value.ok_or_else(|| Error::corrupt(format!("output `{output}` is not made")))?;
            named_outputs.push((output.as_str(), value.tensor()?.clone()));
        }
        let pairs: Vec<(&str, &Tensor)> =
            named_outputs.iter().map(|(name, tensor)| (*name, tensor)).collect();
        builder.finish(&pairs)
    }

    /// The keys of a function's results, as its description has them.
    fn results_of(&self, function: &str) -> Vec<String> {
        let functions = self.graph.object_graph_def.as_ref().map(|objects| &objects.concrete_functions);
        let concrete = functions.and_then(|functions| functions.get(function));
        let results = concrete.and_then(|concrete| concrete.output_signature.as_ref()).map(leaves);
        results.unwrap_or_default().into_iter().map(|leaf| leaf.path).collect()
    }

    /// Inputs and outputs of a function that is no signature, by the structure of its arguments and results.
    fn structured(
        &self,
        function: &str,
        inputs: usize,
        outputs: usize,
        rank: Ranks<'_>,
    ) -> Result<(Vec<Port>, Vec<String>)> {
        let functions = self.graph.object_graph_def.as_ref().map(|objects| &objects.concrete_functions);
        let concrete = functions.and_then(|functions| functions.get(function));
        let concrete =
            concrete.ok_or_else(|| Error::corrupt(format!("function `{function}` is not described")))?;
        let arguments = concrete.canonicalized_input_signature.as_ref().map(leaves).unwrap_or_default();
        let results = concrete.output_signature.as_ref().map(leaves).unwrap_or_default();
        if arguments.len() != inputs || results.len() != outputs {
            return Err(Error::unsupported(format!("the arguments of function `{function}`")));
        }
        let inputs = arguments.iter().enumerate().map(|(at, leaf)| {
            let name = if leaf.name.is_empty() { format!("in_{at}") } else { leaf.name.clone() };
            let spec = spec_of(leaf.dtype, leaf.shape.as_ref(), || rank(&name, at))?;
            Ok(Port { name, spec })
        });
        let outputs = results
            .iter()
            .enumerate()
            .map(|(at, leaf)| if leaf.path.is_empty() { format!("output_{at}") } else { leaf.path.clone() });
        Ok((inputs.collect::<Result<_>>()?, outputs.collect()))
    }

    /// A signature by the nodes of the main graph (models of TensorFlow 1).
    fn by_nodes(
        &self,
        signature: &SignatureDef,
        reader: &Reader<'_>,
        builder: &GraphBuilder,
        rank: Ranks<'_>,
    ) -> Result<Graph> {
        let (inputs, outputs) = self.ports(signature, rank)?;
        let tensor_of =
            |infos: &std::collections::BTreeMap<String, crate::containers::proto::tensorflow::TensorInfo>,
             name: &str| {
                match infos.get(name).and_then(|info| info.encoding.clone()) {
                    Some(tensor_info::Encoding::Name(tensor)) => Ok(tensor),
                    _ => Err(Error::unsupported(format!("tensor `{name}` is sparse or composite"))),
                }
            };
        let mut known: HashMap<&str, Vec<Value>> = HashMap::new();
        for port in &inputs {
            let tensor = tensor_of(&signature.inputs, &port.name)?;
            let value = Value::of(builder.input(port.name.clone(), port.spec.clone()));
            let nodes = reader.main;
            if let Some(node) = nodes.iter().find(|node| node.name == node_of(&tensor)) {
                known.insert(&node.name, vec![value]);
            }
        }
        // The weights of a frozen graph are constants, read as variables so that they can be exchanged.
        for node in reader.main.iter().filter(|node| node.op == "Const") {
            if let Some((spec, trainable)) = self.variables.get(&node.name) {
                let variable = builder.variable(&node.name, spec.clone(), *trainable)?;
                known.insert(&node.name, vec![Value::of(variable)]);
            }
        }
        for asset in &self.graph.asset_file_def {
            let nodes = reader.main;
            if let Some(tensor_info::Encoding::Name(tensor)) =
                asset.tensor_info.as_ref().and_then(|i| i.encoding.as_ref())
                && let Some(node) = nodes.iter().find(|node| node.name == node_of(tensor))
            {
                known.insert(&node.name, vec![Value::Asset(asset.filename.clone())]);
            }
        }
        for node in self.initializers() {
            self.main(node, reader, builder, &mut known).at(|| format!("initializer `{node}`"))?;
        }
        let mut made = Vec::new();
        for output in &outputs {
            let tensor = tensor_of(&signature.outputs, output)?;
            let value = self.main(&tensor, reader, builder, &mut known)?;
            made.push((output.as_str(), value.tensor()?.clone()));
        }
        let pairs: Vec<(&str, &Tensor)> = made.iter().map(|(name, tensor)| (*name, tensor)).collect();
        builder.finish(&pairs)
    }
}

impl Traces for Program {
    fn names(&self) -> Vec<String> {
        let signatures = self.graph.signature_def.keys().filter(|name| *name != INIT_OP);
        let mut names: Vec<String> = signatures.cloned().collect();
        let functions = self.objects().first().map_or(&[][..], |root| &root.children);
        for child in functions {
            let object = usize::try_from(child.node_id).ok().and_then(|index| self.objects().get(index));
            let is_function =
                object.is_some_and(|object| matches!(object.kind, Some(saved_object::Kind::Function(_))));
            if is_function && !names.contains(&child.local_name) && self.concrete(&child.local_name).is_some()
            {
                names.push(child.local_name.clone());
            }
        }
        names
    }

    fn graph(&self, name: &str) -> Result<Graph> {
        self.graph_of(name, &|_, _| None)
    }

    fn graph_of(&self, name: &str, rank: Ranks<'_>) -> Result<Graph> {
        let variables = |path: &str| self.variable(path);
        let assets = |name: &str| self.asset(name);
        let flow = self.flow()?;
        let reader = self.reader(&flow, &variables, &assets);
        let builder = GraphBuilder::new(name);
        let place = || format!("signature `{name}`");
        if let Some(function) = self.concrete(name) {
            return self.by_function(name, function, &reader, &builder, rank).at(place);
        }
        if let Some(signature) = self.graph.signature_def.get(name).filter(|_| name != INIT_OP) {
            return self.by_nodes(signature, &reader, &builder, rank).at(place);
        }
        let nodes = self.graph.graph_def.as_ref().map_or(&[][..], |graph| &graph.node);
        let signature = asked::signature(name, nodes).at(place)?.ok_or_else(|| {
            Error::not_found(format!("no signature `{name}`"))
                .hint(format!("there are {}", self.names().join(", ")))
        })?;
        self.by_nodes(&signature, &reader, &builder, rank).at(place)
    }
}

/// What is known of a tensor that is declared; of unknown rank it has as many axes as is said from outside.
fn spec_of(
    dtype: i32,
    shape: Option<&TensorShapeProto>,
    rank: impl FnOnce() -> Option<usize>,
) -> Result<TensorSpec> {
    let dtype = dtype_from_tf(dtype).ok_or_else(|| Error::unsupported(format!("element type {dtype}")))?;
    let shape = match shape.filter(|shape| !shape.unknown_rank) {
        Some(shape) => Shape::new(shape.dim.iter().map(|dim| u64::try_from(dim.size).ok())),
        None => match rank() {
            Some(rank) => Shape::new(vec![None; rank]),
            None => {
                return Err(Error::unsupported("a tensor of unknown rank")
                    .hint("give its inputs' ranks, as `kerata run` does"));
            }
        },
    };
    Ok(TensorSpec::new(dtype, shape))
}

/// Sorts `output_10` behind `output_9`.
fn natural(name: &str) -> (String, u64) {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (text, number) = name.split_at(name.len() - digits.min(18));
    (text.to_owned(), number.parse().unwrap_or(0))
}
