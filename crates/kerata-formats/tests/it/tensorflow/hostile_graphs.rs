//! Graphs that lie: control flow that leads nowhere, constants of impossible shapes, ops and paths that reach outside.
//! Each is refused by its kind when it is run, both in a SavedModel and as a frozen graph.

use kerata_core::{Artifact, Error, ErrorKind, Limits, Result};
use kerata_formats::containers::proto::tensorflow::tensor_shape_proto::Dim;
use kerata_formats::containers::proto::tensorflow::{
    AttrValue, DataType, GraphDef, NodeDef, TensorProto, TensorShapeProto, attr_value,
};
use kerata_formats::{Input, by_name};
use prost::Message;

use super::hostile::{node, refusal, signature};

fn with(mut node: NodeDef, name: &str, value: attr_value::Value) -> NodeDef {
    node.attr.insert(name.to_owned(), AttrValue { value: Some(value) });
    node
}

fn enter(name: &str, from: &str, frame: &str) -> NodeDef {
    with(node(name, "Enter", &[from]), "frame_name", attr_value::Value::S(frame.as_bytes().to_vec().into()))
}

fn number(name: &str, value: f32) -> NodeDef {
    constant(name, &[], TensorProto { float_val: vec![value], ..TensorProto::default() })
}

fn constant(name: &str, dims: &[i64], tensor: TensorProto) -> NodeDef {
    let dim = dims.iter().map(|size| Dim { size: *size, name: String::new() }).collect();
    let tensor = TensorProto {
        dtype: if tensor.dtype == 0 { DataType::DtFloat as i32 } else { tensor.dtype },
        tensor_shape: Some(TensorShapeProto { dim, unknown_rank: false }),
        ..tensor
    };
    with(node(name, "Const", &[]), "value", attr_value::Value::Tensor(tensor))
}

fn text(name: &str, value: &str) -> NodeDef {
    let string_val = vec![value.as_bytes().to_vec().into()];
    constant(
        name,
        &[],
        TensorProto { dtype: DataType::DtString as i32, string_val, ..TensorProto::default() },
    )
}

/// What running the node `y` says.
fn said(nodes: Vec<NodeDef>) -> Error {
    refusal(signature(nodes, vec![]).unwrap())
}

/// A whole loop that counts `x` up while it is below `end`; `change` spoils it.
fn counting(change: &dyn Fn(&mut Vec<NodeDef>)) -> Vec<NodeDef> {
    let mut nodes = vec![
        number("x", 0.0),
        number("end", 5.0),
        enter("enter", "x", "loop"),
        enter("limit", "end", "loop"),
        node("merge", "Merge", &["enter", "next"]),
        node("less", "Less", &["merge", "limit"]),
        node("cond", "LoopCond", &["less"]),
        node("switch", "Switch", &["merge", "cond"]),
        node("body", "Identity", &["switch:1"]),
        constant("one", &[], TensorProto { float_val: vec![1.0], ..TensorProto::default() }),
        node("add", "AddV2", &["body", "one"]),
        node("next", "NextIteration", &["add"]),
        node("y", "Exit", &["switch:0"]),
    ];
    change(&mut nodes);
    nodes
}

fn input(nodes: &mut [NodeDef], name: &str, at: usize, from: &str) {
    nodes.iter_mut().find(|node| node.name == name).unwrap().input[at] = from.to_owned();
}

#[test]
fn the_loop_that_is_spoiled_below_runs_when_it_is_whole() {
    let artifact = signature(counting(&|_| {}), vec![]).unwrap();
    let graph = artifact.traces.unwrap().graph("f").unwrap();
    let (outputs, _) = graph.evaluate(&[], &|_| unreachable!("no variables")).unwrap();
    assert_eq!(outputs[0].as_f32().unwrap(), [5.0]);
}

