"""Optimized models: Keras loads every form, with the variables and numbers of its own `quantize`."""

import io
import json
import os
import re
import subprocess
import sys
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from conftest import binary, kerata

L = keras.layers


def filled(model, seed=3):
    """The model with other than its start values, so that no bias and no scale is trivial."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        values = rng.normal(0, 0.2, variable.shape)
        variable.assign(np.abs(values) + 0.5 if "variance" in variable.path else values)
    return model


def mlp():
    return filled(keras.Sequential([keras.Input((20,)), L.Dense(33, activation="relu"), L.Dense(7)]))


def transformer():
    """Small, and with everything that is quantized: embedding, attention, products of several axes."""
    inputs = keras.Input((11,), dtype="int32")
    x = L.Embedding(50, 16)(inputs)
    for _ in range(2):
        x = L.LayerNormalization()(x + L.MultiHeadAttention(2, 8)(x, x))
        x = L.LayerNormalization()(x + L.Dense(16)(L.Dense(32, activation="gelu")(x)))
    x = L.EinsumDense("abc,cde->abde", output_shape=(None, 3, 5), bias_axes="de")(x)
    x = L.EinsumDense("abde,dek->abk", output_shape=(None, 9))(x)
    return filled(keras.Model(inputs, x))


def reversible():
    inputs = keras.Input((4,), dtype="int32")
    tied, own = L.ReversibleEmbedding(30, 10), L.ReversibleEmbedding(30, 10, tie_weights=False)
    x = L.Dense(10)(tied(inputs) + own(inputs))
    return filled(keras.Model(inputs, [tied(x, reverse=True), own(x, reverse=True)]))


def nested():
    inputs = keras.Input((6, 5))
    inner = keras.Model(inputs, L.Dense(4)(L.MultiHeadAttention(2, 3)(inputs, inputs)), name="inner")
    outer = keras.Input((6, 5))
    return filled(keras.Model(outer, L.Dense(3)(inner(L.Dense(5)(outer)))))


MODELS = [mlp, transformer, reversible, nested]


def inputs_of(model, rows=3):
    spec = model.inputs[0]
    rng = np.random.default_rng(0)
    shape = (rows, *spec.shape[1:])
    return rng.integers(0, 30, shape).astype("int32") if spec.dtype == "int32" else rng.normal(size=shape).astype("float32")


def datasets(path):
    """Every dataset of the weights but the optimizer's."""
    found = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in found.items() if not name.startswith("optimizer")}


def layers_of(path):
    """Policy and quantization config of each layer, without what differs from save to save."""
    config = json.loads(zipfile.ZipFile(path).read("config.json"))
    plain = lambda value: re.sub(r', "shared_object_id": \d+', "", json.dumps(value))
    pair = lambda layer: (plain(layer["config"].get("dtype")), plain(layer["config"].get("quantization_config")))
    return {layer["config"]["name"]: pair(layer) for layer in config["config"]["layers"]}


def optimized(model, folder, *arguments, name="small.keras"):
    source, target = folder / "model.keras", folder / name
    model.save(source)
    answer = kerata("optimize", source, target, "--overwrite", *arguments)
    return target, answer


def outputs(model, x):
    return [np.asarray(y, dtype=np.float64) for y in keras.tree.flatten(model(x))]


def run(path, x, folder):
    np.savez(folder / "in.npz", in_0=x)
    kerata("run", path, "--inputs", folder / "in.npz", "--outputs", folder / "out.npz")
    stored = np.load(folder / "out.npz")
    return [stored[f"out_{at}"].astype(np.float64) for at in range(len(stored.files))]


def largest(a, b):
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))


def int4(block_size):
    return keras.quantizers.Int4QuantizationConfig(block_size=block_size)


QUANTIZED = {
    "int8": (["--quantize", "int8"], lambda: {"mode": "int8"}),
    "int4": (["--quantize", "int4"], lambda: {"mode": "int4"}),
    "int4_blocks": (["--quantize", "int4", "--block-size", "5"], lambda: {"config": int4(5)}),
    "int4_channels": (["--quantize", "int4", "--block-size", "-1"], lambda: {"config": int4(None)}),
    "float8": (["--quantize", "float8"], lambda: {"mode": "float8"}),
}


