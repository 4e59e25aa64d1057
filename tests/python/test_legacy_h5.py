"""Files of Keras 3 written as legacy HDF5: real Keras loads them compiled and computes the recorded numbers.

Nothing is left out: what Keras cannot load is listed with its own words, and each entry is held to be true of the file that
Keras itself writes and of the one that kerata writes. An entry that is no longer true fails.
"""

import inspect
import json

import pytest

import legacy_check as check

pytestmark = pytest.mark.skipif(check.binary() is None, reason="the kerata binary is not built")

CASES = sorted(path.parent for path in (check.GOLDEN / "keras-3.15").glob("*/model.keras"))

# Models whose legacy file Keras cannot load: where its own attempt fails (`open` its own `.keras`, `write` the legacy file,
# `read` that) with which words, and with which words Keras refuses kerata's file.
NOT_BUILT = "objects could not be loaded"
NO_LAYERS = "Model expected 0 layers"
REFUSED = {
    "awq": ("open", NOT_BUILT, "Weight count mismatch"),
    "feature_space": ("write", "expected a `.keras` extension", "Unknown layer: 'FeatureSpace'"),
    "feature_space_dict": ("write", "expected a `.keras` extension", "Unknown layer: 'FeatureSpace'"),
    "gptq": ("open", NOT_BUILT, "Weight count mismatch"),
    "lambda_activation": ("open", "could not be deserialized", "could not be deserialized"),
    "optimizer_lamb": ("read", "identifier: lamb", "identifier: lamb"),
    "subclassed": ("read", NO_LAYERS, NO_LAYERS),
    "subclassed_compiled": ("read", NO_LAYERS, NO_LAYERS),
}

# Here Keras loads its own file and not kerata's: only the code of the class knows the order of its layers.
ORDER = {"custom_containers": "Shape mismatch in layer"}

# Keras computes other numbers than the model that it saved; from kerata's file it computes the same ones.
OTHER_NUMBERS = {
    "custom_store": "the state that the layer saves by its own rules is not in a legacy file",
    "lora_int8": "merging the factors rounds the kernel once more",
}

# Keras does not load its own file (where, which words), but kerata's.
ONLY_FROM_KERATA = {
    "activation_op": ("open", "Could not locate function 'sin'"),
    "bfloat16": ("read", "No cast function"),
    "bfloat16_compiled": ("read", "No cast function"),
    "int8_attention": ("open", NOT_BUILT),
    "nested_and_outer_shared": ("open", NOT_BUILT),
    "ops_python": ("read", "Unknown layer"),
    "policy_map": ("read", "No cast function"),
    "random_shear": ("open", "range [0, 1.0]"),
    "string_lookup_modes": ("read", "Table not initialized"),
    "text_vectorization_modes": ("read", "Table not initialized"),
}

# What the loss report says of files that hold less, or less surely, than the model.
LOST = {
    "custom_containers": "the order of the 20 variables",
    "custom_layer": "the order of the 5 variables",
    "custom_store": "words.txt",
    "feature_space": "no model",
    "feature_space_dict": "no model",
    "lora_int8": "lora_rank",
    "optimizer_lamb": "`Lamb`",
    "subclassed": "the layers of the model",
    "subclassed_compiled": "the layers of the model",
}


def custom_objects(name):
    """What the script of the fixtures offers: the reader of legacy files looks classes up by their bare names."""
    from conftest import keras_custom_objects

    registered = keras_custom_objects(name)
    import models.keras3.blocks as blocks
    import models.keras3.custom as custom

    found = {**vars(blocks), **vars(custom)}
    own = {key: value for key, value in found.items() if inspect.isclass(value) or key in ("shifted_mse", "squash")}
    return {**own, **registered}


def load(path, name, **options):
    import keras

    keras.backend.clear_session()
    # The golden files are our own, so their Python lambdas may run.
    return keras.saving.load_model(path, custom_objects=custom_objects(name), safe_mode=False, **options)


def outputs(model, folder):
    from test_keras_loads import outputs

    return outputs(model, folder)


def words(error):
    return " ".join(f"{type(error).__name__}: {error}".split())


def own_attempt(folder, tmp_path):
    """Outputs of the model that Keras saves as legacy file and loads again, or where it fails, with its words."""
    import keras

    step = "open"
    try:
        model = load(folder / "model.keras", folder.name)
        step = "write"
        model.save(tmp_path / "own.h5")
        step = "read"
        keras.config.enable_unsafe_deserialization()
        return outputs(load(tmp_path / "own.h5", folder.name), folder), None
    except Exception as error:
        return None, (step, words(error))


def written(folder, tmp_path):
    made = tmp_path / "new.h5"
    answer = check.run("convert", folder / "model.keras", made, "--json")
    assert answer.returncode == 0, answer.stderr
    lost = json.loads(answer.stdout)["lost"]
    said = LOST.get(folder.name)
    assert said is None or any(said in one for one in lost), lost
    return made


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_keras_loads_the_legacy_file(folder, tmp_path):
    made = written(folder, tmp_path)
    name = folder.name
    if name in REFUSED or name in ORDER:
        with pytest.raises(Exception) as refusal:
            outputs(load(made, name), folder)
        assert (ORDER.get(name) or REFUSED[name][2]) in words(refusal.value)
        return
    found = outputs(load(made, name), folder)
    _, expected = check.inputs_and_outputs(folder)
    if name in OTHER_NUMBERS:
        assert check.differences(found, expected)
        expected, failure = own_attempt(folder, tmp_path)
        assert failure is None
    assert not check.differences(found, expected)


@pytest.mark.parametrize("folder", [f for f in CASES if f.name in REFUSED or f.name in ONLY_FROM_KERATA], ids=lambda folder: folder.name)
def test_keras_itself_fails(folder, tmp_path):
    """Real Keras cannot load as legacy file what kerata says that it cannot."""
    _, failure = own_attempt(folder, tmp_path)
    expected = REFUSED.get(folder.name) or ONLY_FROM_KERATA[folder.name]
    assert failure is not None and failure[0] == expected[0] and expected[1] in failure[1], failure


@pytest.mark.parametrize("name", sorted(ORDER))
def test_only_the_code_knows_the_order(name, tmp_path):
    """Keras's own legacy file loads, and holds the arrays of kerata's in another order."""
    import h5py
    import numpy as np

    folder = check.GOLDEN / "keras-3.15" / name
    found, failure = own_attempt(folder, tmp_path)
    assert failure is None and not check.differences(found, check.inputs_and_outputs(folder)[1])

    def arrays(path):
        with h5py.File(path) as file:
            layers = [file["model_weights"][layer] for layer in file["model_weights"].attrs["layer_names"]]
            return [np.asarray(layer[name]).tobytes() for layer in layers for name in layer.attrs["weight_names"]]

    own, made = arrays(tmp_path / "own.h5"), arrays(written(folder, tmp_path))
    assert sorted(own) == sorted(made) and own != made


def test_lamb_loads_uncompiled(tmp_path):
    folder = check.GOLDEN / "keras-3.15" / "optimizer_lamb"
    model = load(written(folder, tmp_path), folder.name, compile=False)
    assert not check.differences(outputs(model, folder), check.inputs_and_outputs(folder)[1])
