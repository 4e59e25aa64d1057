//! Hostile files: each breaks one rule and is refused for it.

use kerata_core::ErrorKind::{self, Corrupt, LimitExceeded, Unsupported, Untrusted};
use kerata_core::{Limits, MemorySource};
use kerata_formats::containers::zip::Archive;
use kerata_formats::{Input, by_name};

fn files(kind: &str) -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/hostile/");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(format!("{folder}{kind}"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn expected_zip(name: &str) -> ErrorKind {
    match name {
        "symlink" | "device" => Untrusted,
        "name_not_utf8" => Corrupt,
        _ if name.starts_with("name_") => Untrusted,
        "encrypted" | "method_bzip2" => Unsupported,
        "bomb" => LimitExceeded,
        _ => Corrupt,
    }
}

#[test]
fn hostile_zip_files_are_refused() {
    let files = files("zip");
    assert!(files.len() >= 33, "{}", files.len());
    for (name, bytes) in files {
        let limits = Limits::default();
        let opened = Archive::open(MemorySource::shared(bytes), &limits).and_then(|archive| {
            archive.members().try_for_each(|member| archive.read(member, 64 << 20).map(drop))
        });
        let error = opened.expect_err(&name);
        assert_eq!(error.kind(), expected_zip(&name), "{name}: {error}");
    }
}

#[test]
fn hostile_safetensors_files_are_refused() {
    let files = files("safetensors");
    assert!(files.len() >= 19, "{}", files.len());
    for (name, bytes) in files {
        let expected = match name.as_str() {
            "shape_overflow" | "header_too_long" | "header_deep" => LimitExceeded,
            "unknown_dtype" => Unsupported,
            _ => Corrupt,
        };
        let input = Input::bytes("model.safetensors", bytes);
        let error = by_name("safetensors").unwrap().read(&input, &Limits::default()).expect_err(&name);
        assert_eq!(error.kind(), expected, "{name}: {error}");
    }
}