@pytest.mark.parametrize("mode", QUANTIZED)
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_quantized_files_hold_what_keras_quantize_gives(make, mode, tmp_path):
    arguments, how = QUANTIZED[mode]
    model = make()
    path, _ = optimized(model, tmp_path, *arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.quantize(**how())
    model.save(tmp_path / "keras.keras")

    expected, found = datasets(tmp_path / "keras.keras"), datasets(path)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert value.dtype == found[name].dtype and value.shape == found[name].shape, name
        assert value.tobytes() == found[name].tobytes(), name
    theirs, ours = layers_of(tmp_path / "keras.keras"), layers_of(path)
    for name, pair in theirs.items():
        # Keras leaves out how attention is quantized, and marks float8 embeddings that it does not quantize.
        if "attention" not in name and not ("embedding" in name and mode == "float8") and name != "inner":
            assert ours[name] == pair, name

    x = inputs_of(model)
    loaded = keras.models.load_model(path)
    assert largest(outputs(model, x), outputs(loaded, x)) == 0
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-5


def test_weights_alone_are_quantized_when_asked(tmp_path):
    model = mlp()
    path, _ = optimized(model, tmp_path, "--quantize", "int8", "--weights-only")
    model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    x = inputs_of(model)
    loaded = keras.models.load_model(path)
    assert largest(outputs(model, x), outputs(loaded, x)) == 0
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-5


def test_what_keras_cannot_quantize_stays_and_is_said(tmp_path):
    """Keras fails on equations with an ellipsis, and runs layers inside TimeDistributed without their scales."""
    inputs = keras.Input((6, 5))
    x = L.EinsumDense("...a,ab->...b", output_shape=(4,))(inputs)
    x = L.TimeDistributed(L.Dense(3))(x)
    model = filled(keras.Model(inputs, L.Dense(2)(x)))
    path, answer = optimized(model, tmp_path, "--quantize", "int8")
    notes = " ".join(note for entry in answer["variables"]["passes"] for note in entry["notes"])
    assert "ellipsis" in notes and "TimeDistributed" in notes
    assert sum(value.dtype == np.int8 for value in datasets(path).values()) == 1
    x = inputs_of(model)
    assert largest(outputs(model, x), outputs(keras.models.load_model(path), x)) < 0.05


@pytest.mark.parametrize("dtype, bound", [("float16", 2e-3), ("bfloat16", 2e-2)])
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_half_precision_halves_the_file(make, dtype, bound, tmp_path):
    model = make()
    path, answer = optimized(model, tmp_path, "--dtype", dtype)
    variables = answer["variables"]
    assert variables["bytes_after"] * 2 == variables["bytes_before"]
    x = inputs_of(model)
    loaded = keras.models.load_model(path)
    assert largest(outputs(model, x), outputs(loaded, x)) < bound
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-5


def test_the_optimizer_is_left_out_and_the_source_is_not_touched(tmp_path):
    model = mlp()
    model.compile("adam", "mse")
    model.fit(np.zeros((4, 20)), np.zeros((4, 7)), verbose=0)
    model.save(tmp_path / "model.keras")
    before = (tmp_path / "model.keras").read_bytes()
    answer = kerata("optimize", tmp_path / "model.keras", tmp_path / "small.keras", "--drop-optimizer")
    assert (tmp_path / "model.keras").read_bytes() == before
    # Adam keeps two numbers a weight.
    assert answer["variables"]["percent_saved"] > 66
    loaded = keras.models.load_model(tmp_path / "small.keras")
    loaded.fit(np.zeros((4, 20)), np.zeros((4, 7)), verbose=0)


def test_a_taken_name_is_refused(tmp_path):
    model = mlp()
    model.save(tmp_path / "model.keras")
    (tmp_path / "small.keras").write_text("mine")
    command = [binary(), "optimize", tmp_path / "model.keras", tmp_path / "small.keras", "--quantize", "int8"]
    assert subprocess.run(command, capture_output=True).returncode == 16
    assert (tmp_path / "small.keras").read_text() == "mine"


@pytest.mark.parametrize("name", ["small.keras", "small.weights.h5"])
def test_compressed_files_hold_every_bit(name, tmp_path):
    # Whole numbers compress well, which random floats do not.
    model = transformer()
    for variable in model.weights:
        variable.assign(np.round(variable.numpy() * 8) / 8)
    path, answer = optimized(model, tmp_path, "--compress", name=name)
    assert answer["file_percent_saved"] > 30
    fresh = transformer()
    fresh.load_weights(path)
    for expected, found in zip(model.weights, fresh.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(expected), np.asarray(found))
    kerata("convert", path, tmp_path / "again.weights.h5")
    compared = kerata("diff", tmp_path / "again.weights.h5", tmp_path / "model.keras", status=1)
    assert compared["variables"] == [] and compared["equal_variables"] == len(model.weights)


def test_packed_files_hold_every_bit_and_say_who_reads_them(tmp_path):
    """Zstandard: h5py reads the member with hdf5plugin, bit for bit, and Keras finds no weights."""
    import hdf5plugin  # noqa: F401  (registers the filter)

    model = transformer()
    for variable in model.weights:
        variable.assign(np.round(variable.numpy() * 8) / 8)
    path, answer = optimized(model, tmp_path, "--compress=zstd")
    assert answer["file_percent_saved"] > 30
    assert any("Keras" in loss for loss in answer["lost"])
    with zipfile.ZipFile(path) as archive:
        assert "model.weights.h5" not in archive.namelist()
        packed = archive.read("kerata/model.weights.h5")
    with h5py.File(io.BytesIO(packed)) as file:
        found = {}
        file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        assert any("32015" in item._filters for item in found.values())
        expected = datasets(tmp_path / "model.keras")
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            assert found[name][()].tobytes() == value.tobytes(), name
    with pytest.raises(Exception):
        keras.models.load_model(path)
    x = inputs_of(model)
    assert largest(run(path, x, tmp_path), outputs(model, x)) <= 1e-5
    # Back for Keras.
    kerata("convert", path, tmp_path / "again.keras")
    assert largest(outputs(keras.models.load_model(tmp_path / "again.keras"), x), outputs(model, x)) == 0
    command = [binary(), "optimize", tmp_path / "model.keras", tmp_path / "strict.keras", "--compress=zstd", "--strict"]
    assert subprocess.run(command, capture_output=True).returncode != 0 and not (tmp_path / "strict.keras").exists()


def test_what_h5py_packs_is_read(tmp_path):
    import hdf5plugin

    model = transformer()
    model.save_weights(tmp_path / "plain.weights.h5")
    with h5py.File(tmp_path / "plain.weights.h5") as source, h5py.File(tmp_path / "packed.weights.h5", "w") as target:
        def copy(name, item):
            if isinstance(item, h5py.Group):
                target.require_group(name).attrs.update(item.attrs)
            elif item.size > 1:
                target.create_dataset(name, data=item[()], shuffle=True, chunks=True, **hdf5plugin.Zstd(clevel=19))
            else:
                target.create_dataset(name, data=item[()])
        source.visititems(copy)
    compared = kerata("diff", tmp_path / "plain.weights.h5", tmp_path / "packed.weights.h5")
    assert compared["variables"] == [] and compared["equal_variables"] == len(model.weights)


def convnet():
    inputs = keras.Input((16, 16, 3))
    x = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, use_bias=False, padding="same")(inputs)))
    x = L.ReLU(6.0)(L.BatchNormalization(scale=False)(L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)))
    x = L.Add()([x, L.BatchNormalization(center=False)(L.SeparableConv2D(16, 3, padding="same")(x))])
    shared = L.Conv2D(4, 1)(x)
    x = L.GlobalAveragePooling2D()(L.Concatenate()([shared, L.BatchNormalization()(shared)]))
    head = keras.Sequential([keras.Input((8,)), L.Dense(6), L.BatchNormalization(), L.Dense(5), L.BatchNormalization()])
    return filled(keras.Model(inputs, L.Dense(3)(head(x))))


