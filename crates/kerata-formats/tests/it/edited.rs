//! A `.keras` file that is written back keeps every byte that nothing has touched.

use std::path::Path;

use kerata_core::{Artifact, Data, Limits, MemorySource, Tree};
use kerata_formats::containers::zip::Archive;
use kerata_formats::{Compression, Input, Output, WriteOptions, by_name};

fn golden(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/keras-3.15");
    std::fs::read(root.join(name).join("model.keras")).unwrap()
}

fn read(bytes: &[u8]) -> Artifact {
    let input = Input::bytes("model.keras", bytes.to_vec());
    by_name("keras").unwrap().read(&input, &Limits::default()).unwrap()
}

fn write(artifact: &Artifact, options: &WriteOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    by_name("keras").unwrap().write(artifact, &mut Output::File(&mut bytes), options).unwrap();
    bytes
}

/// Name, stored bytes, whether they are stored as they are, date and attributes of each member.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>, String)> {
    let archive = Archive::open(MemorySource::shared(bytes.to_vec()), &Limits::default()).unwrap();
    let member = |name: &str| {
        let member = archive.get(name).unwrap();
        let stored = archive.stored(member).unwrap().bytes().unwrap().into_owned();
        (name.to_owned(), stored, format!("{} {:?}", member.is_stored(), member.stamp()))
    };
    archive.members().map(|found| member(found.name())).collect()
}

/// Names of the members that differ.
fn differing(old: &[u8], new: &[u8]) -> Vec<String> {
    let (old, new) = (members(old), members(new));
    let names =
        |of: &[(String, Vec<u8>, String)]| of.iter().map(|member| member.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&old), names(&new));
    old.into_iter().zip(new).filter(|(a, b)| a != b).map(|(a, _)| a.0).collect()
}

#[test]
fn what_nothing_has_touched_keeps_bytes_order_and_date() {
    for name in ["text_vectorization", "optimizer_adam", "string_lookup", "lstm", "many_layers"] {
        let old = golden(name);
        let new = write(&read(&old), &WriteOptions::default());
        assert_eq!(differing(&old, &new), Vec::<String>::new(), "{name}");
        assert_eq!(write(&read(&old), &WriteOptions::default()), new, "{name}: written twice");
        assert_eq!(write(&read(&new), &WriteOptions::default()), new, "{name}: written back");
    }
}

#[test]
fn a_variable_that_changes_changes_its_own_bytes_alone() {
    let old = golden("optimizer_adam");
    let mut artifact = read(&old);
    let (path, variable) = artifact
        .weights()
        .find(|(path, _)| path.ends_with("vars/0"))
        .map(|(a, b)| (a.to_owned(), b.clone()))
        .unwrap();
    let before = variable.data.bytes().unwrap().into_owned();
    let value: Vec<u8> = before.iter().map(|byte| byte ^ 0x55).collect();
    artifact.variables.get_mut(&path).unwrap().data = Data::owned(value.clone());
    let new = write(&artifact, &WriteOptions::default());
    assert_eq!(differing(&old, &new), ["model.weights.h5"]);
    let weights =
        |bytes: &[u8]| members(bytes).into_iter().find(|member| member.0 == "model.weights.h5").unwrap();
    let (old_weights, new_weights) = (weights(&old), weights(&new));
    assert_eq!(old_weights.2, new_weights.2);
    let (_, at, len) = variable.data.as_range().unwrap();
    let (at, len) = (at as usize, len as usize);
    let mut expected = old_weights.1;
    expected[at..at + len].copy_from_slice(&value);
    assert_eq!(new_weights.1, expected);
    assert_eq!(read(&new).variables.get(&path).unwrap().data.bytes().unwrap(), value);
}

#[test]
fn a_config_that_changes_leaves_the_weights_alone() {
    let old = golden("text_vectorization");
    let mut artifact = read(&old);
    let config = artifact.config.as_mut().and_then(Tree::as_object_mut).unwrap();
    config.insert("note".to_owned(), "mine".into());
    artifact.assets.insert("more.txt".to_owned(), Data::owned(b"more".to_vec()));
    let new = write(&artifact, &WriteOptions::default());
    let (old, mut new) = (members(&old), members(&new));
    assert_eq!(new.pop().unwrap().0, "assets/more.txt");
    let changed: Vec<&str> =
        old.iter().zip(&new).filter(|(a, b)| a != b).map(|(a, _)| a.0.as_str()).collect();
    assert_eq!(changed, ["config.json"]);
}

#[test]
fn members_that_were_deflated_by_hand_stay_so_beside_plain_weights() {
    let mut old = Vec::new();
    {
        let plain = golden("string_lookup");
        let archive = Archive::open(MemorySource::shared(plain.clone()), &Limits::default()).unwrap();
        let mut zip = kerata_formats::containers::zip::ZipWriter::new(&mut old);
        // Another order than Keras's, and a text that is spaced.
        for name in
            ["model.weights.h5", "assets/layers/string_lookup/vocabulary.txt", "config.json", "metadata.json"]
        {
            let mut bytes = archive.read(archive.get(name).unwrap(), 1 << 20).unwrap();
            if name == "config.json" {
                bytes.splice(1..1, b"  ".iter().copied());
            }
            let options =
                kerata_formats::containers::zip::MemberOptions::new().deflate(name != "model.weights.h5");
            let mut member = zip.start(name, &options).unwrap();
            kerata_core::Sink::write(&mut member, &bytes).unwrap();
            member.finish().unwrap();
        }
        zip.finish().unwrap();
    }
    let new = write(&read(&old), &WriteOptions::default());
    assert_eq!(differing(&old, &new), Vec::<String>::new());
}

#[test]
fn packed_files_are_still_unpacked_and_packed_when_asked() {
    let old = golden("optimizer_adam");
    let packed = write(&read(&old), &WriteOptions::default().compression(Compression::Deflate));
    let plain = write(&read(&packed), &WriteOptions::default());
    assert!(members(&plain).iter().all(|member| member.2.starts_with("true")));
    let again = read(&plain);
    for (path, variable) in read(&old).variables.iter() {
        assert_eq!(
            again.variables.get(path).unwrap().data.bytes().unwrap(),
            variable.data.bytes().unwrap(),
            "{path}"
        );
    }
}
