//! Loops and branches: bodies become functions of the library.

use kerata_core::graph::{Graph, TensorSpec};
use kerata_core::ops::{Cond, Scan, While};
use kerata_core::{DType, Error, Result, Shape};

use super::arrays::element_spec;
use super::attributes::{dtype, dtypes, function, shape, shapes};
use super::body::write_body;
use super::table::{Lowering, Write};
use super::writer::{FunctionWriter, Val};
use crate::containers::bundle::dtype_to_tf;
use crate::containers::proto::tensorflow::DataType;
use crate::containers::proto::tensorflow::attr_value::{ListValue, Value};

pub const OPS: &[(&str, Lowering)] = &[("cond", cond), ("scan", scan), ("while", while_loop)];

/// A function that takes tensors of these specs and gives the outputs of a graph.
fn body_function(
    f: &mut FunctionWriter<'_>,
    graph: &Graph,
    base: &str,
    skip: usize,
    all: &[TensorSpec],
    take: usize,
) -> Result<String> {
    let name = f.library.fresh(base);
    let mut child = FunctionWriter::new(f.library);
    let mut values = Vec::new();
    for (at, spec) in all.iter().enumerate() {
        values.push(child.argument(&format!("arg_{at}"), spec)?);
    }
    let inputs = values.get(skip..skip + take).unwrap_or_default();
    let outputs = write_body(&mut child, graph, inputs)?;
    let outputs: Vec<(String, Val)> =
        outputs.into_iter().enumerate().map(|(at, value)| (format!("output_{at}"), value)).collect();
    child.finish(&name, &outputs)?;
    Ok(name)
}

fn cond(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Cond>()?;
    let captures: Vec<TensorSpec> = w.inputs.iter().skip(1).map(|input| input.spec.clone()).collect();
    let first = op.on_true.inputs.len();
    let on_true = body_function(f, &op.on_true, "branch_true", 0, &captures, first)?;
    let on_false =
        body_function(f, &op.on_false, "branch_false", first, &captures, op.on_false.inputs.len())?;
    let inputs: Vec<String> = w.inputs.iter().map(|input| input.name.clone()).collect();
    let attributes = vec![
        ("Tcond", dtype(DType::Bool)?),
        ("Tin", dtypes(&captures)?),
        ("Tout", dtypes(w.outputs)?),
        ("then_branch", function(&on_true)),
        ("else_branch", function(&on_false)),
        ("output_shapes", shapes(w.outputs)),
    ];
    let node = f.add("StatelessIf", &inputs, attributes);
    Ok((0..w.outputs.len()).map(|at| format!("{node}:output:{at}")).collect())
}

/// Loop values, then captures that stay as they are.
fn while_loop(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<While>()?;
    let mut specs: Vec<TensorSpec> = w.inputs.iter().map(|input| input.spec.clone()).collect();
    for (spec, output) in specs.iter_mut().zip(w.outputs) {
        *spec = output.clone();
    }
    let counter = TensorSpec::new(DType::Int32, Shape::scalar());
    let mut all = vec![counter.clone()];
    all.extend(specs.iter().cloned());
    let tests = op.condition.inputs.len();

    let name = f.library.fresh("while_cond");
    let mut child = FunctionWriter::new(f.library);
    let values = arguments(&mut child, &all)?;
    let own = values.get(1..1 + tests).unwrap_or_default();
    let mut asked =
        write_body(&mut child, &op.condition, own)?.pop().ok_or_else(|| Error::internal("a condition"))?;
    if asked.spec.rank() > 0 {
        let empty = child.constant(&kerata_core::Array::vector(Vec::<i32>::new()))?.name;
        let attributes = vec![("T", dtype(DType::Bool)?), ("Tshape", dtype(DType::Int32)?)];
        asked = Val {
            name: child.node("Reshape", &[asked.name, empty], attributes),
            spec: TensorSpec::new(DType::Bool, Shape::scalar()),
        };
    }
    if let Some(most) = op.max_steps {
        let limit = child.scalar(i64::try_from(most).unwrap_or(i64::MAX))?;
        let step = values.first().map(|value| value.name.clone()).unwrap_or_default();
        let below = child.node("Less", &[step, limit], vec![("T", dtype(DType::Int32)?)]);
        asked.name = child.node("LogicalAnd", &[below, asked.name], vec![]);
    }
    child.finish(&name, &[("output_0".to_owned(), asked)])?;
    let condition = name;

    let name = f.library.fresh("while_body");
    let mut child = FunctionWriter::new(f.library);
    let values = arguments(&mut child, &all)?;
    let mut own: Vec<Val> = values.iter().skip(1).take(op.values).cloned().collect();
    own.extend(values.iter().skip(1 + tests).cloned());
    let made = write_body(&mut child, &op.body, &own)?;
    let mut outputs = vec![next(&mut child, &values)?];
    outputs.extend(made);
    outputs.extend(values.iter().skip(1 + op.values).cloned());
    child.finish(&name, &named(outputs))?;
    let mut inputs = vec![f.scalar(0)?];
    inputs.extend(w.inputs.iter().map(|input| input.name.clone()));
    let attributes = vec![
        ("T", dtypes(&all)?),
        ("cond", function(&condition)),
        ("body", function(&name)),
        ("output_shapes", shapes(&all)),
        ("parallel_iterations", Value::I(10)),
    ];
    let node = f.add("StatelessWhile", &inputs, attributes);
    Ok((0..op.values).map(|at| format!("{node}:output:{}", at + 1)).collect())
}