def test_batch_normalization_is_folded_where_nothing_else_reads(tmp_path):
    model = convnet()
    path, answer = optimized(model, tmp_path, "--fold")
    [fold] = [entry for entry in answer["variables"]["passes"] if entry["name"].startswith("fold")]
    assert fold["changed"] == 5
    loaded = keras.models.load_model(path)
    kept = [layer for layer in loaded._flatten_layers() if isinstance(layer, L.BatchNormalization)]
    # The one whose input goes elsewhere too.
    assert len(kept) == 1
    x = inputs_of(model)
    expected = outputs(model, x)
    assert np.ptp(expected[0]) > 1e-3
    assert largest(expected, outputs(loaded, x)) < 1e-5
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-5


@pytest.mark.parametrize("target", ["smallest", "fastest-cpu", "keras"])
def test_targets_say_why_and_keras_loads_them(target, tmp_path):
    model = convnet()
    path, answer = optimized(model, tmp_path, "--for", target)
    assert answer["reasons"]
    x = inputs_of(model)
    loaded = keras.models.load_model(path)
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-4
    if target == "keras":
        assert largest(outputs(model, x), outputs(loaded, x)) == 0


def stored(folder):
    """Bytes and names of the variables of a SavedModel."""
    names = [name for name, _ in tf.train.list_variables(str(folder / "variables" / "variables"))]
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()), names


