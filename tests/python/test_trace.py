"""Traces of Python layers: kerata runs the file without their code, on every backend that made it; Keras loads it as ever."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from conftest import ROOT, kerata

sys.path.insert(0, str(ROOT / "python" / "kerata_trace"))
import traced_flows
import traced_models

NAMES = list(traced_models.MODELS)
# What the rounding of bfloat16 adds.
LOOSE = {"mixed_precision": dict(rtol=2e-2, atol=2e-2)}


def python_of(backend):
    """The Python that has this backend: KERATA_JAX_PYTHON names another one for JAX."""
    if backend == "jax" and os.environ.get("KERATA_JAX_PYTHON"):
        return os.environ["KERATA_JAX_PYTHON"]
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    return sys.executable


@pytest.fixture(scope="module", params=["tensorflow", "jax"])
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    paths = [str(ROOT / "python" / "kerata_trace"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "KERAS_BACKEND": request.param, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [python_of(request.param), str(ROOT / "tests" / "python" / "traced_models.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def run(model, folder, inputs, *options):
    answer = kerata("run", model, "--inputs", inputs, "--outputs", folder / "out.npz", *options)
    outputs = np.load(folder / "out.npz")
    return answer, [outputs[f"out_{position}"] for position in range(len(answer["outputs"]))]


@pytest.mark.parametrize("name", NAMES)
def test_kerata_gives_the_numbers_of_keras(name, saved, tmp_path):
    answer, found = run(saved / f"{name}.keras", tmp_path, saved / f"{name}.in.npz")
    expected = np.load(saved / f"{name}.out.npz")
    assert len(found) == len(expected.files)
    if name == "drawing" and saved.name.startswith("jax"):
        # JAX draws other numbers from a seed.
        found = [np.sort(value) if position == 4 else value for position, value in enumerate(found)]
        np.testing.assert_array_equal(found[4], np.arange(5))
        assert all(value.shape == expected[f"arr_{position}"].shape for position, value in enumerate(found))
        assert np.all(np.abs(found[1]) <= 2) and np.all((found[3] >= 3) & (found[3] < 9))
        return
    for position, value in enumerate(found):
        np.testing.assert_allclose(value, expected[f"arr_{position}"], **LOOSE.get(name, dict(rtol=1e-4, atol=1e-5)))
    if name == "subclassed":
        assert [output["name"] for output in answer["outputs"]] == ["mixed", "scores"]


def test_one_sample_and_many(saved, tmp_path):
    """The sizes of the batch in the record are found out when it is run."""
    stored = np.load(saved / "vision.in.npz")["in_0"]
    for batch in (1, 7):
        np.savez(tmp_path / "in.npz", in_0=np.repeat(stored[:1], batch, axis=0))
        _, (found,) = run(saved / "vision.keras", tmp_path, tmp_path / "in.npz")
        expected = np.load(saved / "vision.out.npz")["arr_0"][:1]
        np.testing.assert_allclose(found, np.repeat(expected, batch, axis=0), rtol=1e-4, atol=1e-5)


def test_training_is_a_signature_of_its_own(saved, tmp_path):
    assert json.loads((saved / "functional.json").read_text())["signatures"] == ["serving_default", "training"]
    _, inference = run(saved / "functional.keras", tmp_path, saved / "functional.in.npz")
    _, training = run(saved / "functional.keras", tmp_path, saved / "functional.in.npz", "--signature", "training")
    assert not np.allclose(inference[0], training[0]), "dropout and the statistics of the batch"
    np.testing.assert_allclose(inference[1], training[1], rtol=1e-6)
    # Half of the results are dropped, the others doubled for it and doubled again by the layer.
    assert np.any(training[0] == 0)


def test_weights_are_stored_once(saved):
    with zipfile.ZipFile(saved / "functional.keras") as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
    assert sizes["kerata/trace.json"] < 40_000
    assert sizes.get("kerata/constants.npz", 0) < 2_000


def test_what_cannot_be_recorded_is_named(saved):
    message = (saved / "untraceable.txt").read_text()
    assert "'sorter' (Sorted)" in message
    assert not (saved / "untraceable.keras").exists()


@pytest.mark.parametrize("kind", list(traced_flows.REFUSED), ids=lambda kind: kind.__name__)
def test_draws_and_changes_that_cannot_be_recorded_are_named(kind, saved):
    message = json.loads((saved / "refused.json").read_text())[kind.__name__]
    assert traced_flows.REFUSED[kind] in message and kind.__name__ in message
    assert not (saved / "refused.keras").exists()


def test_both_branches_and_any_number_of_steps_are_in_the_record(saved, tmp_path):
    """The record was made on one kind of input; others take other branches, steps and batches."""
    import keras

    for name, shape in {"branching": (5, 4), "looping": (2, 4), "own_recurrence": (4, 5, 3), "mapping": (6, 4, 3)}.items():
        model = keras.saving.load_model(saved / f"{name}.keras")
        for sign in (1, -1):
            x = sign * np.abs(np.random.default_rng(8).normal(size=shape)).astype("float32")
            np.savez(tmp_path / "in.npz", in_0=x)
            _, found = run(saved / f"{name}.keras", tmp_path, tmp_path / "in.npz")
            expected = [keras.ops.convert_to_numpy(value) for value in keras.tree.flatten(model(x))]
            for value, wanted in zip(found, expected, strict=True):
                np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["drawing", "several_inputs"])
def test_the_training_flag_reaches_layers_inside(name, saved, tmp_path):
    assert json.loads((saved / f"{name}.json").read_text())["signatures"] == ["serving_default", "training"]
    _, inference = run(saved / f"{name}.keras", tmp_path, saved / f"{name}.in.npz")
    _, training = run(saved / f"{name}.keras", tmp_path, saved / f"{name}.in.npz", "--signature", "training")
    assert not np.allclose(inference[0], training[0])
    if name == "several_inputs":
        # Half are dropped, the others doubled for it and doubled by the layer, twice.
        kept = training[0] != 0
        assert kept.any() and not kept.all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("sequential", "drawing")])
def test_keras_loads_the_file_given_the_code(name, saved):
    import keras

    if name == "own_cell" and not saved.name.startswith(keras.backend.backend()):
        pytest.skip("what a masked step of a cell gives is another thing on each backend of Keras")

    model = keras.saving.load_model(saved / f"{name}.keras", safe_mode=True)
    stored = np.load(saved / f"{name}.in.npz")
    inputs = [stored[key] for key in stored.files]
    inputs = {key: stored[key] for key in stored.files} if name == "subclassed" else inputs
    outputs = model(inputs if isinstance(inputs, dict) or len(inputs) > 1 else inputs[0], training=False)
    expected = np.load(saved / f"{name}.out.npz")
    for position, value in enumerate(keras.tree.flatten(outputs)):
        value = keras.ops.convert_to_numpy(keras.ops.cast(value, "float32"))
        tolerance = LOOSE.get(name, dict(rtol=1e-4, atol=1e-5))
        np.testing.assert_allclose(value, expected[f"arr_{position}"], **tolerance)


def test_new_weights_are_used_and_another_config_is_noticed(saved, tmp_path):
    import keras
    import kerata_trace

    path = tmp_path / "model.keras"
    path.write_bytes((saved / "shared.keras").read_bytes())
    model = keras.saving.load_model(path)
    model.layers[1].w.assign_add(np.ones(model.layers[1].w.shape, "float32"))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    model.save_weights(tmp_path / "new.weights.h5")
    members["model.weights.h5"] = (tmp_path / "new.weights.h5").read_bytes()

    def write():
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)

    write()
    _, (found,) = run(path, tmp_path, saved / "shared.in.npz")
    np.testing.assert_allclose(found, np.asarray(model(np.load(saved / "shared.in.npz")["in_0"])), rtol=1e-4, atol=1e-5)

    members["config.json"] = members["config.json"].replace(b'"units": 6', b'"units": 7')
    write()
    answer = kerata("run", path, "--inputs", saved / "shared.in.npz", "--outputs", tmp_path / "x.npz", status=12)
    assert "before the config was changed" in str(answer["error"]) and "Gate" in str(answer["error"])
    with pytest.raises(ValueError, match="was not saved from this model"):
        kerata_trace.add_trace(model, saved / "vision.keras")


def test_adding_again_replaces_and_a_failure_leaves_the_file(saved, tmp_path, monkeypatch):
    import keras
    import kerata_trace
    from kerata_trace import trace

    path = tmp_path / "model.keras"
    path.write_bytes((saved / "functional.keras").read_bytes())
    model = keras.saving.load_model(path)
    kerata_trace.add_trace(model, path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist().count("kerata/trace.json") == 1
        assert archive.testzip() is None
    before = path.read_bytes()
    monkeypatch.setattr(trace, "_publish", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError):
        kerata_trace.add_trace(model, path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.keras"]


@pytest.mark.parametrize("name", ["subclassed", *[name for name in traced_flows.MODELS if name != "drawing"]])
def test_the_trace_becomes_a_saved_model(name, saved, tmp_path):
    import tensorflow as tf

    answer = kerata("export", saved / f"{name}.keras", tmp_path / "exported", "--to", "saved_model")
    assert answer["unchecked"] is None or "a list in a loop" in answer["unchecked"]
    function = tf.saved_model.load(str(tmp_path / "exported")).signatures["serving_default"]
    stored = np.load(saved / f"{name}.in.npz")
    noted = tmp_path / "exported" / "assets.extra" / "kerata_inputs.json"
    names = json.loads(noted.read_text()) if noted.exists() else sorted(function.structured_input_signature[1])
    arguments = dict(zip(names, [stored[key] for key in stored.files])) if name != "subclassed" else stored
    found = function(**{key: tf.constant(value) for key, value in arguments.items()})
    expected = np.load(saved / f"{name}.out.npz")
    for position, key in enumerate(sorted(found)):
        np.testing.assert_allclose(found[key], expected[f"arr_{position}"], rtol=1e-4, atol=1e-5)
