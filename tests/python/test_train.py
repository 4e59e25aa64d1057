"""`kerata train` against real Keras `fit` from the same file, and continuing after the process is killed.

Tolerances: losses within 1e-4 of Keras's, weights and optimizer slots within 1e-4 (absolute below 1, relative above):
float32 with sums of another order, over a few steps.
"""

import os
import signal
import subprocess
import time
import zipfile

import h5py
import keras
import numpy as np
import pytest

from conftest import binary, kerata


def dense():
    return keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(3, "softmax")])


def convolution():
    return keras.Sequential([
        keras.layers.Input((8, 8, 2)),
        keras.layers.Conv2D(4, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(momentum=0.8),
        keras.layers.ReLU(),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(3, 3, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, "softmax"),
    ])


def recurrent():
    return keras.Sequential([
        keras.layers.Input((5,), dtype="int32"),
        keras.layers.Embedding(11, 4, mask_zero=True),
        keras.layers.LSTM(6),
        keras.layers.Dense(3, "softmax"),
    ])


def inputs(make, random, count):
    if make is recurrent:
        return random.integers(0, 11, (count, 5)).astype("int32")
    shape = (6,) if make is dense else (8, 8, 2)
    return random.normal(size=(count, *shape)).astype("float32")


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "adam": lambda: keras.optimizers.Adam(0.01),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01),
}


def make_case(folder, make, optimizer, count=23, **compile_arguments):
    keras.utils.set_random_seed(7)
    model = make()
    arguments = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **compile_arguments}
    model.compile(optimizer=optimizer(), **arguments)
    random = np.random.default_rng(3)
    x, y = inputs(make, random, count), random.integers(0, 3, count)
    path = folder / "model.keras"
    model.save(path)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    return path, x, y


def train(folder, *arguments):
    command = ["train", folder / "model.keras", "--x", folder / "x.npy", "--y", folder / "y.npy"]
    return kerata(*command, "--save", folder / "out.keras", *arguments)["history"]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def compare_history(found, expected):
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, err_msg=name)


def compare_models(found, expected):
    assert len(found.weights) == len(expected.weights)
    for a, b in zip(found.weights, expected.weights):
        close(a.numpy(), b.numpy())
    assert len(found.optimizer.variables) == len(expected.optimizer.variables)
    for a, b in zip(found.optimizer.variables, expected.optimizer.variables):
        close(a.numpy(), b.numpy())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("make", [dense, convolution, recurrent])
def test_two_epochs_are_those_of_keras(tmp_path, make, optimizer):
    path, x, y = make_case(tmp_path, make, OPTIMIZERS[optimizer])
    found = train(tmp_path, "--epochs", "2", "--batch-size", "8", "--no-shuffle")
    model = keras.models.load_model(path)
    expected = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    compare_history(found, expected)
    compare_models(keras.models.load_model(tmp_path / "out.keras"), model)


def test_validation_and_averages_are_those_of_keras(tmp_path):
    def optimizer():
        return keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5)

    path, x, y = make_case(tmp_path, dense, optimizer)
    found = train(tmp_path, "--epochs", "2", "--batch-size", "8", "--no-shuffle", "--validation-split", "0.3")
    model = keras.models.load_model(path)
    expected = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0, validation_split=0.3).history
    compare_history(found, expected)
    compare_models(keras.models.load_model(tmp_path / "out.keras"), model)


