//! The summary table equals what `model.summary(line_length=100)` printed, letter for letter.

use kerata::summary::Report;
use kerata::{OpenOptions, Registry};

use crate::golden::all;

/// Models whose column of shapes differs, and why. Everything else in their tables is equal.
const OTHER_SHAPES: &[(&str, &str)] = &[
    ("keras-3.12/reversible_embedding", SHOWN),
    ("keras-3.15/bidirectional_backward_layer", SHOWN),
    ("keras-3.15/custom_containers", CODE),
    ("keras-3.15/custom_functions", CODE),
    ("keras-3.15/custom_layer", CODE),
    ("keras-3.15/custom_store", CODE),
    ("keras-3.15/custom_unregistered", CODE),
    ("keras-3.15/int4_blocks", SHOWN),
    ("keras-3.15/int8", SHOWN),
    ("keras-3.15/int8_reversible_embedding", SHOWN),
    ("keras-3.15/lambda_activation", CODE),
    ("keras-3.15/lambda_layer", CODE),
    ("keras-3.15/lambda_named", CODE),
    ("keras-3.15/reversible_embedding", SHOWN),
];

/// Models whose tables differ in other ways, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("keras-3.0/custom_containers", CODE),
    ("keras-3.15/awq", MISSING),
    ("keras-3.15/custom_shared_nested", CODE),
    ("keras-3.15/gptq", MISSING),
    ("keras-3.15/subclassed", CODE),
    ("keras-3.15/subclassed_compiled", CODE),
    ("keras-3.6/custom_containers", CODE),
];

const CODE: &str = "only the code of a custom class or function knows the shape of its result";
const SHOWN: &str = "Keras shows another shape than its layer computes";
const MISSING: &str = "the file lacks `kernel_zero`, so its layers cannot be built";

/// A table without its column of shapes.
fn without_shapes(table: &str) -> String {
    let row = |line: &str| match line.split('│').collect::<Vec<_>>().as_slice() {
        [start, name, _, rest @ ..] if !rest.is_empty() => format!("{start}│{name}│{}", rest.join("│")),
        _ => line.to_owned(),
    };
    table.trim_end().lines().map(|line| row(line) + "\n").collect()
}

#[test]
fn tables_equal_those_of_keras() {
    let mut wrong = Vec::new();
    let mut equal = 0;
    for golden in all().iter().filter(|golden| golden.id.starts_with("keras-3")) {
        let path = golden.folder.join("model.keras");
        let Ok(artifact) = kerata::open(&path, &OpenOptions::new()) else { continue };
        let is_in = |list: &[(&str, &str)]| list.iter().any(|(id, _)| *id == golden.id);
        let mut is_equal = true;
        for (key, expand_nested) in [("summary", false), ("summary_expanded", true)] {
            let Some(expected) = golden.expect.get(key).and_then(|tree| tree.as_str()) else { continue };
            if expected.is_empty() {
                continue;
            }
            let found = Report::of(&artifact, Registry::built_in(), expand_nested);
            let found = found.map_or_else(|error| error.to_string(), |report| report.text(Some(100)));
            if found.trim_end() == expected.trim_end() {
                equal += 1;
                continue;
            }
            is_equal = false;
            let is_fine = match is_in(OTHER_SHAPES) {
                true => without_shapes(&found) == without_shapes(expected),
                false => is_in(DIFFERENT),
            };
            if !is_fine {
                wrong.push(format!("{} {key}:\n{found}expected\n{expected}", golden.id));
            }
        }
        if is_equal && (is_in(OTHER_SHAPES) || is_in(DIFFERENT)) {
            wrong.push(format!("{} is equal: take it off the list", golden.id));
        }
    }
    assert!(equal > 135, "only {equal} tables were compared and equal");
    assert!(wrong.is_empty(), "{equal} are equal, {} are not:\n{}", wrong.len(), wrong.join("\n"));
}
