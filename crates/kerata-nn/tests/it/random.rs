//! A sample of the models that `scripts/random-models` grows gives Keras's numbers.

use crate::golden::{cases, run};

#[test]
fn random_models_give_the_numbers_of_keras() {
    let cases = cases("../random_models/golden");
    assert!(cases.len() >= 12, "only {} models are there", cases.len());
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|(name, path)| run(path, "model.keras").err().map(|error| format!("{name}: {error}")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