def test_a_lean_saved_model_for_serving(tmp_path):
    model = convnet()
    model.save(tmp_path / "model.keras")
    answer = kerata("optimize", tmp_path / "model.keras", tmp_path / "served", "--for", "tf-serving", "--to", "saved_model")
    assert answer["reasons"]
    x = inputs_of(model)
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    assert largest([list(served(tf.constant(x)).values())[0].numpy()], outputs(model, x)) < 1e-5
    # Folded: no moving average of the five that go into the layer before them.
    moving = [name for name in stored(tmp_path / "served")[1] if "moving" in name]
    assert len(moving) <= 2


def test_second_copies_and_unread_variables_are_left_out(tmp_path):
    model = mlp()
    model.export(tmp_path / "exported", verbose=False)
    x = inputs_of(model)

    class Part(tf.Module):
        def __init__(self):
            self.read, self.unread = tf.Variable(tf.ones((20, 3))), tf.Variable(tf.ones((4000,)))

        @tf.function(input_signature=[tf.TensorSpec((None, 20), tf.float32)])
        def serve(self, x):
            return x @ self.read

    part = Part()
    tf.saved_model.save(part, str(tmp_path / "part"), signatures={"serving_default": part.serve})
    for name, expected in (("exported", outputs(model, x)[0]), ("part", x @ np.ones((20, 3)))):
        answer = kerata("optimize", tmp_path / name, tmp_path / f"{name}-lean", "--prune", "--to", "saved_model")
        [prune] = [entry for entry in answer["variables"]["passes"] if entry["name"].startswith("prune")]
        assert prune["changed"] > 0, name
        served = tf.saved_model.load(str(tmp_path / f"{name}-lean")).signatures["serving_default"]
        assert largest([list(served(tf.constant(x)).values())[0].numpy()], [expected]) < 1e-5
        assert stored(tmp_path / f"{name}-lean")[0] < stored(tmp_path / name)[0], name
    # 4,000 floats that nothing reads.
    assert stored(tmp_path / "part")[0] - stored(tmp_path / "part-lean")[0] >= 16_000
    assert not any("unread" in name for name in stored(tmp_path / "part-lean")[1])


def test_calibrated_float8_takes_its_scales_from_inputs(tmp_path):
    model = mlp()
    x = inputs_of(model, rows=40)
    np.savez(tmp_path / "x.npz", in_0=x)
    path, _ = optimized(model, tmp_path, "--quantize", "float8", "--calibrate", tmp_path / "x.npz")
    stored = datasets(path)
    scale = lambda largest: np.float32(1) / (np.float32(448) / np.float32(largest))
    np.testing.assert_allclose(stored["layers/dense/vars/2"], scale(np.abs(x).max()), rtol=1e-6)
    np.testing.assert_allclose(stored["layers/dense/vars/4"], scale(np.abs(stored["layers/dense/vars/0"]).max()), rtol=1e-6)
    loaded = keras.models.load_model(path)
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-5


def test_the_smallest_form_that_keeps_its_accuracy_is_found(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 20)).astype("float32")
    classes = (x @ rng.normal(size=(20, 5))).argmax(1)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((20,)), L.Dense(64, activation="relu"), L.Dense(5, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, classes, epochs=20, verbose=0)
    np.savez(tmp_path / "x.npz", in_0=x)
    np.savez(tmp_path / "y.npz", y=classes)
    found = {}
    for drop in ["0%", "50%"]:
        samples = f"{tmp_path / 'x.npz'},{tmp_path / 'y.npz'}"
        path, answer = optimized(model, tmp_path, "--max-accuracy-drop", drop, "--eval", samples)
        accuracy = float((keras.models.load_model(path).predict(x, verbose=0).argmax(1) == classes).mean())
        assert abs(answer["eval"]["accuracy_after"] - accuracy) < 1e-9
        assert answer["eval"]["accuracy_before"] - accuracy <= float(drop[:-1]) / 100 + 1e-9
        sizes = [form["bytes"] for form in answer["tried"]]
        assert sizes == sorted(sizes) and sum(form["chosen"] for form in answer["tried"]) == 1
        assert os.path.getsize(path) == answer["file_bytes_after"]
        found[drop] = answer["file_bytes_after"]
    assert found["50%"] < found["0%"]


