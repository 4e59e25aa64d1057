"""What kerata's callbacks write, read by Keras and TensorFlow: weights with what Keras has no place for, backups, event files."""

import csv
import json
import math
import os
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import ROOT


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("callbacks")
    command = ["cargo", "run", "-q", "-p", "kerata", "--example", "callbacks", "--", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1200)
    return folder


def log(folder):
    with open(folder / "log.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def variables(model):
    return [np.asarray(variable) for variable in model.weights + model.optimizer.variables]


@pytest.mark.parametrize("name", ["steps", "backup"])
def test_keras_loads_weights_that_carry_more(trained, name):
    found = [file for file in os.listdir(trained / name) if file.endswith(".weights.h5")]
    step = max(found, key=lambda file: os.path.getmtime(trained / name / file))
    model = keras.models.load_model(trained / "start.keras")
    model.optimizer.build(model.trainable_variables)
    before = variables(model)
    model.load_weights(trained / name / step)
    iterations = int(model.optimizer.iterations)
    assert iterations > 0 and any(not np.array_equal(a, b) for a, b in zip(before, variables(model)))
    if name == "backup":
        # The backup is of the last epoch: what the training ended with.
        out = keras.models.load_model(trained / "out.keras")
        for a, b in zip(variables(model), variables(out)):
            np.testing.assert_array_equal(a, b)
        assert json.loads((trained / name / "training_metadata.json").read_text()) == {"epoch": 4, "batch": 0}
    else:
        assert step == f"ckpt-{iterations}.weights.h5"


def test_keras_loads_the_best_models(trained):
    rows = log(trained)
    best, expected = math.inf, []
    for row in rows:
        if row["val_loss"] < best:
            best = row["val_loss"]
            expected.append(f"best-{int(row['epoch']) + 1:02d}-{best:.2f}.keras")
    assert sorted(file for file in os.listdir(trained) if file.startswith("best-")) == expected
    for file in expected:
        model = keras.models.load_model(trained / file)
        assert len(model.optimizer.variables) == 2 + 2 * 4


def scalars(folder):
    """Values by tag and step, as TensorFlow's reader gives them; it checks the checksums."""
    found = {}
    for name in sorted(os.listdir(folder)):
        for record in tf.data.TFRecordDataset(str(folder / name)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    return found


def test_tensorflow_reads_the_event_files(trained):
    rows = log(trained)
    train, validation = scalars(trained / "logs" / "train"), scalars(trained / "logs" / "validation")
    batches = len([name for name in train["batch_loss"]])
    assert batches >= 10 and all(step % 10 == 0 for step in train["batch_loss"])
    for epoch, row in enumerate(rows):
        for name in ("loss", "accuracy", "learning_rate"):
            assert train[f"epoch_{name}"][epoch] == np.float32(row[name])
        for name in ("loss", "accuracy"):
            assert validation[f"epoch_{name}"][epoch] == np.float32(row[f"val_{name}"])
    assert len(validation["evaluation_loss_vs_iterations"]) == len(rows)
    assert set(train) >= {"epoch_loss", "epoch_accuracy", "epoch_learning_rate", "batch_loss", "batch_accuracy"}
