//! One signature: the function that computes, and the one that takes named arguments.

use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::{Error, Result};

use super::attributes::{dtypes, function};
use super::body::write_graph;
use super::objects::Stored;
use super::table::decomposed;
use super::writer::{FunctionWriter, Library, Val};
use crate::containers::bundle::dtype_to_tf;
use crate::containers::proto::tensorflow::DataType;
use crate::containers::proto::tensorflow::attr_value::{ListValue, Value};

/// A signature that has been written.
pub struct Written {
    /// Its name.
    pub name: String,
    /// The function of ordered arguments.
    pub call: String,
    /// The function of named arguments, sorted by name.
    pub wrapper: String,
    /// Inputs in the order of the model.
    pub inputs: Vec<(String, TensorSpec)>,
    /// Outputs in the order of the model.
    pub outputs: Vec<(String, TensorSpec)>,
    /// Positions in the list of variables, and after it in the list of tables, of what the functions have captured.
    pub captures: Vec<usize>,
}

impl Written {
    /// Positions of the inputs, sorted by name as nested arguments are.
    pub fn sorted_inputs(&self) -> Vec<usize> {
        sorted(&self.inputs)
    }

    /// Positions of the outputs, sorted by name.
    pub fn sorted_outputs(&self) -> Vec<usize> {
        sorted(&self.outputs)
    }

    /// Whether the outputs have no names of their own: `output_0`, `output_1`, ...
    pub fn has_plain_outputs(&self) -> bool {
        self.outputs.iter().enumerate().all(|(at, (name, _))| *name == format!("output_{at}"))
    }
}

fn sorted(named: &[(String, TensorSpec)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..named.len()).collect();
    order.sort_by(|a, b| named.get(*a).map(|n| &n.0).cmp(&named.get(*b).map(|n| &n.0)));
    order
}

/// Writes both functions of a signature into the library.
pub fn write(library: &mut Library, name: &str, graph: &Graph, variables: &[Stored]) -> Result<Written> {
    let graph = decomposed(graph)?;
    let names: Vec<String> = graph.input_names().into_iter().map(str::to_owned).collect();
    let inputs: Vec<(String, TensorSpec)> = names.into_iter().zip(graph.input_specs()?).collect();
    let outputs = graph.outputs.iter().map(|(name, _)| name.clone()).zip(graph.output_specs()?).collect();

    let call = library.fresh(&format!("call_{}", plain(name)));
    let mut f = FunctionWriter::new(library).with_tables();
    let mut arguments = Vec::new();
    for (name, spec) in &inputs {
        arguments.push(f.argument(name, spec)?);
    }
    let mut captures = Vec::new();
    let mut read: Vec<(String, Val)> = Vec::new();
    let mut handles: Vec<(String, String)> = Vec::new();
    for (path, spec, _) in graph.variables() {
        let position = variables.iter().position(|stored| stored.path == path);
        captures.push(position.ok_or_else(|| Error::not_found(format!("variable `{path}` has no value")))?);
        let handle = f.resource(&format!("{path}_resource"));
        handles.push((path.to_owned(), handle.clone()));
        read.push((path.to_owned(), f.read(handle, spec)?));
    }
    for (path, value) in &graph.updates {
        if handles.iter().any(|(known, _)| known == path) {
            continue;
        }
        // A variable that is only written.
        let position = variables.iter().position(|stored| stored.path == *path);
        captures.push(position.ok_or_else(|| Error::not_found(format!("variable `{path}` has no value")))?);
        let spec = graph.spec(*value)?.clone();
        let handle = f.resource(&format!("{path}_resource"));
        handles.push((path.clone(), handle.clone()));
        read.push((path.clone(), Val { name: handle, spec }));
    }
    let variable = |path: &str| {
        let known = read.iter().find(|(known, _)| known == path).map(|(_, value)| value.clone());
        known.ok_or_else(|| Error::internal(format!("variable `{path}` is not listed")))
    };
    let (made, updates) = write_graph(&mut f, &graph, &arguments, &variable)?;
    captures.extend(f.tables_read().iter().map(|(at, _)| variables.len() + at));
    for ((path, _), value) in graph.updates.iter().zip(updates) {
        let handle = handles.iter().find(|(known, _)| known == path).map(|(_, handle)| handle.clone());
        f.assign(handle.ok_or_else(|| Error::internal("a handle"))?, &value)?;
    }
    let mut results: Vec<(String, Val)> = Vec::new();
    for (at, value) in made.into_iter().enumerate() {
        // A result that is an argument must be a node of its own.
        let name = match value.name.contains(':') {
            true => value.name,
            false => {
                let kind = super::attributes::dtype(value.spec.dtype)?;
                f.node("Identity", std::slice::from_ref(&value.name), vec![("T", kind)])
            }
        };
        results.push((format!("output_{at}"), Val { name, spec: value.spec }));
    }
    // What is called must take at least one node; results in the order in which nested structures are flattened.
    let written = Written {
        name: name.to_owned(),
        call: call.clone(),
        wrapper: String::new(),
        inputs,
        outputs,
        captures,
    };
    let order =
        if written.has_plain_outputs() { (0..results.len()).collect() } else { written.sorted_outputs() };
    let flattened: Vec<(String, Val)> = order.iter().filter_map(|at| results.get(*at).cloned()).collect();
    let flattened: Vec<(String, Val)> =
        flattened.into_iter().enumerate().map(|(at, (_, value))| (format!("output_{at}"), value)).collect();
    f.finish(&call, &flattened)?;
    let wrapper = write_wrapper(library, &written, &order, !graph.updates.is_empty())?;
    Ok(Written { wrapper, ..written })
}