def test_keras_goes_on_from_what_kerata_has_trained(tmp_path):
    path, x, y = make_case(tmp_path, dense, OPTIMIZERS["adam"])
    train(tmp_path, "--epochs", "1", "--batch-size", "8", "--no-shuffle")
    model = keras.models.load_model(tmp_path / "out.keras")
    model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    expected = keras.models.load_model(path)
    expected.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    compare_models(model, expected)


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, "scheduled"])
@pytest.mark.parametrize("make", [dense, convolution, recurrent])
def test_keras_kerata_keras_is_as_if_one_program_had_done_it(tmp_path, make, optimizer):
    """Two epochs in Keras, two in kerata, two in Keras again, through files: weights and optimizer as after six in Keras."""
    def scheduled():
        schedule = keras.optimizers.schedules.ExponentialDecay(0.02, 5, 0.9)
        # Keras on TensorFlow clips the gradient of an embedding before it adds up what belongs to the same word, and so
        # by another norm than on its other backends and here.
        clipnorm = None if make is recurrent else 1.0
        return keras.optimizers.AdamW(schedule, weight_decay=0.01, clipnorm=clipnorm, amsgrad=True)

    path, x, y = make_case(tmp_path, make, OPTIMIZERS.get(optimizer, scheduled))
    fit = {"batch_size": 8, "shuffle": False, "verbose": 0}
    whole = keras.models.load_model(path)
    whole.fit(x, y, epochs=6, **fit)

    first = keras.models.load_model(path)
    first.fit(x, y, epochs=2, **fit)
    first.save(path)
    train(tmp_path, "--epochs", "2", "--batch-size", "8", "--no-shuffle")
    last = keras.models.load_model(tmp_path / "out.keras")
    assert int(last.optimizer.iterations.numpy()) == 4 * 3
    last.fit(x, y, epochs=2, **fit)
    compare_models(last, whole)


def test_weights_that_the_last_update_has_spoiled_are_saved_only_when_asked(tmp_path):
    """The loss of the only step is that of good weights; the update overflows."""
    _, x, _ = make_case(tmp_path, dense, lambda: keras.optimizers.SGD(1e38))
    np.save(tmp_path / "x.npy", 1e6 * x)
    out = tmp_path / "out.keras"
    out.write_bytes(b"what is there stays")
    command = [binary(), "train", tmp_path / "model.keras", "--x", tmp_path / "x.npy", "--y", tmp_path / "y.npy", "--save", out]
    command = [str(part) for part in [*command, "--batch-size", "64", "--json"]]
    failed = subprocess.run(command, capture_output=True, text=True)
    assert failed.returncode == 15 and "NaN" in failed.stderr
    assert out.read_bytes() == b"what is there stays"
    subprocess.run([*command, "--allow-nan"], check=True, capture_output=True)
    assert not all(np.isfinite(weight).all() for weight in keras.models.load_model(out).get_weights())


def test_a_history_is_drawn_as_png(tmp_path):
    make_case(tmp_path, dense, OPTIMIZERS["sgd"])
    train(tmp_path, "--epochs", "2", "--history-plot", tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def tensors(path):
    """All datasets of a file, as bytes."""
    found = {}
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()].tobytes()}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def noisy():
    """A model with dropout: its seed must go on too."""
    return keras.Sequential([
        keras.layers.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3), keras.layers.Dense(3, "softmax")
    ])


@pytest.mark.parametrize("make", [dense, noisy])
def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path, make):
    keras.utils.set_random_seed(7)
    random = np.random.default_rng(3)
    model = make()
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", random.normal(size=(500, 6)).astype("float32"))
    np.save(tmp_path / "y.npy", random.integers(0, 3, 500))
    checkpoints = tmp_path / "checkpoints"
    options = ["--epochs", "6", "--batch-size", "8", "--seed", "5", "--threads", "1"]
    whole = train(tmp_path, *options)
    expected = tensors(tmp_path / "out.keras")
    os.remove(tmp_path / "out.keras")

    options += ["--checkpoint-dir", checkpoints, "--checkpoint-every", "11"]
    command = [binary(), "train", tmp_path / "model.keras", "--x", tmp_path / "x.npy", "--y", tmp_path / "y.npy",
               "--save", tmp_path / "out.keras", *options]
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (checkpoints.exists() and any(name.startswith("ckpt-") and int(name[5:-6]) > 60
                                            for name in os.listdir(checkpoints) if name.endswith(".keras"))):
        assert time.monotonic() < deadline and process.poll() is None, "no checkpoint before the end"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out.keras").exists()
    names = [name for name in os.listdir(checkpoints) if name.startswith("ckpt-") and name.endswith(".keras")]
    assert 1 <= len(names) <= 3
    for name in names:
        keras.models.load_model(checkpoints / name)

    resumed = train(tmp_path, *options, "--resume")
    assert resumed == whole
    assert tensors(tmp_path / "out.keras") == expected
