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


def load_original(folder):
    try:
        return load(folder / "model.keras", folder)
    except Exception as error:
        # Files of older Keras that the newest one refuses: `test_upgrade.py` is about those.
        pytest.skip(f"Keras itself cannot load the original: {type(error).__name__}")


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


def assert_same_model(expected, found, folder):
    left, right = variables(expected), variables(found)
    assert len(left) == len(right), "number of weights and optimizer variables"
    for (path, a), (_, b) in zip(left, right):
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), f"variable {path}"
    if arrays(folder, "in"):
        for position, (a, b) in enumerate(zip(arrays(folder, "out"), outputs(found, folder))):
            assert_close(a, b, f"output {position}")


@pytest.mark.parametrize("folder", ALL)
def test_keras_file(folder, tmp_path):
    kerata("convert", folder / "model.keras", tmp_path / "again.keras")
    assert_same_model(load_original(folder), load(tmp_path / "again.keras", folder), folder)


@pytest.mark.parametrize("folder", NEWEST)
def test_weights_files(folder, tmp_path):
    """`.weights.h5`, also in shards: into a model whose weights were stirred before."""
    original = load_original(folder)
    if not hasattr(original, "load_weights") or not original.built:
        pytest.skip("not a built model: Keras has no weights to load")
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
