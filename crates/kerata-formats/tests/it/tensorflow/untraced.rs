//! SavedModels without graphs: config and variables as they were.

use kerata_core::{Artifact, DType, Data, ErrorKind, FolderSink, Limits, Result, Role, Sink, Tree, Variable};
use kerata_formats::containers::proto::tf_keras::SavedMetadata;
use kerata_formats::{Input, MemoryFolder, Output, WriteOptions, by_name};
use prost::Message;

/// Files by name, in memory.
#[derive(Default)]
struct Folder(Vec<(String, Vec<u8>)>);

impl FolderSink for Folder {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        self.0.push((name.to_owned(), Vec::new()));
        Ok(Box::new(File(&mut self.0.last_mut().unwrap().1)))
    }
}

struct File<'a>(&'a mut Vec<u8>);

impl Sink for File<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write(bytes)
    }

    fn position(&self) -> u64 {
        self.0.position()
    }

    fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        self.0.patch(offset, bytes)
    }
}

fn model() -> Artifact {
    let mut artifact = Artifact::new();
    let config = br#"{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": []}, "registered_name": null}"#;
    artifact.config = Some(Tree::parse(config, &Limits::default()).unwrap());
    artifact.compile_config = Some(Tree::from([("optimizer", Tree::from("sgd"))]));
    artifact.metadata.keras_version = Some("3.15.1".to_owned());
    for (path, role) in [("layers/dense/vars/0", Role::Weight), ("optimizer/vars/0", Role::Optimizer)] {
        let data = Data::owned(vec![path.len() as u8; 8]);
        let variable = Variable::new(DType::Float32, [2], data).unwrap().with_role(role);
        artifact.variables.insert(path, variable).unwrap();
    }
    artifact.assets.insert("words.txt".to_owned(), Data::owned(b"a\n".to_vec()));
    artifact
}

fn written() -> Vec<(String, Vec<u8>)> {
    let mut folder = Folder::default();
    let options = WriteOptions::new().without_traces(true);
    by_name("saved_model").unwrap().write(&model(), &mut Output::Folder(&mut folder), &options).unwrap();
    folder.0
}

fn read(files: Vec<(String, Vec<u8>)>) -> Result<Artifact> {
    let input = Input::folder("m", MemoryFolder::shared(files));
    by_name("saved_model").unwrap().read(&input, &Limits::default())
}

#[test]
fn what_goes_in_comes_out() {
    let (artifact, again) = (model(), read(written()).unwrap());
    assert_eq!(again.config, artifact.config);
    assert_eq!(again.compile_config, artifact.compile_config);
    assert_eq!(again.metadata.keras_version, artifact.metadata.keras_version);
    assert_eq!(again.assets.keys().collect::<Vec<_>>(), ["words.txt"]);
    assert!(again.traces.is_none());
    let all = |artifact: &Artifact| -> Vec<(String, Role, Vec<u8>)> {
        let one =
            |(path, v): (&str, &Variable)| (path.to_owned(), v.role, v.data.bytes().unwrap().into_owned());
        artifact.variables.iter().map(one).collect()
    };
    assert_eq!(all(&again), all(&artifact));
}

#[test]
fn lists_of_variables_that_lie_are_corrupt() {
    for (from, to) in [
        ("layers/dense/vars/0", "optimizer/vars/0"),
        ("\"weight\"", "\"fright\""),
        (", [\"optimizer/vars/0\", \"optimizer\", null]", ""),
        ("[\"optimizer/vars/0\", \"optimizer\", null]", "7"),
    ] {
        let mut files = written();
        let (_, file) = files.iter_mut().find(|(name, _)| name == "keras_metadata.pb").unwrap();
        let mut message = SavedMetadata::decode(file.as_slice()).unwrap();
        let root = &mut message.nodes[0].metadata;
        assert!(root.contains(from), "{from} in {root}");
        *root = root.replacen(from, to, 1);
        *file = message.encode_to_vec();
        assert_eq!(read(files).unwrap_err().kind(), ErrorKind::Corrupt, "{from}");
    }
}