#[test]
fn loops_that_lead_nowhere_are_refused() {
    type Change = fn(&mut Vec<NodeDef>);
    let spoiled: &[(&str, Change)] = &[
        ("the next value comes from nowhere", |nodes| input(nodes, "next", 0, "nobody")),
        ("the loop starts nowhere", |nodes| input(nodes, "enter", 0, "nobody")),
        ("no condition", |nodes| nodes.retain(|node| node.name != "cond")),
        ("no switch", |nodes| nodes.retain(|node| node.name != "switch")),
        ("no next value", |nodes| nodes.retain(|node| node.name != "next")),
        ("no name", |nodes| nodes.iter_mut().for_each(|node| node.attr.retain(|key, _| key != "frame_name"))),
        ("its result is used inside", |nodes| input(nodes, "add", 1, "switch:0")),
        ("its exit is used inside", |nodes| input(nodes, "add", 1, "y")),
        ("it starts with its own result", |nodes| input(nodes, "enter", 0, "y")),
        ("the condition needs the next value", |nodes| input(nodes, "less", 1, "add")),
        ("the body needs itself", |nodes| input(nodes, "body", 0, "add")),
        ("another loop's value is used inside", |nodes| {
            nodes.push(enter("strange", "x", "other"));
            input(nodes, "add", 1, "strange");
        }),
        ("an empty switch", |nodes| nodes.iter_mut().find(|n| n.name == "switch").unwrap().input.clear()),
        ("an empty exit", |nodes| nodes.iter_mut().find(|n| n.name == "y").unwrap().input.clear()),
        ("an empty enter", |nodes| nodes.iter_mut().find(|n| n.name == "enter").unwrap().input.clear()),
    ];
    for (what, change) in spoiled {
        let error = said(counting(change));
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{what}: {error}");
    }
}

#[test]
fn loops_inside_one_another_are_bounded_and_do_not_lie_inside_themselves() {
    // Each loop's body needs the result of the next one, and the last one's that of the first.
    for (count, expected) in [(3, ErrorKind::Corrupt), (200, ErrorKind::LimitExceeded)] {
        let mut nodes = vec![number("x", 0.0)];
        for at in 0..count {
            let is_closed = at + 1 == count && count == 3;
            let inner = if is_closed { "exit0".to_owned() } else { format!("exit{}", at + 1) };
            let name = |part: &str| format!("{part}{at}");
            let from = if at == 0 { "x".to_owned() } else { format!("body{}", at - 1) };
            nodes.push(enter(&name("enter"), &from, &format!("loop{at:03}")));
            nodes.push(node(&name("merge"), "Merge", &[&name("enter"), &name("next")]));
            nodes.push(node(&name("less"), "Less", &[&name("merge"), &name("merge")]));
            nodes.push(node(&name("cond"), "LoopCond", &[&name("less")]));
            nodes.push(node(&name("switch"), "Switch", &[&name("merge"), &name("cond")]));
            nodes.push(node(&name("body"), "Identity", &[&format!("{}:1", name("switch"))]));
            let next = if at + 1 == count && !is_closed { name("body") } else { inner };
            nodes.push(node(&name("next"), "NextIteration", &[&next]));
            nodes.push(node(&name("exit"), "Exit", &[&name("switch")]));
        }
        nodes.push(node("y", "Identity", &["exit0"]));
        let error = said(nodes);
        assert_eq!(error.kind(), expected, "{count}: {error}");
    }
}

#[test]
fn branches_that_do_not_meet_are_refused() {
    let flag = |name: &str| {
        constant(
            name,
            &[],
            TensorProto { dtype: DataType::DtBool as i32, bool_val: vec![true], ..TensorProto::default() },
        )
    };
    let branches = |merge: &[&str]| {
        vec![
            number("x", 1.0),
            flag("p"),
            flag("q"),
            node("s", "Switch", &["x", "p"]),
            node("t", "Switch", &["x", "q"]),
            node("inner", "Switch", &["s:1", "q"]),
            node("y", "Merge", merge),
        ]
    };
    let whole = signature(branches(&["s", "s:1"]), vec![]).unwrap();
    whole.traces.unwrap().graph("f").unwrap();
    for merge in [
        &["s", "t:1"][..],
        &["s", "s"],
        &["s", "x"],
        &["s"],
        &[],
        &["s", "inner:1"],
        &["s", "s:7"],
        &["y", "s"],
    ] {
        let error = said(branches(merge));
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{merge:?}: {error}");
    }
    let lonely = vec![number("x", 1.0), flag("p"), node("y", "Switch", &["x", "p"])];
    assert_eq!(said(lonely).kind(), ErrorKind::Unsupported);
}

