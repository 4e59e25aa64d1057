"""A layer that exists in Rust alone: TensorFlow runs its export, kerata runs its file without its code, Keras loads the rest."""

import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import ROOT, assert_close, kerata


@keras.saving.register_keras_serializable("demo")
def squash(x):
    return x / (1 + keras.ops.abs(x))


@keras.saving.register_keras_serializable("demo")
class Checkerboard(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.ops.ones(shape, dtype)


@keras.saving.register_keras_serializable("demo")
class Highway(keras.layers.Layer):
    """The layer of `crates/kerata/examples/custom_layer.rs`, written again for Keras: what it must give."""

    def __init__(self, activation=squash, **options):
        super().__init__(**options)
        self.activation = keras.activations.get(activation)

    def build(self, shape):
        self.transform = keras.layers.Dense(shape[-1])
        self.transform.build(shape)
        self.share = self.add_weight(name="share", shape=(shape[-1],))

    def call(self, x):
        return self.share * self.activation(self.transform(x)) + (1 - self.share) * x


X = np.random.default_rng(3).normal(size=(5, 3)).astype("float32")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rust_layer")
    command = ["cargo", "run", "-q", "-p", "kerata", "--example", "custom_layer", "--", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=1200)
    model = keras.saving.load_model(folder / "custom_layer.keras")
    # The numbers of Keras, by the code above and the weights of the file.
    return folder, model


def test_tensorflow_runs_the_export(made):
    folder, model = made
    loaded = tf.saved_model.load(str(folder / "custom_layer"))
    with tf.GradientTape() as tape:
        found = loaded(tf.constant(X))
        loss = tf.reduce_sum(tf.square(found))
    assert_close(model(X), found)
    gradients = tape.gradient(loss, list(loaded.trainable_variables))
    assert len(gradients) == len(model.trainable_variables) and all(gradient is not None for gradient in gradients)


def test_kerata_runs_the_file_without_the_code(made, tmp_path):
    folder, model = made
    np.savez(tmp_path / "in.npz", in_0=X)
    kerata("run", folder / "custom_layer.keras", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    assert_close(model(X), np.load(tmp_path / "out.npz")["out_0"])


def test_the_file_alone_becomes_the_same_saved_model(made, tmp_path):
    folder, model = made
    kerata("export", folder / "custom_layer.keras", tmp_path / "again", "--to", "saved_model")
    names = sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file())
    assert names
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (folder / "custom_layer" / name).read_bytes(), name
    assert [one["same"] for one in kerata("run", tmp_path / "again", "--verify")["verified"]] == [True]


def test_a_changed_export_is_told(made, tmp_path):
    folder, _ = made
    kerata("convert", folder / "custom_layer", tmp_path / "changed", "--to", "saved_model")
    shard = tmp_path / "changed" / "variables" / "variables.data-00000-of-00001"
    before = shard.read_bytes()
    # TensorFlow gives a variable another value and saves it in its place.
    reader = tf.train.load_checkpoint(str(tmp_path / "changed" / "variables" / "variables"))
    (key, *_) = sorted(key for key in reader.get_variable_to_shape_map() if key.startswith("variables/"))
    at = before.find(reader.get_tensor(key).tobytes())
    shard.write_bytes(before[:at + 3] + bytes([before[at + 3] ^ 1]) + before[at + 4:])
    answer = kerata("run", tmp_path / "changed", "--verify", status=11)
    assert "checksum" in str(answer["error"])
