//! Files that lie: each is refused with the kind that says what is wrong, and never a panic or a large allocation.

use std::collections::BTreeMap;

use kerata_core::{Artifact, ErrorKind, Limits, Result};
use kerata_formats::containers::proto::tensorflow::op_def::ArgDef;
use kerata_formats::containers::proto::tensorflow::tensor_shape_proto::Dim;
use kerata_formats::containers::proto::tensorflow::trackable_object_graph::trackable_object::ObjectReference;
use kerata_formats::containers::proto::tensorflow::{
    AssetFileDef, AttrValue, BundleEntryProto, BundleHeaderProto, DataType, FunctionDef, FunctionDefLibrary,
    GraphDef, MetaGraphDef, NameAttrList, NodeDef, OpDef, SavedModel, SavedObject, SavedObjectGraph,
    SignatureDef, TensorInfo, TensorShapeProto, TrackableObjectGraph, attr_value, tensor_info,
};
use kerata_formats::containers::table::TableWriter;
use kerata_formats::{Input, MemoryFolder, by_name};
use prost::Message;

use super::{cases, files};

/// A bundle of one shard whose index holds these entries.
fn bundle(entries: &[(&str, BundleEntryProto)], shard: &[u8]) -> Result<Artifact> {
    let header = BundleHeaderProto { num_shards: 1, endianness: 0, version: None };
    let mut index = Vec::new();
    let mut table = TableWriter::new(&mut index);
    table.add(b"", &header.encode_to_vec()).unwrap();
    for (name, entry) in entries {
        table.add(name.as_bytes(), &entry.encode_to_vec()).unwrap();
    }
    table.finish().unwrap();
    let files = [("c.index".to_owned(), index), ("c.data-00000-of-00001".to_owned(), shard.to_vec())];
    let artifact = by_name("checkpoint")
        .unwrap()
        .read(&Input::prefix("c", MemoryFolder::shared(files)), &Limits::default())?;
    artifact.verify()?;
    Ok(artifact)
}

fn entry(dims: &[i64], offset: i64, size: i64) -> BundleEntryProto {
    let dim = dims.iter().map(|size| Dim { size: *size, name: String::new() }).collect();
    BundleEntryProto {
        dtype: DataType::DtFloat as i32,
        shape: Some(TensorShapeProto { dim, unknown_rank: false }),
        shard_id: 0,
        offset,
        size,
        crc32c: 0,
        slices: Vec::new(),
    }
}

