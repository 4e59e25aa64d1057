//! Parameter counts equal Keras's `count_params()`.

use kerata::OpenOptions;
use kerata::inspect::inspect;

use crate::golden::all;

/// Models whose files do not hold all that Keras counted, and why.
const NOT_IN_THE_FILE: &[(&str, &str)] = &[
    ("keras-1.0/convolution2d_th", "Keras 1.0 does not count moving statistics"),
    ("keras-3.0/custom_containers", "Keras 3.0 does not save layers in nested lists"),
    ("keras-3.6/custom_containers", "Keras 3.6 does not save layers in nested lists"),
    ("keras-3.15/awq", "Keras leaves `kernel_zero` and the float kernel out"),
    ("keras-3.15/gptq", "Keras leaves `kernel_zero` and the float kernel out"),
];

#[test]
fn every_file_of_every_era_has_the_parameters_that_keras_counts() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for golden in all() {
        let Some(expected) = golden.expect.get("params").and_then(|tree| tree.as_u64()) else { continue };
        let is_known = NOT_IN_THE_FILE.iter().any(|(id, _)| *id == golden.id);
        let mut differs = false;
        for name in ["model.keras", "model.h5", "model.weights.h5", "sharded.weights.json", "folder"] {
            let path = golden.folder.join(name);
            if !path.exists() {
                continue;
            }
            let found = inspect(&path, &OpenOptions::new()).map(|report| report.parameters);
            seen += 1;
            // A file of weights alone does not say that its kernels have LoRA factors.
            let is_weights = name.contains("weights");
            match found {
                Ok(count) if count == expected || (is_weights && golden.id.contains("lora")) => {}
                Ok(_) if is_known => differs = true,
                Ok(count) => wrong.push(format!("{}/{name}: {count}, Keras counts {expected}", golden.id)),
                Err(error) => wrong.push(format!("{}/{name}: {error}", golden.id)),
            }
        }
        if is_known && !differs {
            wrong.push(format!("{} has them all: take it off the list", golden.id));
        }
    }
    assert!(seen > 400, "only {seen} files were looked at");
    assert!(wrong.is_empty(), "{} of {seen} differ:\n{}", wrong.len(), wrong.join("\n"));
}