/// A chain of branches of which each copies all before it.
#[test]
fn branches_that_multiply_are_bounded() {
    let mut nodes = vec![number("x0", 1.0)];
    nodes.push(constant(
        "p",
        &[],
        TensorProto { dtype: DataType::DtBool as i32, bool_val: vec![true], ..TensorProto::default() },
    ));
    for at in 0..3_000 {
        nodes.push(node(&format!("s{at}"), "Switch", &[&format!("x{at}"), "p"]));
        nodes.push(node(&format!("n{at}"), "Neg", &[&format!("s{at}:1")]));
        nodes.push(node(&format!("x{}", at + 1), "Merge", &[&format!("s{at}"), &format!("n{at}")]));
    }
    nodes.push(node("y", "Identity", &["x3000"]));
    let start = std::time::Instant::now();
    let artifact = signature(nodes, vec![]).unwrap();
    drop(artifact.traces.unwrap().graph("f"));
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn constants_that_lie_are_refused() {
    let floats = |float_val: Vec<f32>| TensorProto { float_val, ..TensorProto::default() };
    let content =
        |bytes: &[u8]| TensorProto { tensor_content: bytes.to_vec().into(), ..TensorProto::default() };
    for (what, dims, tensor, expected) in [
        ("a negative axis", &[-1][..], floats(vec![1.0]), ErrorKind::Corrupt),
        ("an axis of -2^63", &[i64::MIN], floats(vec![1.0]), ErrorKind::Corrupt),
        ("one value for 2^40", &[1 << 40], floats(vec![1.0]), ErrorKind::LimitExceeded),
        ("more than 2^64", &[1 << 39, 1 << 39], floats(vec![1.0]), ErrorKind::LimitExceeded),
        ("too many axes", &[1; 64], floats(vec![1.0]), ErrorKind::Corrupt),
        ("more values than elements", &[1], floats(vec![1.0, 2.0]), ErrorKind::Corrupt),
        ("fewer bytes than elements", &[2], content(&[0; 4]), ErrorKind::Corrupt),
        ("more bytes than elements", &[1], content(&[0; 8]), ErrorKind::Corrupt),
    ] {
        let nodes = vec![constant("y", dims, tensor)];
        let error = said(nodes.clone());
        assert_eq!(error.kind(), expected, "{what}: {error}");
        // A frozen graph holds its weights in constants: it says so when it is opened.
        let error = frozen(nodes).expect_err(what);
        assert_eq!(error.kind(), expected, "{what}: {error}");
    }
}

fn frozen(nodes: Vec<NodeDef>) -> Result<Artifact> {
    let bytes = GraphDef { node: nodes, ..GraphDef::default() }.encode_to_vec();
    by_name("graph_def").unwrap().read(&Input::bytes("frozen.pb", bytes), &Limits::default())
}

#[test]
fn ops_that_reach_outside_are_refused_by_name_wherever_they_stand() {
    for op in [
        "ReadFile",
        "WriteFile",
        "MatchingFiles",
        "PyFunc",
        "EagerPyFunc",
        "LoadLibrary",
        "RestoreV2",
        "SaveV2",
        "TextLineReaderV2",
        "TFRecordDataset",
        "PrintV2",
        "RemoteCall",
        "InitializeTableFromTextFile",
    ] {
        let error = said(vec![text("x", "/etc/passwd"), node("y", op, &["x"])]);
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{op}: {error}");
        assert!(error.message().contains(op), "{error}");
        let placeholder =
            with(node("p", "Placeholder", &[]), "dtype", attr_value::Value::Type(DataType::DtString as i32));
        let placeholder = with(placeholder, "shape", attr_value::Value::Shape(TensorShapeProto::default()));
        let artifact = frozen(vec![placeholder, node("y", op, &["p"])]).unwrap();
        let error = artifact.traces.unwrap().graph("serving_default").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "frozen {op}: {error}");
    }
}

#[test]
fn a_table_is_filled_from_assets_only() {
    let nodes = vec![
        text("x", "/etc/passwd"),
        node("table", "HashTableV2", &[]),
        node("fill", "InitializeTableFromTextFileV2", &["table", "x"]),
        node("y", "LookupTableFindV2", &["table", "x", "x", "^fill"]),
    ];
    let error = said(nodes);
    assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
}

#[test]
fn frozen_graphs_in_a_circle_and_of_one_name_twice_are_refused() {
    let placeholder =
        with(node("p", "Placeholder", &[]), "dtype", attr_value::Value::Type(DataType::DtFloat as i32));
    let placeholder = with(placeholder, "shape", attr_value::Value::Shape(TensorShapeProto::default()));
    let circle = vec![
        placeholder,
        node("a", "AddV2", &["p", "b"]),
        node("b", "Neg", &["a"]),
        node("y", "Neg", &["b"]),
    ];
    let error = frozen(circle).unwrap().traces.unwrap().graph("serving_default").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    let weight = || constant("w", &[1], TensorProto { float_val: vec![1.0], ..TensorProto::default() });
    assert_eq!(frozen(vec![weight(), weight()]).unwrap_err().kind(), ErrorKind::Corrupt);
    let deep: Vec<NodeDef> =
        (0..100_000).map(|at| node(&format!("n{at}"), "Neg", &[&format!("n{}", at + 1)])).collect();
    assert!(frozen(deep).unwrap().traces.is_none());
}
