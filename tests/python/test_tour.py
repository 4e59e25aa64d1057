"""Every file that `kerata tour` leaves loads in Keras or TensorFlow and gives the answers that the tour claims."""

import json
import pathlib
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import assert_close, binary


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tour")
    done = subprocess.run([binary(), "tour", "--json"], cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    inputs = np.load(folder / "kerata-tour" / "inputs.npz")["in_0"]
    outputs = np.load(folder / "kerata-tour" / "outputs.npz")["out_0"]
    assert inputs.shape == (359, 8, 8, 1) and outputs.shape == (359, 10)
    return folder, answer, inputs, outputs


def test_it_writes_only_below_its_folder_and_names_each_file(tour):
    folder, answer, _, _ = tour
    assert [path.name for path in folder.iterdir()] == ["kerata-tour"]
    named = [pathlib.PurePath(entry["path"]) for entry in answer["files"]]
    assert all(not path.is_absolute() for path in named)
    for path in folder.rglob("*"):
        if path.is_file():
            path = path.relative_to(folder)
            assert any(path == name or name in path.parents for name in named), path


def test_every_keras_file_loads_in_keras(tour):
    folder, answer, inputs, outputs = tour
    files = sorted(folder.rglob("*.keras"))
    assert len(files) >= 8
    forms = {form["bytes"]: form for form in answer["forms"]}
    for path in files:
        model = keras.models.load_model(path)
        found = model.predict(inputs, verbose=0)
        if path.parent.name == "checkpoints":
            continue
        if path.parent.name != "small" or path.stem == "inference":
            assert_close(outputs, found, path.name)
        else:
            form = forms[path.stat().st_size]
            # The tour's own largest difference, and a little for the other order of sums.
            assert np.abs(found - outputs).max() <= form["largest_difference"] + 2e-2, path.name
    trained = keras.models.load_model(folder / "kerata-tour" / "digits.keras")
    # 12 epochs of 41 steps.
    assert int(trained.optimizer.iterations.numpy()) == 492


def test_the_other_files_give_the_same_answers(tour):
    folder, _, inputs, outputs = tour
    root = folder / "kerata-tour"
    assert_close(outputs, keras.models.load_model(root / "digits.h5").predict(inputs, verbose=0), "digits.h5")
    fresh = keras.models.load_model(root / "checkpoints" / sorted((root / "checkpoints").glob("*.keras"))[0].name)
    fresh.load_weights(root / "digits.weights.h5")
    assert_close(outputs, fresh.predict(inputs, verbose=0), "digits.weights.h5")
    served = tf.saved_model.load(str(root / "digits-saved-model")).signatures["serving_default"]
    assert_close(outputs, list(served(tf.constant(inputs)).values())[0].numpy(), "digits-saved-model")
    attention = tf.saved_model.load(str(root / "attention-saved-model")).signatures["serving_default"]
    found = subprocess.run(
        [binary(), "run", root / "attention", "--inputs", root / "inputs.npz", "--outputs", folder / "a.npz"],
        capture_output=True, text=True, timeout=60,
    )
    assert found.returncode == 0, found.stderr
    expected = np.load(folder / "a.npz")["out_0"]
    (folder / "a.npz").unlink()
    assert_close(expected, list(attention(tf.constant(inputs)).values())[0].numpy(), "attention-saved-model")


def test_it_holds_what_small_files_are_to_hold(tour):
    _, answer, _, _ = tour
    forms = {form["name"]: form for form in answer["forms"]}
    whole = forms["as trained"]
    saved = {name: 1 - form["bytes"] / whole["bytes"] for name, form in forms.items()}
    assert whole["accuracy"] >= 0.97
    assert saved["without optimizer"] >= 0.60
    assert saved["int8"] >= 0.85 and whole["accuracy"] - forms["int8"]["accuracy"] <= 0.005
    assert saved["int4"] >= 0.90
