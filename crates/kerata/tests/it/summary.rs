//! The summary table equals what `model.summary(line_length=100)` printed, letter for letter.

use kerata::summary::Report;
use kerata::{OpenOptions, Registry};

use crate::golden::all;

/// Models whose table says what only the code of a custom class knows: the shapes of its results.
const ONLY_THE_CODE_KNOWS: &[&str] = &[];

#[test]
fn tables_equal_those_of_keras() {
    let mut wrong = Vec::new();
    let mut equal = 0;
    for golden in all().iter().filter(|golden| golden.id.starts_with("keras-3")) {
        let path = golden.folder.join("model.keras");
        let Ok(artifact) = kerata::open(&path, &OpenOptions::new()) else { continue };
        for (key, expand_nested) in [("summary", false), ("summary_expanded", true)] {
            let Some(expected) = golden.expect.get(key).and_then(|tree| tree.as_str()) else { continue };
            if expected.is_empty() || ONLY_THE_CODE_KNOWS.contains(&golden.id.as_str()) {
                continue;
            }
            match Report::of(&artifact, Registry::built_in(), expand_nested) {
                Ok(report) if report.text(Some(100)).trim_end() == expected.trim_end() => equal += 1,
                Ok(report) => wrong.push(format!("{} {key}:\n{}", golden.id, report.text(Some(100)))),
                Err(error) => wrong.push(format!("{} {key}: {error}", golden.id)),
            }
        }
    }
    assert!(wrong.is_empty(), "{equal} are equal, {} are not:\n{}", wrong.len(), wrong.join("\n"));
}
