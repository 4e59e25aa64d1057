"""Every golden model that TensorFlow can hold, exported by kerata and run by each loader; options of the export."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import cpp_loader
from conftest import GOLDEN, kerata

KERAS = GOLDEN / "keras-3.15"

# Models that are not exported, with what the refusal says.
NOT_EXPORTED = {
    "awq": "zero points", "gptq": "zero points",  # Keras cannot load these either
    "custom_containers": "Containers", "custom_functions": "squash", "custom_layer": "Scale", "custom_shared_nested": "Scale",
    "custom_store": "OwnStore", "custom_unregistered": "Shift", "subclassed": "Subclassed", "subclassed_compiled": "Subclassed",
    "lambda_activation": "lambda", "lambda_layer": "lambda", "lambda_named": "double",
    "sequential_unbuilt": "not built",
}
# Half precision rounds in other places; of a quantized LoRA layer Keras itself gives two results (it merges and quantizes again).
BFLOAT16, FLOAT16 = 7, 10
# Bits of the mantissa of the narrowest floats of a model.
NARROW = {"bfloat16": BFLOAT16, "bfloat16_compiled": BFLOAT16, "dtype_per_layer": BFLOAT16, "mixed_bfloat16": BFLOAT16, "policy_map": BFLOAT16,
          "float16": FLOAT16, "mixed_float16": FLOAT16, "mixed_float16_compiled": FLOAT16}
LOOSE = {"lora_int8": dict(rtol=2e-2, atol=1e-2)}
# What XLA has no kernel for: text, tables, some ways to resize, determinants.
XLA_LACKS = {
    "feature_space": "_Arg", "feature_space_dict": "_Arg", "feature_space_model": "_Arg", "hashed_crossing": "_Arg", "hashing": "_Arg", "string_lookup": "_Arg", "string_lookup_modes": "_Arg", "tabular": "_Arg",
    "integer_lookup": "LookupTableFindV2", "ops_image": "ResizeBicubic", "resizing": "ResizeBicubic", "upsampling": "ResizeBicubic",
    "resizing_more": "ScaleAndTranslate", "ops_linalg": "MatrixDeterminant",
}
# XLA loses the size of a value of open size that is given out twice (`a = tf.where(x > 1); return a, a` comes back with any
# size at all), and it finds which outputs are the same: each output is compiled alone.
XLA_REPEATS = ("ops_unique",)
# XLA ends the whole process on constants of text: "Check failed: DataTypeCanUseMemcpy(dtype())".
XLA_ABORTS = ("text_vectorization", "text_vectorization_modes")

NAMES = sorted(path.parent.name for path in KERAS.glob("*/model.keras") if (path.parent / "io.npz").exists())
EXPORTED = [name for name in NAMES if name not in NOT_EXPORTED]


def io(name):
    arrays = np.load(KERAS / name / "io.npz")
    numbered = lambda prefix: [arrays[f"{prefix}_{n}"] for n in range(sum(key.startswith(prefix) for key in arrays.files))]
    return numbered("in"), numbered("out")


def order_of(folder, specs):
    noted = folder / "assets.extra" / "kerata_inputs.json"
    return json.loads(noted.read_text()) if noted.exists() else sorted(specs)


def tensor(value, dtype):
    if dtype == tf.string:
        return tf.constant(np.char.encode(value, "utf-8") if value.dtype.kind == "U" else value)
    return tf.cast(tf.constant(value), dtype)


def in_order(outputs):
    numbered = all(key.startswith("output_") for key in outputs)
    return [outputs[key] for key in sorted(outputs, key=lambda key: int(key[7:]) if numbered else key)]


def same(name, found, expected):
    found = found.numpy() if hasattr(found, "numpy") else found
    if expected.dtype.kind in "US":
        expected = np.char.encode(expected, "utf-8") if expected.dtype.kind == "U" else expected
        np.testing.assert_array_equal(found, expected)
        return
    tolerance = LOOSE.get(name, dict(rtol=1e-4, atol=1e-5))
    if name in NARROW:
        # Two units in the last place of the largest number, from which small ones are what is left over.
        exponent = np.floor(np.log2(np.abs(expected.astype("float64")).max()))
        tolerance = dict(rtol=0, atol=2 * 2 ** (exponent - NARROW[name]))
    np.testing.assert_allclose(np.asarray(found).astype("float64"), expected.astype("float64"), **tolerance)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    root, done = tmp_path_factory.mktemp("exported"), {}

    def export(name):
        if name not in done:
            answer = kerata("export", KERAS / name / "model.keras", root / name, "--to", "saved_model")
            assert not answer["unchecked"], answer["unchecked"]
            done[name] = root / name
        return done[name]

    return export


@pytest.mark.parametrize("name", EXPORTED)
def test_every_loader_gives_the_numbers_of_keras(name, exported):
    folder = exported(name)
    inputs, expected = io(name)
    loaded = tf.saved_model.load(str(folder))
    function = loaded.signatures["serving_default"]
    specs = function.structured_input_signature[1]
    names = order_of(folder, specs)
    arguments = {key: tensor(value, specs[key].dtype) for key, value in zip(names, inputs)}
    # Twice: what the model keeps between runs is TensorFlow's own business then.
    with tf.GradientTape() as tape:
        outputs = in_order(function(**arguments))
        floats = [tf.reduce_sum(tf.cast(output, tf.float32)) for output in outputs if output.dtype.is_floating]
    assert len(outputs) == len(expected)
    for found, value in zip(outputs, expected):
        same(name, found, value)
    if floats and loaded.trainable_variables:
        tape.gradient(floats, list(loaded.trainable_variables))

    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        signature = graph.signature_def["serving_default"]
        feed = {signature.inputs[key].name: value.numpy() for key, value in arguments.items()}
        fetched = session.run({key: info.name for key, info in signature.outputs.items()}, feed)
    for found, value in zip(in_order(fetched), expected):
        same(name, found, value)

    # The loader of TensorFlow Serving.
    fetched = cpp_loader.run(folder, {key: value.numpy() for key, value in arguments.items()})
    for found, value in zip(in_order(fetched), expected):
        same(name, found, value)

    import keras

    # A layer takes one argument: the tensor, or through the callable function the list of all.
    is_one = len(arguments) == 1
    # A layer casts floats to its own dtype before it calls.
    dtype = arguments[names[0]].dtype.name if arguments[names[0]].dtype.is_floating else None
    layer = keras.layers.TFSMLayer(str(folder), call_endpoint="serving_default" if is_one else "serve", dtype=dtype)
    called = layer(arguments[names[0]] if is_one else [arguments[key] for key in names])
    called = in_order(called) if isinstance(called, dict) else tf.nest.flatten(called)
    for found, value in zip(called, expected):
        same(name, found, value)

    if name in XLA_ABORTS:
        return
    # What is kept between runs starts again.
    again = tf.saved_model.load(str(folder))
    function = again.signatures["serving_default"]

    @tf.function(jit_compile=True)
    def compiled(keys, **values):
        outputs = function(**values)
        return {key: outputs[key] for key in keys}

    keys = list(function.structured_outputs)
    if name in XLA_LACKS:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"No registered '{XLA_LACKS[name]}'"):
            compiled(keys, **arguments)
        return
    outputs = {}
    for together in [[key] for key in keys] if name in XLA_REPEATS else [keys]:
        outputs.update(compiled(together, **arguments))
    for found, value in zip(in_order(outputs), expected):
        same(name, found, value)


@pytest.mark.parametrize("name", sorted(NOT_EXPORTED))
def test_what_cannot_be_exported_says_why(name, tmp_path):
    answer = kerata("export", KERAS / name / "model.keras", tmp_path / "x", "--to", "saved_model", status=2 if "unbuilt" in name else 12)
    assert NOT_EXPORTED[name] in str(answer["error"])
    assert not os.listdir(tmp_path)


def size(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file())


# What Keras itself cannot load again, or cannot export.
KERAS_FAILS = """activation_op functional_subclass int8_attention named_layers nested_and_outer_shared nested_structure ops_core ops_measures
feature_space feature_space_dict ops_folds ops_integers ops_nan ops_products random_shear""".split()
# No variables, and a decomposition of matrices that TensorFlow has one op for and kerata's graphs have none: it is unrolled.
GRAPH_ALONE = {"ops_factors": 0.7}


@pytest.mark.parametrize("name", EXPORTED)
def test_it_is_smaller_than_what_keras_writes(name, exported, tmp_path):
    import keras

    def theirs():
        model = keras.saving.load_model(KERAS / name / "model.keras", compile=False)
        model.export(tmp_path / "keras", verbose=False)

    if name in KERAS_FAILS:
        with pytest.raises(Exception):
            theirs()
        return
    theirs()
    # The pair that was compared is no part of the model.
    ours = size(exported(name)) - size(exported(name) / "assets.extra" / "kerata_check")
    assert ours <= GRAPH_ALONE.get(name, 0.55) * size(tmp_path / "keras")


def test_a_step_of_training_is_that_of_keras(tmp_path):
    import keras

    kerata("export", KERAS / "optimizer_adam" / "model.keras", tmp_path / "m", "--to", "saved_model", "--train-step", "--include-optimizer")
    model = keras.saving.load_model(KERAS / "optimizer_adam" / "model.keras")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    step = loaded.signatures["train_step"]
    (x,), _ = io("optimizer_adam")
    y = np.random.default_rng(0).normal(size=(len(x), *model.output_shape[1:])).astype("float32")
    arguments = {key: tf.constant(y if key.startswith("y_") else x) for key in step.structured_input_signature[1]}
    for _ in range(3):
        np.testing.assert_allclose(step(**arguments)["loss"], model.train_on_batch(x, y), rtol=1e-6)
    weights = {variable.name: variable for variable in loaded.trainable_variables}
    assert len(weights) > 0
    for mine, theirs in zip(loaded.trainable_variables, model.trainable_variables):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_without_traces_there_are_variables_and_the_config(tmp_path):
    source = KERAS / "optimizer_adam" / "model.keras"
    kerata("export", source, tmp_path / "m", "--to", "saved_model", "--save-traces", "false", "--include-optimizer")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    assert not loaded.signatures and not hasattr(loaded, "serve")
    (x,), (expected,) = io("optimizer_adam")
    np.savez(tmp_path / "in.npz", in_0=x)
    kerata("run", tmp_path / "m", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    same("optimizer_adam", np.load(tmp_path / "out.npz")["out_0"], expected)
    # It holds the whole: Keras goes on training what is made of it.
    kerata("convert", tmp_path / "m", tmp_path / "again.keras")
    import keras

    first, again = (keras.saving.load_model(path) for path in (source, tmp_path / "again.keras"))
    assert first.get_config() == again.get_config()
    for a, b in zip(first.variables + first.optimizer.variables, again.variables + again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    kerata("export", source, tmp_path / "x", "--to", "saved_model", "--save-traces", "false", "--train-step", status=2)


def test_the_optimizer_is_included_when_asked_for(tmp_path):
    source = KERAS / "optimizer_adam" / "model.keras"
    kerata("export", source, tmp_path / "without", "--to", "saved_model")
    kerata("export", source, tmp_path / "with", "--to", "saved_model", "--include-optimizer")
    keys = lambda folder: [key for key, _ in tf.train.list_variables(str(folder / "variables" / "variables"))]
    state = [key for key in keys(tmp_path / "with") if key.startswith("optimizer/")]
    assert state and not [key for key in keys(tmp_path / "without") if key.startswith("optimizer/")]
    # Nothing of it is a variable of the model.
    loaded = tf.saved_model.load(str(tmp_path / "with"))
    assert len(loaded.variables) == len(keys(tmp_path / "with")) - len(state) - 1
    found = {key: tf.train.load_variable(str(tmp_path / "with" / "variables" / "variables"), key) for key in state}
    import keras

    left = [np.asarray(variable) for variable in keras.saving.load_model(source).optimizer.variables]
    assert sorted(map(lambda a: (a.shape, a.tobytes()), left)) == sorted(map(lambda a: (np.shape(a), np.asarray(a).tobytes()), found.values()))


def test_signatures_are_the_users(tmp_path):
    kerata("export", KERAS / "multi_input" / "model.keras", tmp_path / "m", "--to", "saved_model", "--signature", "predict", "--signature",
           "explore=training", "--batch", 3, "--output-names", "score")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    assert sorted(loaded.signatures) == ["explore", "predict"]
    predict = loaded.signatures["predict"]
    assert list(predict.structured_outputs) == ["score"]
    assert all(spec.shape[0] == 3 for spec in predict.structured_input_signature[1].values())


def test_compared_inputs_and_outputs_are_kept(tmp_path):
    (x,), (expected,) = io("dense")
    np.savez(tmp_path / "in.npz", in_0=x)
    answer = kerata("export", KERAS / "dense" / "model.keras", tmp_path / "m", "--to", "saved_model", "--check", tmp_path / "in.npz")
    assert answer["difference"] < 1e-5
    kept = tmp_path / "m" / "assets.extra" / "kerata_check"
    np.testing.assert_allclose(np.load(kept / "serving_default.out.npz")["output_0"], expected, rtol=1e-4, atol=1e-5)
    (stored,) = np.load(kept / "serving_default.in.npz").values()
    np.testing.assert_array_equal(stored, x)


def cli(*arguments):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", ["cnn", "dict_inputs", "lstm", "multi_output", "string_lookup", "text_vectorization"])
def test_the_command_line_of_tensorflow_shows_and_runs_it(name, exported, tmp_path):
    folder = exported(name)
    inputs, expected = io(name)
    shown = cli("show", "--dir", folder, "--all")
    assert "signature_def['serving_default']" in shown and "Callable with:" in shown
    specs = tf.saved_model.load(str(folder)).signatures["serving_default"].structured_input_signature[1]
    names = order_of(folder, specs)
    assert all(f"inputs['{key}'] tensor_info" in shown for key in names)
    given = []
    for key, value in zip(names, inputs):
        np.save(tmp_path / f"{key}.npy", tensor(value, specs[key].dtype).numpy().astype(value.dtype if value.dtype.kind != "U" else "S"))
        given.append(f"{key}={tmp_path / key}.npy")
    cli("run", "--dir", folder, "--tag_set", "serve", "--signature_def", "serving_default", "--inputs", ";".join(given), "--outdir", tmp_path)
    found = {path.stem: np.load(path) for path in tmp_path.glob("*.npy") if path.stem not in names}
    assert len(found) == len(expected)
    for value, wanted in zip(in_order(found), expected):
        same(name, value, wanted)
