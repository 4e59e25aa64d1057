//! What is written reads back, and is laid out as TensorFlow lays it out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kerata_core::{FolderSink, Limits, MemorySource, Result, Role, Sink, Tree};
use kerata_formats::containers::table::{TableWriter, read_table};
use kerata_formats::{Input, MemoryFolder, Output, WriteOptions, by_name};

use super::{cases, check_parameters, check_variables, golden, input};

/// A folder that is written in memory.
#[derive(Default)]
pub(super) struct Written(pub BTreeMap<String, Vec<u8>>);

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

impl FolderSink for Written {
    fn create(&mut self, name: &str) -> Result<Box<dyn Sink + '_>> {
        Ok(Box::new(File(self.0.entry(name.to_owned()).or_default())))
    }
}

#[test]
fn a_table_is_written_byte_for_byte_as_tensorflow_writes_it() {
    let mut tables = 0;
    for (name, folder, _) in cases("checkpoint") {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|ending| ending != "index") {
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let mut again = Vec::new();
            let mut writer = TableWriter::new(&mut again);
            let source = MemorySource::shared(bytes.clone());
            read_table(&source, &Limits::default(), &mut |key, value| writer.add(key, value)).unwrap();
            writer.finish().unwrap();
            assert!(again == bytes, "{name}: {} and {} bytes", again.len(), bytes.len());
            tables += 1;
        }
    }
    assert!(tables >= 14);
    // One of them has more than one block.
    let large = fs::metadata(golden().join("ck_v1_many_blocks/many.index")).unwrap();
    assert!(large.len() > 262_144);
}

#[test]
fn a_checkpoint_converts_to_itself_without_loss() {
    let format = by_name("checkpoint").unwrap();
    for (name, folder, expect) in cases("checkpoint") {
        let artifact = format.read(&input(&folder, &expect), &Limits::default()).unwrap();
        let mut runs = Vec::new();
        for _ in 0..2 {
            let mut written = Written::default();
            let mut output = Output::Siblings { name: "again".to_owned(), folder: &mut written };
            let losses = format.write(&artifact, &mut output, &WriteOptions::new()).unwrap();
            assert!(losses.is_empty(), "{name}: {:?}", losses.losses());
            runs.push(written.0);
        }
        assert!(runs[0] == runs[1], "{name}: two runs differ");
        // What has not changed stays in the shards that it came in.
        assert_eq!(
            runs[0].keys().cloned().collect::<Vec<_>>(),
            files_of(&folder, &expect, "again"),
            "{name}"
        );
        let folder = MemoryFolder::shared(runs.swap_remove(0));
        let again = format.read(&Input::prefix("again", folder), &Limits::default()).unwrap();
        check_variables(&name, &again, &expect);
        check_parameters(&name, &again, &expect);
        let graph = |artifact: &kerata_core::Artifact| {
            let variable = artifact.variables.get("_CHECKPOINTABLE_OBJECT_GRAPH")?;
            variable.data.as_strings().map(<[_]>::to_vec)
        };
        assert_eq!(graph(&artifact), graph(&again), "{name}: object graph");
        for (path, variable) in artifact.variables.iter() {
            assert_eq!(variable.role, again.variables.get(path).unwrap().role, "{name}: {path}");
        }
    }
}

/// Names of the files of a checkpoint in a folder, in order, under another prefix.
fn files_of(folder: &Path, expect: &Tree, prefix: &str) -> Vec<String> {
    let own = expect.get("prefix").and_then(Tree::as_str).unwrap();
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let endings = names.filter_map(|name| Some(name.strip_prefix(own)?.to_owned()));
    let mut files: Vec<String> =
        endings.filter(|ending| ending.starts_with('.')).map(|ending| format!("{prefix}{ending}")).collect();
    files.sort();
    files
}

#[test]
fn a_checkpoint_without_its_optimizer_has_an_object_graph_that_fits() {
    let format = by_name("checkpoint").unwrap();
    let (_, folder, expect) = cases("checkpoint").into_iter().find(|case| case.0 == "ck_slots").unwrap();
    let mut artifact = format.read(&input(&folder, &expect), &Limits::default()).unwrap();
    assert!(artifact.drop_optimizer() > 0);
    let mut written = Written::default();
    let mut output = Output::Siblings { name: "small".to_owned(), folder: &mut written };
    format.write(&artifact, &mut output, &WriteOptions::new()).unwrap();
    let again =
        format.read(&Input::prefix("small", MemoryFolder::shared(written.0)), &Limits::default()).unwrap();
    assert_eq!(again.optimizer().count(), 0);
    let weights = |artifact: &kerata_core::Artifact| -> Vec<String> {
        artifact.of_role(Role::Weight).map(|(path, _)| path.to_owned()).collect()
    };
    let (mut before, mut after) = (weights(&artifact), weights(&again));
    before.sort();
    after.sort();
    assert_eq!(before, after);
    check_parameters("ck_slots", &again, &expect);
}