fn kind(result: Result<Artifact>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn entries_that_lie_are_refused() {
    let corrupt = Some(ErrorKind::Corrupt);
    let limit = Some(ErrorKind::LimitExceeded);
    for (what, entry, expected) in [
        ("negative axis", entry(&[-1], 0, 4), corrupt),
        ("negative offset", entry(&[1], -4, 4), corrupt),
        ("negative size", entry(&[1], 0, -4), corrupt),
        ("past the shard", entry(&[2], 4, 8), corrupt),
        ("far past the shard", entry(&[1 << 38], 0, 1 << 40), corrupt),
        ("offset near 2^63", entry(&[1], i64::MAX - 1, 4), corrupt),
        ("shape and size differ", entry(&[2], 0, 4), corrupt),
        ("huge axis", entry(&[1 << 41], 0, 4), limit),
        ("huge product", entry(&[1 << 40, 1 << 40], 0, 4), limit),
        ("many axes", entry(&[1; 40], 0, 4), limit),
        ("wrong checksum", entry(&[1], 0, 4), corrupt),
        ("shard that is not there", BundleEntryProto { shard_id: 1, ..entry(&[1], 0, 4) }, corrupt),
        ("negative shard", BundleEntryProto { shard_id: -1, ..entry(&[1], 0, 4) }, corrupt),
        ("unknown type", BundleEntryProto { dtype: 1000, ..entry(&[1], 0, 4) }, corrupt),
        (
            "resource",
            BundleEntryProto { dtype: DataType::DtResource as i32, ..entry(&[1], 0, 4) },
            Some(ErrorKind::Unsupported),
        ),
        (
            "text longer than stored",
            BundleEntryProto { dtype: DataType::DtString as i32, ..entry(&[1 << 30], 0, 8) },
            corrupt,
        ),
        (
            "text of length 2^40",
            BundleEntryProto { dtype: DataType::DtString as i32, ..entry(&[1], 8, 12) },
            corrupt,
        ),
    ] {
        let shard = [0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0, 0, 0, 0, 0];
        let shard = if what == "text of length 2^40" { &shard[..] } else { &shard[..8] };
        assert_eq!(kind(bundle(&[("v", entry)], shard)), expected, "{what}");
    }
}

#[test]
fn an_index_without_its_shard_says_so() {
    let (_, folder, _) = cases("checkpoint").into_iter().find(|case| case.0 == "ck_slots").unwrap();
    let mut files: BTreeMap<String, Vec<u8>> = files(&folder).into_iter().collect();
    files.retain(|name, _| !name.contains(".data-"));
    let input = Input::prefix("ckpt-1", MemoryFolder::shared(files));
    let result = by_name("checkpoint").unwrap().read(&input, &Limits::default());
    assert_eq!(kind(result), Some(ErrorKind::NotFound));
}

#[test]
fn every_cut_and_many_flips_of_a_checkpoint_are_found() {
    let (_, folder, _) = cases("checkpoint").into_iter().find(|case| case.0 == "ck_keras3_model").unwrap();
    let whole: BTreeMap<String, Vec<u8>> = files(&folder).into_iter().collect();
    let read = |files: BTreeMap<String, Vec<u8>>| {
        let input = Input::prefix("ckpt", MemoryFolder::shared(files));
        by_name("checkpoint").unwrap().read(&input, &Limits::default()).and_then(|artifact| artifact.verify())
    };
    read(whole.clone()).unwrap();
    for (name, bytes) in whole.iter().filter(|(name, _)| name.starts_with("ckpt.")) {
        for len in (0..bytes.len()).step_by(7) {
            let mut cut = whole.clone();
            cut.insert(name.clone(), bytes[..len].to_vec());
            assert_eq!(read(cut).unwrap_err().kind(), ErrorKind::Corrupt, "{name} cut to {len}");
        }
        for position in (0..bytes.len()).step_by(5) {
            let mut flipped = whole.clone();
            flipped.get_mut(name).unwrap()[position] ^= 0x41;
            // What is not covered by a checksum (padding of the footer, the unused metaindex) may be changed.
            if let Err(error) = read(flipped) {
                let expected = [ErrorKind::Corrupt, ErrorKind::LimitExceeded, ErrorKind::Unsupported];
                assert!(expected.contains(&error.kind()), "{name} byte {position}: {error}");
            } else {
                assert!(name.ends_with(".index") && position > bytes.len() - 140, "{name} byte {position}");
            }
        }
    }
}

/// A SavedModel of one graph without variables.
fn saved_model(graph: MetaGraphDef, more: &[(&str, &[u8])]) -> Result<Artifact> {
    let message = SavedModel { saved_model_schema_version: 1, meta_graphs: vec![graph] };
    let mut files = vec![("saved_model.pb".to_owned(), message.encode_to_vec())];
    files.extend(more.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())));
    by_name("saved_model").unwrap().read(&Input::folder("m", MemoryFolder::shared(files)), &Limits::default())
}

#[test]
fn assets_that_leave_the_folder_are_untrusted() {
    for name in ["../secret", "/etc/passwd", "a/../../b", "c:\\x"] {
        let asset = AssetFileDef { tensor_info: None, filename: name.to_owned() };
        let graph = MetaGraphDef { asset_file_def: vec![asset], ..MetaGraphDef::default() };
        assert_eq!(kind(saved_model(graph, &[])), Some(ErrorKind::Untrusted), "{name}");
    }
    let asset = AssetFileDef { tensor_info: None, filename: "words.txt".to_owned() };
    let graph = MetaGraphDef { asset_file_def: vec![asset], ..MetaGraphDef::default() };
    assert_eq!(kind(saved_model(graph.clone(), &[])), Some(ErrorKind::Corrupt));
    assert_eq!(kind(saved_model(graph, &[("assets/words.txt", b"a\n")])), None);
}

#[test]
fn object_graphs_with_cycles_are_read_and_with_bad_edges_refused() {
    let edge = |id: i32| ObjectReference { node_id: id, local_name: format!("to_{id}") };
    let object = |children: Vec<ObjectReference>| SavedObject { children, ..SavedObject::default() };
    let graph = |nodes| MetaGraphDef {
        object_graph_def: Some(SavedObjectGraph { nodes, concrete_functions: BTreeMap::new() }),
        ..MetaGraphDef::default()
    };
    let cycle = graph(vec![object(vec![edge(1), edge(0)]), object(vec![edge(0), edge(1)])]);
    assert_eq!(kind(saved_model(cycle, &[])), None);
    let chain = (0..200_000).map(|id| object(vec![edge((id + 1) % 200_000)])).collect();
    assert_eq!(kind(saved_model(graph(chain), &[])), None);
    for id in [2, -1, i32::MAX, i32::MIN] {
        let astray = graph(vec![object(vec![edge(1)]), object(vec![edge(id)])]);
        let bundle = variables();
        let bundle: Vec<(&str, &[u8])> =
            bundle.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        assert_eq!(kind(saved_model(astray, &bundle)), Some(ErrorKind::Corrupt), "{id}");
    }
}