fn arguments(f: &mut FunctionWriter<'_>, specs: &[TensorSpec]) -> Result<Vec<Val>> {
    specs.iter().enumerate().map(|(at, spec)| f.argument(&format!("arg_{at}"), spec)).collect()
}

fn named(outputs: Vec<Val>) -> Vec<(String, Val)> {
    outputs.into_iter().enumerate().map(|(at, value)| (format!("output_{at}"), value)).collect()
}

/// The counter, the first value, plus one.
fn next(f: &mut FunctionWriter<'_>, values: &[Val]) -> Result<Val> {
    let counter = values.first().ok_or_else(|| Error::internal("a counter"))?.clone();
    let one = f.scalar(1)?;
    let name = f.node("AddV2", &[counter.name, one], vec![("T", dtype(DType::Int32)?)]);
    Ok(Val { name, spec: counter.spec })
}

/// Counter, states, lists of results, lists of sequences, captures.
fn scan(f: &mut FunctionWriter<'_>, w: &Write<'_>) -> Result<Vec<String>> {
    let op = w.op::<Scan>()?;
    let results: Vec<TensorSpec> = w.outputs.iter().skip(op.states).map(element_spec).collect();
    let sequences: Vec<&Val> = w.inputs.iter().skip(op.states).take(op.sequences).collect();
    let captures: Vec<&Val> = w.inputs.iter().skip(op.states + op.sequences).collect();
    let steps = match (sequences.first(), op.length) {
        (Some(sequence), _) => f.size_of(sequence, 0)?,
        (None, Some(length)) => f.scalar(i64::try_from(length).unwrap_or(i64::MAX))?,
        (None, None) => return Err(Error::internal("a scan without a length")),
    };
    let counter = TensorSpec::new(DType::Int32, Shape::scalar());
    let list = TensorSpec::new(DType::Int32, Shape::scalar());

    // What goes into the loop.
    let mut inputs = vec![f.scalar(0)?, steps.clone()];
    let mut kinds: Vec<Option<TensorSpec>> = vec![Some(counter.clone()), Some(counter)];
    for (state, output) in w.inputs.iter().take(op.states).zip(w.outputs) {
        inputs.push(state.name.clone());
        kinds.push(Some(output.clone()));
    }
    for result in &results {
        let sizes: Vec<i64> =
            result.shape.axes().iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
        let sizes = f.vector(&sizes)?;
        let attributes = vec![("element_dtype", dtype(result.dtype)?), ("shape_type", dtype(DType::Int32)?)];
        inputs.push(f.node("TensorListReserve", &[sizes, steps.clone()], attributes));
        kinds.push(None);
    }
    for sequence in &sequences {
        let element = element_spec(&sequence.spec);
        let sizes: Vec<i64> =
            element.shape.axes().iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
        let sizes = f.vector(&sizes)?;
        let attributes = vec![("element_dtype", dtype(element.dtype)?), ("shape_type", dtype(DType::Int32)?)];
        inputs.push(f.node("TensorListFromTensor", &[sequence.name.clone(), sizes], attributes));
        kinds.push(None);
    }
    for capture in &captures {
        inputs.push(capture.name.clone());
        kinds.push(Some(capture.spec.clone()));
    }

    let condition = f.library.fresh("while_cond");
    let mut child = FunctionWriter::new(f.library);
    let values = loop_arguments(&mut child, &kinds, &list)?;
    let pair: Vec<String> = values.iter().take(2).map(|value| value.name.clone()).collect();
    let below = child.node("Less", &pair, vec![("T", dtype(DType::Int32)?)]);
    let below = Val { name: below, spec: TensorSpec::new(DType::Bool, Shape::scalar()) };
    child.finish(&condition, &[("output_0".to_owned(), below)])?;

    let body = f.library.fresh("while_body");
    let mut child = FunctionWriter::new(f.library);
    let values = loop_arguments(&mut child, &kinds, &list)?;
    let step = place(&mut child, &values, op.reverse)?;
    let (states, rest) = values.get(2..).unwrap_or_default().split_at(op.states);
    let (lists, rest) = rest.split_at(results.len());
    let (read, kept) = rest.split_at(sequences.len());
    let mut own = states.to_vec();
    for (handle, sequence) in read.iter().zip(&sequences) {
        let element = element_spec(&sequence.spec);
        let sizes: Vec<i64> =
            element.shape.axes().iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
        let sizes = child.vector(&sizes)?;
        let attributes = vec![("element_dtype", dtype(element.dtype)?)];
        let name = child.node("TensorListGetItem", &[handle.name.clone(), step.clone(), sizes], attributes);
        own.push(Val { name, spec: element });
    }
    own.extend(kept.iter().cloned());
    let mut made = write_body(&mut child, &op.body, &own)?;
    let items = made.split_off(op.states);
    let mut outputs = vec![next(&mut child, &values)?];
    outputs.extend(values.get(1).cloned());
    outputs.extend(made);
    for (handle, item) in lists.iter().zip(items) {
        let attributes = vec![("element_dtype", dtype(item.spec.dtype)?)];
        let name =
            child.node("TensorListSetItem", &[handle.name.clone(), step.clone(), item.name], attributes);
        outputs.push(Val { name, spec: handle.spec.clone() });
    }
    outputs.extend(read.iter().chain(kept).cloned());
    finish_loop(child, &body, outputs, &kinds)?;

    let attributes = vec![
        ("T", kinds_of(&kinds)?),
        ("cond", function(&condition)),
        ("body", function(&body)),
        ("output_shapes", shapes_of(&kinds)),
        ("parallel_iterations", Value::I(32)),
    ];
    let node = f.add("StatelessWhile", &inputs, attributes);
    let mut outputs: Vec<String> = (0..op.states).map(|at| format!("{node}:output:{}", at + 2)).collect();
    for (at, result) in results.iter().enumerate() {
        let sizes: Vec<i64> =
            result.shape.axes().iter().map(|size| size.map_or(-1, |size| size as i64)).collect();
        let sizes = f.vector(&sizes)?;
        let known =
            w.outputs.get(op.states + at).and_then(|spec| spec.size(0)).map_or(-1, |size| size as i64);
        let attributes = vec![("element_dtype", dtype(result.dtype)?), ("num_elements", Value::I(known))];
        let handle = format!("{node}:output:{}", op.states + 2 + at);
        outputs.push(f.node("TensorListStack", &[handle, sizes], attributes));
    }
    Ok(outputs)
}