def test_mobilenet_in_8_bits(tmp_path):
    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None)
    x = inputs_of(model)
    # Moving averages of a batch: with start values nothing of the input reaches the output.
    normalizations = [layer for layer in model.layers if isinstance(layer, L.BatchNormalization)]
    momenta = [layer.momentum for layer in normalizations]
    for layer in normalizations:
        layer.momentum = 0.0
    model(x, training=True)
    for layer, momentum in zip(normalizations, momenta):
        layer.momentum = momentum
    assert np.ptp(outputs(model, x)[0]) > 1e-3
    path, _ = optimized(model, tmp_path, "--quantize", "int8", "--dtype", "float16")
    loaded = keras.models.load_model(path)
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-3
    assert os.path.getsize(path) < 0.45 * os.path.getsize(tmp_path / "model.keras")


def encoder(blocks):
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((128, 384))
    for _ in range(blocks):
        x = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(6, 64)(x, x)]))
        x = L.LayerNormalization()(L.Add()([x, L.Dense(384)(L.Dense(1536, activation="gelu")(x))]))
    return keras.Model(inputs, x)


def test_a_transformer_with_weights_in_8_bits(tmp_path):
    """Nothing is rounded while it runs, so nothing grows. Attention stays in floats: Keras has no form for its weights alone."""
    model = encoder(6)
    path, _ = optimized(model, tmp_path, "--quantize", "int8", "--weights-only")
    x = inputs_of(model, rows=1)
    loaded = keras.models.load_model(path)
    assert largest(run(path, x, tmp_path), outputs(loaded, x)) <= 1e-3
    assert os.path.getsize(path) < 0.55 * os.path.getsize(tmp_path / "model.keras")


ANOTHER_KERAS = """
import sys
import keras, numpy as np
model, x, out = sys.argv[1:]
np.save(out, np.asarray(keras.models.load_model(model)(np.load(x))))
"""


def test_keras_on_jax_is_as_far_from_keras_on_tensorflow_as_kerata_is(tmp_path):
    """The same file, the same inputs, Keras both times: exp and sums of another library move a last bit, and it grows. So no
    reader agrees with all of Keras to 1e-3 where inputs of six blocks are rounded to 8 bits."""
    model = encoder(6)
    path, _ = optimized(model, tmp_path, "--quantize", "int8")
    x = inputs_of(model, rows=1)
    np.save(tmp_path / "x.npy", x)
    environment = dict(os.environ, KERAS_BACKEND="jax")
    command = [sys.executable, "-c", ANOTHER_KERAS, path, tmp_path / "x.npy", tmp_path / "jax.npy"]
    subprocess.run([str(part) for part in command], check=True, env=environment, cwd=tmp_path, timeout=300)
    expected, found = outputs(keras.models.load_model(path), x), run(path, x, tmp_path)
    jax = [np.load(tmp_path / "jax.npy").astype(np.float64)]
    middle = lambda a, b: float(np.median(np.abs(a[0] - b[0])))
    assert middle(jax, expected) > 1e-3
    assert middle(found, expected) <= 1.5 * middle(jax, expected)
    assert middle(found, jax) <= 1.5 * middle(jax, expected)


def test_layers_in_8_bits_are_those_of_keras_bit_for_bit(tmp_path):
    """Given the same inputs: what is rounded to 8 bits, and what comes out, has Keras's bits."""
    inputs = keras.Input((128, 384))
    x = L.Dense(384)(L.Dense(1536, activation="relu")(inputs))
    model = filled(keras.Model(inputs, L.EinsumDense("abc,cde->abde", output_shape=(None, 6, 64), bias_axes="de")(x)))
    path, _ = optimized(model, tmp_path, "--quantize", "int8")
    x = inputs_of(model)
    assert largest(run(path, x, tmp_path), outputs(keras.models.load_model(path), x)) == 0


def test_a_transformer_in_8_bits(tmp_path):
    """Inputs are rounded to 8 bits in each layer: a last bit that falls otherwise becomes a whole step there, and grows from layer
    to layer. So kerata and Keras are as near as Keras is to itself when its inputs move by their last bit."""
    model = encoder(6)
    path, _ = optimized(model, tmp_path, "--quantize", "int8")
    loaded = keras.models.load_model(path)
    x = inputs_of(model, rows=1)
    expected, found = outputs(loaded, x), run(path, x, tmp_path)
    moved = outputs(loaded, np.nextafter(x, np.float32(9)))
    middle = lambda a, b: float(np.median(np.abs(a[0] - b[0])))
    assert middle(found, expected) <= 1.5 * middle(moved, expected)
    # As near to the float model as Keras is.
    original = outputs(model, x)
    assert middle(found, original) <= 1.1 * middle(expected, original)
    assert os.path.getsize(path) < 0.27 * os.path.getsize(tmp_path / "model.keras")
