"""Files of Keras 3 written as legacy HDF5: real Keras loads them compiled and computes the recorded numbers."""

import pytest

import legacy_check as check

pytestmark = pytest.mark.skipif(check.binary() is None, reason="the kerata binary is not built")

# What Keras's own reader of legacy files cannot do.
IMPOSSIBLE = {
    "bfloat16": "no cast function", "bfloat16_compiled": "no cast function", "policy_map": "no cast function",
    "feature_space": "no model", "feature_space_dict": "no model", "float8": "other order of scales",
    "ops_python": "ellipsis in a config", "optimizer_lamb": "optimizer unknown to the legacy reader",
    "sequential_unbuilt": "no weights",
    "string_lookup_modes": "vocabularies with idf weights", "text_vectorization_modes": "vocabularies with idf weights",
    "awq": "variables of the mode are made after loading", "gptq": "variables of the mode are made after loading",
    "lora_int8": "merging quantizes once more",
}
CUSTOM = ("custom_", "lambda_", "subclassed", "functional_subclass", "activation_objects")
CASES = [f for f in check.cases("keras-3.15", file="model.keras") if f.name not in IMPOSSIBLE and not f.name.startswith(CUSTOM)]


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_keras_loads_the_legacy_file(folder, tmp_path):
    import keras

    keras.backend.clear_session()
    try:
        keras.saving.load_model(folder / "model.keras")
    except Exception as error:
        pytest.skip(f"Keras does not load its own file: {str(error)[:80]}")
    keras.backend.clear_session()
    made = tmp_path / "new.h5"
    answer = check.run("convert", folder / "model.keras", made)
    assert answer.returncode == 0, answer.stderr
    model = keras.saving.load_model(made)
    inputs, outputs = check.inputs_and_outputs(folder)
    assert not check.differences(check.call(model, inputs), outputs)
