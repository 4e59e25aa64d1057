//! Walks the golden folders.

use std::path::{Path, PathBuf};

use kerata::core::{Limits, Tree};

/// A golden model: its folder, `ERA/NAME`, and `expect.json`.
pub struct Golden {
    pub folder: PathBuf,
    pub id: String,
    pub expect: Tree,
}

/// All golden models.
pub fn all() -> Vec<Golden> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden"));
    let mut found = Vec::new();
    for era in folders(root) {
        for folder in folders(&era) {
            let Ok(text) = std::fs::read(folder.join("expect.json")) else { continue };
            let expect = Tree::parse(&text, &Limits::default()).expect("expect.json is JSON");
            let id = folder.strip_prefix(root).expect("below the root").display().to_string();
            found.push(Golden { folder, id, expect });
        }
    }
    assert!(found.len() > 300, "only {} golden models are there", found.len());
    found
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(of)
        .expect("the fixtures are there")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}