/// The element of this step: counted from the end when the scan goes backwards.
fn place(f: &mut FunctionWriter<'_>, values: &[Val], is_reverse: bool) -> Result<String> {
    let [counter, steps, ..] = values else { return Err(Error::internal("a counter and its end")) };
    if !is_reverse {
        return Ok(counter.name.clone());
    }
    let one = f.scalar(1)?;
    let last = f.node("Sub", &[steps.name.clone(), one], vec![("T", dtype(DType::Int32)?)]);
    Ok(f.node("Sub", &[last, counter.name.clone()], vec![("T", dtype(DType::Int32)?)]))
}

/// Arguments of a loop's function; those without a spec are lists.
fn loop_arguments(
    f: &mut FunctionWriter<'_>,
    kinds: &[Option<TensorSpec>],
    list: &TensorSpec,
) -> Result<Vec<Val>> {
    let argument = |(at, kind): (usize, &Option<TensorSpec>)| match kind {
        Some(spec) => f.argument(&format!("arg_{at}"), spec),
        None => Ok(Val { name: f.list(&format!("arg_{at}")), spec: list.clone() }),
    };
    kinds.iter().enumerate().map(argument).collect()
}

fn finish_loop(
    f: FunctionWriter<'_>,
    name: &str,
    outputs: Vec<Val>,
    kinds: &[Option<TensorSpec>],
) -> Result<()> {
    let is_list: Vec<bool> = kinds.iter().map(Option::is_none).collect();
    f.finish_with_lists(name, &named(outputs), &is_list)
}

fn kinds_of(kinds: &[Option<TensorSpec>]) -> Result<Value> {
    let code = |kind: &Option<TensorSpec>| match kind {
        None => Ok(DataType::DtVariant as i32),
        Some(spec) => dtype_to_tf(spec.dtype)
            .map(|code| code as i32)
            .ok_or_else(|| Error::unsupported(format!("TensorFlow has no type {}", spec.dtype))),
    };
    Ok(Value::List(ListValue {
        r#type: kinds.iter().map(code).collect::<Result<_>>()?,
        ..ListValue::default()
    }))
}

fn shapes_of(kinds: &[Option<TensorSpec>]) -> Value {
    let scalar = TensorSpec::new(DType::Int32, Shape::scalar());
    let shape = kinds.iter().map(|kind| shape(kind.as_ref().unwrap_or(&scalar))).collect();
    Value::List(ListValue { shape, ..ListValue::default() })
}
