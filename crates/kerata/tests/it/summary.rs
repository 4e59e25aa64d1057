//! The summary table equals what `model.summary(line_length=100)` printed, letter for letter.

use kerata::summary::Report;
use kerata::{OpenOptions, Registry};

use crate::golden::all;

/// Models whose tables differ, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("keras-3.0/custom_containers", CODE),
    ("keras-3.12/reversible_embedding", SHOWN),
    ("keras-3.15/awq", MISSING),
    ("keras-3.15/bidirectional_backward_layer", SHOWN),
    ("keras-3.15/custom_containers", CODE),
    ("keras-3.15/custom_functions", CODE),
    ("keras-3.15/custom_layer", CODE),
    ("keras-3.15/custom_shared_nested", CODE),
    ("keras-3.15/custom_store", CODE),
    ("keras-3.15/custom_unregistered", CODE),
    ("keras-3.15/gptq", MISSING),
    ("keras-3.15/image_equalization", "the layers inside a Pipeline are not listed"),
    ("keras-3.15/image_pipeline", "the layers inside a Pipeline are not listed"),
    ("keras-3.15/int4_blocks", SHOWN),
    ("keras-3.15/int8", SHOWN),
    ("keras-3.15/int8_reversible_embedding", SHOWN),
    ("keras-3.15/lambda_activation", CODE),
    ("keras-3.15/lambda_layer", CODE),
    ("keras-3.15/lambda_named", CODE),
    (
        "keras-3.15/nested_and_outer_shared",
        "a layer shared with an inner model is counted at its first place only",
    ),
    ("keras-3.15/reversible_embedding", SHOWN),
    ("keras-3.15/sequential_unbuilt", "Keras writes `(unbuilt)` beside the zero"),
    ("keras-3.15/subclassed", CODE),
    ("keras-3.15/subclassed_compiled", CODE),
    ("keras-3.6/custom_containers", CODE),
];

const CODE: &str = "only the code of a custom class or function knows the shape of its result";
const SHOWN: &str = "Keras shows another shape than its layer computes";
const MISSING: &str = "the file lacks `kernel_zero`, so its layers cannot be built";

#[test]
fn tables_equal_those_of_keras() {
    let mut wrong = Vec::new();
    let mut equal = 0;
    for golden in all().iter().filter(|golden| golden.id.starts_with("keras-3")) {
        let path = golden.folder.join("model.keras");
        let Ok(artifact) = kerata::open(&path, &OpenOptions::new()) else { continue };
        for (key, expand_nested) in [("summary", false), ("summary_expanded", true)] {
            let Some(expected) = golden.expect.get(key).and_then(|tree| tree.as_str()) else { continue };
            if expected.is_empty() || DIFFERENT.iter().any(|(id, _)| *id == golden.id) {
                continue;
            }
            match Report::of(&artifact, Registry::built_in(), expand_nested) {
                Ok(report) if report.text(Some(100)).trim_end() == expected.trim_end() => equal += 1,
                Ok(report) => wrong.push(format!("{} {key}:\n{}", golden.id, report.text(Some(100)))),
                Err(error) => wrong.push(format!("{} {key}: {error}", golden.id)),
            }
        }
    }
    assert!(equal > 130, "only {equal} tables were compared and equal");
    assert!(wrong.is_empty(), "{equal} are equal, {} are not:\n{}", wrong.len(), wrong.join("\n"));
}
