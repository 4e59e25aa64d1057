"""Weights and the state of optimizers on their way through formats, as the programs see them that own the formats."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import GOLDEN, kerata

KERAS = GOLDEN / "keras-3.15"
TRAINED = ["optimizer_adam", "optimizer_sgd_momentum", "optimizer_rmsprop_centered", "optimizer_nadam"]
# Formats that hold the state of an optimizer, with the ending of their files, and the options that choose them.
THROUGH = {"keras": ".keras", "h5": ".h5", "safetensors": ".safetensors"}


def equal(first, second):
    for a, b in zip(first.variables + first.optimizer.variables, second.variables + second.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b), err_msg=a.path)


@pytest.mark.parametrize("through", list(THROUGH))
@pytest.mark.parametrize("name", TRAINED)
def test_keras_finds_the_optimizer_again(name, through, tmp_path):
    source = KERAS / name / "model.keras"
    between = tmp_path / f"between{THROUGH[through]}"
    kerata("convert", source, between)
    kerata("convert", between, tmp_path / "back.keras")
    model = keras.saving.load_model(source)
    assert len(model.optimizer.variables) > 2
    equal(model, keras.saving.load_model(tmp_path / "back.keras"))


@pytest.mark.parametrize("name", TRAINED)
def test_the_state_in_an_h5_file_is_what_keras_writes(name, tmp_path):
    # Keras 3 does not read it back, not from its own file either: "freshly initialized optimizer".
    source = KERAS / name / "model.keras"
    kerata("convert", source, tmp_path / "ours.h5")
    # Keras numbers the variables that have no name of their own.
    keras.backend.clear_session()
    keras.saving.load_model(source).save(tmp_path / "theirs.h5")

    def state(path):
        with h5py.File(path) as file:
            group = file["optimizer_weights"]
            return [(key, np.asarray(group[key]).tobytes()) for key in group.attrs["weight_names"]]

    assert state(tmp_path / "ours.h5") == state(tmp_path / "theirs.h5")
    kerata("convert", tmp_path / "theirs.h5", tmp_path / "back.keras")
    equal(keras.saving.load_model(source), keras.saving.load_model(tmp_path / "back.keras"))


class Holder(tf.Module):
    """An object with the edges of a checkpoint."""


def objects_of(reader):
    """The tree of objects that the keys of a checkpoint speak of, with variables of zeros."""
    root, variables = Holder(), {}
    for key, shape in reader.get_variable_to_shape_map().items():
        if not key.endswith("/.ATTRIBUTES/VARIABLE_VALUE"):
            continue
        *edges, last = key.removesuffix("/.ATTRIBUTES/VARIABLE_VALUE").split("/")
        at = root
        for edge in edges:
            if not hasattr(at, edge):
                setattr(at, edge, Holder())
            at = getattr(at, edge)
        variables[key] = tf.Variable(tf.zeros(shape, reader.get_variable_to_dtype_map()[key]))
        setattr(at, last, variables[key])
    return root, variables


@pytest.mark.parametrize("name", TRAINED)
def test_a_checkpoint_of_a_keras_file_restores_in_tensorflow(name, tmp_path):
    source = KERAS / name / "model.keras"
    kerata("convert", source, tmp_path / "ckpt", "--to", "checkpoint")
    root, variables = objects_of(tf.train.load_checkpoint(str(tmp_path / "ckpt")))
    status = tf.train.Checkpoint(root).read(str(tmp_path / "ckpt"))
    status.assert_existing_objects_matched()
    status.assert_consumed()
    model = keras.saving.load_model(source)
    state = {key: value for key, value in variables.items() if key.startswith("optimizer/")}
    assert len(state) == len(model.optimizer.variables)
    for number, variable in enumerate(model.optimizer.variables):
        np.testing.assert_array_equal(state[f"optimizer/vars/{number}/.ATTRIBUTES/VARIABLE_VALUE"], variable)
    kerata("convert", tmp_path / "ckpt", tmp_path / "again", "--to", "checkpoint")
    for end in (".index", ".data-00000-of-00001"):
        assert (tmp_path / f"ckpt{end}").read_bytes() == (tmp_path / f"again{end}").read_bytes()


def trained():
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    random = np.random.default_rng(1)
    model.fit(random.normal(size=(8, 4)), random.normal(size=(8, 2)), epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("through", ["checkpoint", "safetensors", "npz"])
def test_a_keras_checkpoint_of_tensorflow_comes_back(through, tmp_path):
    model = trained()
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(str(tmp_path / "first"))
    options = ["--to", "checkpoint"] if through == "checkpoint" else []
    between = tmp_path / ("between" if through == "checkpoint" else f"between.{through}")
    kerata("convert", tmp_path / "first", between, *options)
    kerata("convert", between, tmp_path / "back", "--to", "checkpoint")
    fresh = trained()
    for variable in fresh.variables + fresh.optimizer.variables:
        variable.assign(np.zeros(variable.shape, variable.dtype))
    status = tf.train.Checkpoint(model=fresh, optimizer=fresh.optimizer).read(str(tmp_path / "back"))
    status.assert_existing_objects_matched()
    equal(model, fresh)


@pytest.mark.parametrize("through", ["checkpoint", "safetensors", "npz"])
def test_slots_of_tf_keras_come_back(through, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")

    def make():
        tf_keras.utils.set_random_seed(5)
        model = tf_keras.Sequential([tf_keras.layers.Dense(3, input_shape=(4,)), tf_keras.layers.Dense(2)])
        # The optimizer of old keeps slot variables, which have keys of their own kind.
        model.compile(tf_keras.optimizers.legacy.Adam(0.01), loss="mse")
        random = np.random.default_rng(1)
        model.fit(random.normal(size=(8, 4)), random.normal(size=(8, 2)), epochs=2, verbose=0)
        return model

    model = make()
    model.save_weights(str(tmp_path / "first"), save_format="tf")
    options = ["--to", "checkpoint"] if through == "checkpoint" else []
    between = tmp_path / ("between" if through == "checkpoint" else f"between.{through}")
    kerata("convert", tmp_path / "first", between, *options)
    kerata("convert", between, tmp_path / "back", "--to", "checkpoint")
    fresh = make()
    for variable in fresh.variables + fresh.optimizer.variables():
        variable.assign(tf.zeros_like(variable))
    fresh.load_weights(str(tmp_path / "back")).assert_existing_objects_matched()
    for a, b in zip(model.variables + model.optimizer.variables(), fresh.variables + fresh.optimizer.variables(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.name)
