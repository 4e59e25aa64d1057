"""Real Keras loads what kerata writes, in every format: same outputs, weights and optimizer state."""

import h5py
import numpy as np
import pytest

from conftest import arrays, assert_close, expect, golden, kerata, keras_custom_objects

keras = pytest.importorskip("keras")


def readable(*eras):
    """Models that Keras itself can save and load again with equal outputs."""
    return [
        parameter
        for parameter in golden(*eras)
        if (parameter.values[0] / "model.keras").exists() and "keras_read" not in expect(parameter.values[0])["cannot"]
    ]


ALL = readable("keras-3.15", "keras-3.12", "keras-3.9", "keras-3.6", "keras-3.3", "keras-3.0")
NEWEST = readable("keras-3.15")


def load(path, folder, **options):
    # The golden files are our own, so their Python lambdas may run.
    return keras.models.load_model(path, custom_objects=keras_custom_objects(folder.name), safe_mode=False, **options)


# Files of older Keras that the newest one refuses, with its words: their layout of int4 is another one.
REFUSED = {"keras-3.12/int4": "objects could not be loaded"}


def label(folder):
    return f"{folder.parent.name}/{folder.name}"


def assert_refused(path, folder, text):
    with pytest.raises(Exception, match=text):
        load(path, folder)


def outputs(model, folder):
    import record

    leaves = arrays(folder, "in")
    structure = getattr(model, "_inputs_struct", None)
    if hasattr(model, "features"):
        inputs = dict(zip(sorted(model.features), leaves))
    elif structure is None:
        inputs = leaves[0] if len(leaves) == 1 else leaves
    else:
        inputs = keras.tree.pack_sequence_as(structure, leaves)
    return record.run(model, inputs)[0]


def variables(model):
    found = [(variable.path, np.asarray(variable.value)) for variable in model.weights] if hasattr(model, "weights") else []
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        found += [(variable.path, np.asarray(variable.value)) for variable in optimizer.variables]
    return found


# Half precision rounds elsewhere from one run of Keras to the next: judged by what Keras gives in the same run.
HALF = ("policy_map",)


def assert_same_model(expected, found, folder):
    left, right = variables(expected), variables(found)
    assert len(left) == len(right), "number of weights and optimizer variables"
    for (path, a), (_, b) in zip(left, right):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), f"variable {path}"
    if arrays(folder, "in"):
        recorded = outputs(expected, folder) if folder.name in HALF else arrays(folder, "out")
        for position, (a, b) in enumerate(zip(recorded, outputs(found, folder))):
            assert_close(a, b, f"output {position}")


@pytest.mark.parametrize("folder", ALL)
def test_keras_file(folder, tmp_path):
    kerata("convert", folder / "model.keras", tmp_path / "again.keras")
    if label(folder) in REFUSED:
        for path in (folder / "model.keras", tmp_path / "again.keras"):
            assert_refused(path, folder, REFUSED[label(folder)])
        return
    assert_same_model(load(folder / "model.keras", folder), load(tmp_path / "again.keras", folder), folder)


def unreadable():
    """Models that the Keras which wrote them could not read back with equal outputs."""
    folders = golden("keras-3.15", "keras-3.12", "keras-3.9", "keras-3.6", "keras-3.3", "keras-3.0")
    return [parameter for parameter in folders if "keras_read" in expect(parameter.values[0])["cannot"]]


# What no file can mend, and why: `code` that is not in the file, `lost` variables that Keras left out, or `rounded` numbers.
NOT_MENDED = {
    "keras-3.0/custom_containers": "code",
    "keras-3.15/awq": "lost",
    "keras-3.15/gptq": "lost",
    "keras-3.15/lambda_activation": "code",
    "keras-3.15/lora_int8": "rounded",
    "keras-3.6/custom_containers": "code",
}


def differs(model, folder):
    pairs = zip(arrays(folder, "out"), outputs(model, folder))
    return any(not np.allclose(found, expected, rtol=1e-4, atol=1e-5) for expected, found in pairs)


@pytest.mark.parametrize("folder", unreadable())
def test_what_keras_cannot_read_back_is_mended(folder, tmp_path):
    """`upgrade` writes a file that Keras loads with the recorded outputs, out of one that it cannot load."""
    made = tmp_path / "mended.keras"
    reason = NOT_MENDED.get(label(folder))
    if reason == "code":
        kerata("upgrade", folder / "model.keras", made, status=12)
        return
    kerata("upgrade", folder / "model.keras", made)
    if reason == "lost":
        # Nothing in the file says them: Keras waits for them by name.
        for path in (folder / "model.keras", made):
            assert_refused(path, folder, "kernel_zero")
    elif reason == "rounded":
        assert differs(load(folder / "model.keras", folder), folder) and differs(load(made, folder), folder)
    else:
        assert not differs(keras.models.load_model(made), folder)


@pytest.mark.parametrize("folder", NEWEST)
def test_weights_files(folder, tmp_path):
    """`.weights.h5`, also in shards: into a model whose weights were stirred before."""
    original = load(folder / "model.keras", folder)
    if not hasattr(original, "load_weights") or not original.built:
        # Real Keras writes no weights of a FeatureSpace or of a model that was not built.
        with pytest.raises((AttributeError, ValueError), match="save_weights|not yet been built"):
            original.save_weights(tmp_path / "own.weights.h5")
        return
    for name, options in (("w.weights.h5", []), ("w.weights.json", ["--max-shard-size", "5KB"])):
        stirred = load(folder / "model.keras", folder)
        for variable in stirred.weights:
            if np.issubdtype(np.asarray(variable.value).dtype, np.floating):
                variable.assign(variable.value * 0 + 0.125)
        kerata("convert", folder / "model.keras", tmp_path / name, *options)
        stirred.load_weights(tmp_path / name)
        assert_same_model(original, stirred, folder)


@pytest.mark.parametrize("folder", NEWEST)
def test_weights_datasets(folder, tmp_path):
    """The datasets of a written `.weights.h5` are those that `save_weights` writes, byte for byte."""
    import record

    kerata("convert", folder / "model.keras", tmp_path / "w.weights.h5")

    assert record.datasets(str(tmp_path / "w.weights.h5")) == expect(folder)["variables"]
    with h5py.File(tmp_path / "w.weights.h5") as file:
        assert "_layer_checkpoint_dependencies" not in file


@pytest.mark.parametrize("folder", [p for p in NEWEST if (p.values[0] / "folder").exists()])
def test_unzipped_folder(folder, tmp_path):
    kerata("convert", folder / "model.keras", tmp_path / "unzipped", "--to", "keras-folder")
    assert_same_model(load(folder / "model.keras", folder), load(tmp_path / "unzipped", folder), folder)
