//! `load` gives the tensors that `open` gives, and needs the file no longer.

use std::path::PathBuf;

use kerata::OpenOptions;

use crate::golden;

/// Every file of every golden model.
fn models() -> Vec<PathBuf> {
    let folders = golden::all().into_iter().map(|golden| golden.folder);
    folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn tensors_in_memory_are_those_of_the_file() {
    let mut seen = 0;
    for path in models() {
        let Ok(lazy) = kerata::open(&path, &OpenOptions::new()) else { continue };
        let held = kerata::load(&path, &OpenOptions::new()).unwrap();
        for ((path, held), (_, lazy)) in held.variables.iter().zip(lazy.variables.iter()) {
            if lazy.data.as_strings().is_some() {
                continue;
            }
            assert!(held.data.as_slice().is_some(), "{path} lies in memory");
            assert_eq!(held.data.bytes().unwrap(), lazy.data.bytes().unwrap(), "{path}");
            seen += 1;
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn the_file_may_go_once_it_is_loaded() {
    let golden =
        models().into_iter().find(|path| path.extension().is_some_and(|end| end == "keras")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("model.keras");
    std::fs::copy(&golden, &copy).unwrap();
    let held = kerata::load(&copy, &OpenOptions::new()).unwrap();
    std::fs::OpenOptions::new().write(true).open(&copy).unwrap().set_len(0).unwrap();
    let lazy = kerata::open(&golden, &OpenOptions::new()).unwrap();
    for ((path, held), (_, lazy)) in held.variables.iter().zip(lazy.variables.iter()) {
        assert_eq!(held.data.bytes().unwrap(), lazy.data.bytes().unwrap(), "{path}");
    }
}
