//! Reads a `ModelProto`: who wrote it, what goes in and out, which ops it is made of, its tensors.

use indexmap::IndexMap;
use kerata_core::{Artifact, Error, Limits, Object, Result, Role, SourceRef, Tree};

use super::fields::{Part, Value};
use super::tensor;
use crate::Input;

/// Fields of a model that are looked at to find the format.
const LOOKED_AT: usize = 64;

/// Whether a file is a model: its version comes first, and among texts and numbers of the known fields is a graph.
pub(super) fn is_model(source: &SourceRef) -> bool {
    let whole = Part::whole(source);
    let mut fields = whole.fields().take(LOOKED_AT);
    if !matches!(fields.next(), Some(Ok((1, Value::Number(1..=255))))) {
        return false;
    }
    let mut is_likely = false;
    for field in fields {
        match field {
            Ok((2, Value::Part(producer))) if is_program(&producer) => is_likely = true,
            Ok((7, Value::Part(_))) => return true,
            Ok((3 | 4 | 6 | 8 | 14 | 20 | 25 | 26, Value::Part(_)) | (5, Value::Number(_))) => {}
            // A file that is cut off ends in its graph.
            Err(_) => return is_likely,
            Ok(_) => return false,
        }
    }
    false
}

/// Whether it may be the name of a program. (In a SavedModel a message of the same number stands in its place.)
fn is_program(name: &Part) -> bool {
    name.text(&Limits::default()).is_ok_and(|text| text.chars().all(|letter| !letter.is_control()))
}

/// Reads the artifact of a model.
pub(super) fn read(input: &Input, limits: &Limits) -> Result<Artifact> {
    let mut artifact = Artifact::new();
    artifact.metadata.format = Some("onnx".to_owned());
    let mut about = Object::default();
    let mut opsets = Object::default();
    for field in Part::whole(input.require_source()?).fields() {
        match field? {
            (1, Value::Number(version)) => put(&mut about, "ir_version", version),
            (2, Value::Part(text)) => put(&mut about, "producer_name", text.text(limits)?),
            (3, Value::Part(text)) => put(&mut about, "producer_version", text.text(limits)?),
            (7, Value::Part(graph)) => add_graph(&mut artifact, &mut about, &graph, input, limits)?,
            (8, Value::Part(opset)) => {
                let (domain, version) = opset_of(&opset, limits)?;
                put(&mut opsets, &domain, version);
            }
            _ => {}
        }
    }
    put(&mut about, "opsets", Tree::Object(opsets));
    artifact.metadata.extra.insert("onnx".to_owned(), Tree::Object(about));
    artifact.notes.push("of ONNX models the weights are read; they are not run".to_owned());
    Ok(artifact)
}

fn put(object: &mut Object, key: &str, value: impl Into<Tree>) {
    object.insert(key.to_owned(), value.into());
}

fn opset_of(message: &Part, limits: &Limits) -> Result<(String, u64)> {
    let (mut domain, mut version) = (String::new(), 0);
    for field in message.fields() {
        match field? {
            (1, Value::Part(text)) => domain = text.text(limits)?,
            (2, Value::Number(number)) => version = number,
            _ => {}
        }
    }
    Ok((if domain.is_empty() { "ai.onnx".to_owned() } else { domain }, version))
}

fn add_graph(
    artifact: &mut Artifact,
    about: &mut Object,
    graph: &Part,
    input: &Input,
    limits: &Limits,
) -> Result<()> {
    let (mut inputs, mut outputs) = (Object::default(), Object::default());
    let mut ops: IndexMap<String, u64> = IndexMap::new();
    for field in graph.fields() {
        match field? {
            (1, Value::Part(node)) => *ops.entry(first_text(&node, 4, limits)?).or_insert(0) += 1,
            (2, Value::Part(name)) => put(about, "graph", name.text(limits)?),
            (5, Value::Part(message)) => {
                if artifact.variables.len() >= limits.max_tensors {
                    return Err(Error::limit(format!("more than {} tensors", limits.max_tensors)));
                }
                let (name, mut variable) = tensor::read(&message, input, limits)?;
                // Sizes and axes are tensors like the weights: whole numbers, or without axes.
                if !variable.dtype.is_float() || variable.shape.is_empty() {
                    variable = variable.with_role(Role::State);
                }
                variable.name = Some(name.clone());
                artifact.variables.insert(name, variable)?;
            }
            (11, Value::Part(value)) => {
                put(&mut inputs, &first_text(&value, 1, limits)?, kind_of(&value, limits)?)
            }
            (12, Value::Part(value)) => {
                put(&mut outputs, &first_text(&value, 1, limits)?, kind_of(&value, limits)?)
            }
            _ => {}
        }
    }
    // Old files list their weights among the inputs.
    inputs.retain(|name, _| artifact.variables.get(name).is_none());
    put(about, "inputs", Tree::Object(inputs));
    put(about, "outputs", Tree::Object(outputs));
    put(about, "ops", Tree::Object(ops.into_iter().map(|(op, count)| (op, Tree::from(count))).collect()));
    Ok(())
}

/// The text in a field of this number; empty where there is none.
fn first_text(message: &Part, number: u64, limits: &Limits) -> Result<String> {
    let found = find(message, number)?;
    found.map_or_else(|| Ok(String::new()), |text| text.text(limits))
}

fn find(message: &Part, number: u64) -> Result<Option<Part>> {
    for field in message.fields() {
        match field? {
            (own, Value::Part(part)) if own == number => return Ok(Some(part)),
            _ => {}
        }
    }
    Ok(None)
}

/// Type and shape of an input or output, as text: `float32 (None, 8)`. Empty for what is no tensor.
fn kind_of(value: &Part, limits: &Limits) -> Result<String> {
    let Some(kind) = find(value, 2)? else { return Ok(String::new()) };
    let Some(tensor) = find(&kind, 1)? else { return Ok(String::new()) };
    let (mut dtype, mut sizes) = (None, None);
    for field in tensor.fields() {
        match field? {
            (1, Value::Number(number)) => dtype = tensor::dtype(number),
            (2, Value::Part(shape)) => sizes = Some(sizes_of(&shape, limits)?),
            _ => {}
        }
    }
    let dtype = dtype.map_or_else(|| "unknown".to_owned(), |dtype| dtype.to_string());
    Ok(sizes.map_or(dtype.clone(), |sizes| format!("{dtype} ({})", sizes.join(", "))))
}

/// The axes of a shape: numbers, names, `None`.
fn sizes_of(shape: &Part, limits: &Limits) -> Result<Vec<String>> {
    let mut sizes = Vec::new();
    for axis in shape.fields() {
        let (1, Value::Part(axis)) = axis? else { continue };
        let mut size = "None".to_owned();
        for field in axis.fields() {
            match field? {
                (1, Value::Number(number)) => size = number.to_string(),
                (2, Value::Part(name)) => size = name.text(limits)?,
                _ => {}
            }
        }
        if sizes.len() >= limits.max_rank {
            return Err(Error::limit(format!("more than {} axes", limits.max_rank)));
        }
        sizes.push(size);
    }
    Ok(sizes)
}