/// The files of a bundle with an empty object graph.
fn variables() -> Vec<(String, Vec<u8>)> {
    use kerata_formats::containers::bundle::BundleWriter;
    let mut shard = Vec::new();
    let mut writer = BundleWriter::new(&mut shard);
    writer.add_text("_CHECKPOINTABLE_OBJECT_GRAPH", TrackableObjectGraph::default().encode_to_vec()).unwrap();
    let index = writer.finish();
    let mut bytes = Vec::new();
    index.write(&mut bytes).unwrap();
    vec![
        ("variables/variables.index".to_owned(), bytes),
        ("variables/variables.data-00000-of-00001".to_owned(), shard),
    ]
}

#[test]
fn a_graph_file_that_is_cut_or_garbage_is_corrupt() {
    let (_, folder, _) = cases("saved_model").into_iter().find(|case| case.0 == "k3_mlp").unwrap();
    let whole: BTreeMap<String, Vec<u8>> = files(&folder.join("model")).into_iter().collect();
    let pb = whole["saved_model.pb"].clone();
    for len in (1..pb.len()).step_by(pb.len() / 150) {
        let mut cut = whole.clone();
        cut.insert("saved_model.pb".to_owned(), pb[..len].to_vec());
        let input = Input::folder("m", MemoryFolder::shared(cut));
        let error = by_name("saved_model").unwrap().read(&input, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "cut to {len}");
    }
}

/// A node without attributes.
pub(super) fn node(name: &str, op: &str, inputs: &[&str]) -> NodeDef {
    let input = inputs.iter().map(|name| (*name).to_owned()).collect();
    NodeDef { name: name.to_owned(), op: op.to_owned(), input, ..NodeDef::default() }
}

/// The signature `f` of a main graph and its functions: its only result is the first output of the node `y`.
pub(super) fn signature(nodes: Vec<NodeDef>, functions: Vec<FunctionDef>) -> Result<Artifact> {
    let output = TensorInfo {
        dtype: DataType::DtFloat as i32,
        tensor_shape: Some(TensorShapeProto::default()),
        encoding: Some(tensor_info::Encoding::Name("y:0".to_owned())),
    };
    let outputs = BTreeMap::from([("y".to_owned(), output)]);
    let served = SignatureDef { outputs, ..SignatureDef::default() };
    let library = FunctionDefLibrary { function: functions, ..FunctionDefLibrary::default() };
    let graph = GraphDef { node: nodes, library: Some(library), ..GraphDef::default() };
    saved_model(
        MetaGraphDef {
            graph_def: Some(graph),
            signature_def: BTreeMap::from([("f".to_owned(), served)]),
            ..MetaGraphDef::default()
        },
        &[],
    )
}

pub(super) fn refusal(artifact: Artifact) -> kerata_core::Error {
    artifact.traces.expect("a signature").graph("f").expect_err("it cannot run")
}

#[test]
fn nodes_in_a_circle_are_refused() {
    let circle = vec![node("x", "Neg", &["y"]), node("y", "Neg", &["x"])];
    let error = refusal(signature(circle, vec![]).unwrap());
    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error}");
    assert!(error.message().contains("itself"), "{error}");
}

#[test]
fn functions_that_call_themselves_are_stopped() {
    let call = |name: &str| {
        let of = NameAttrList { name: "again".to_owned(), ..NameAttrList::default() };
        let f = AttrValue { value: Some(attr_value::Value::Func(of)) };
        NodeDef { attr: BTreeMap::from([("f".to_owned(), f)]), ..node(name, "PartitionedCall", &[]) }
    };
    let output = ArgDef { name: "out".to_owned(), r#type: DataType::DtFloat as i32, ..ArgDef::default() };
    let again = FunctionDef {
        signature: Some(OpDef { name: "again".to_owned(), output_arg: vec![output], ..OpDef::default() }),
        node_def: vec![call("inner")],
        ret: BTreeMap::from([("out".to_owned(), "inner:output:0".to_owned())]),
        ..FunctionDef::default()
    };
    let error = refusal(signature(vec![call("y")], vec![again]).unwrap());
    assert!(matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::Corrupt), "{error}");
}

#[test]
fn unknown_ops_open_and_are_named_when_they_are_run() {
    for op in ["XlaCallModule", "NobodyKnowsThis"] {
        let artifact = signature(vec![node("y", op, &[])], vec![]).unwrap();
        assert_eq!(artifact.traces.as_ref().unwrap().names(), ["f"]);
        let error = refusal(artifact);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(op), "{error}");
    }
}