/// The function that takes the inputs sorted by name and gives the outputs sorted by name.
fn write_wrapper(
    library: &mut Library,
    written: &Written,
    order: &[usize],
    changes_state: bool,
) -> Result<String> {
    let wrapper = library.fresh(&format!("signature_wrapper_{}", plain(&written.name)));
    let mut f = FunctionWriter::new(library);
    let mut arguments = vec![String::new(); written.inputs.len()];
    for at in written.sorted_inputs() {
        let (name, spec) = written.inputs.get(at).ok_or_else(|| Error::internal("an input"))?;
        if let Some(slot) = arguments.get_mut(at) {
            *slot = f.argument(name, spec)?.name;
        }
    }
    for at in 0..written.captures.len() {
        arguments.push(f.resource(&format!("unknown_{at}")));
    }
    let output_specs: Vec<&TensorSpec> =
        order.iter().filter_map(|at| written.outputs.get(*at)).map(|o| &o.1).collect();
    let mut kinds: Vec<i32> = Vec::new();
    for (_, spec) in &written.inputs {
        kinds.push(super::attributes::code(spec.dtype)?);
    }
    kinds.extend(written.captures.iter().map(|_| DataType::DtResource as i32));
    f.stateful();
    let node = f.add(
        "StatefulPartitionedCall",
        &arguments,
        vec![
            ("Tin", Value::List(ListValue { r#type: kinds, ..ListValue::default() })),
            ("Tout", dtypes(output_specs.iter().copied())?),
            ("f", function(&written.call)),
        ],
    );
    if changes_state {
        // Else what the function changes would be left out where it is inlined.
        f.effect(node.clone());
    }
    let mut outputs = Vec::new();
    for at in written.sorted_outputs() {
        let (_, spec) = written.outputs.get(at).ok_or_else(|| Error::internal("an output"))?;
        let place = order.iter().position(|known| *known == at).unwrap_or(at);
        let name = format!("{node}:output:{place}");
        outputs.push((format!("output_{}", outputs.len()), Val { name, spec: spec.clone() }));
    }
    f.finish(&wrapper, &outputs)?;
    Ok(wrapper)
}

/// Letters, digits and `_` only.
pub fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// TensorFlow's code of the type of a spec.
pub fn code_of(spec: &TensorSpec) -> i32 {
    dtype_to_tf(spec.dtype).map_or(0, |code| code as i32)
}
