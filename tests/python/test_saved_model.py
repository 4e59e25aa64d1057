"""What kerata exports, TensorFlow loads and runs; what TensorFlow wrote, kerata runs and converts."""

import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from conftest import GOLDEN, ROOT, kerata

TF_GOLDEN = ROOT / "fixtures" / "tensorflow" / "golden"
KERAS = GOLDEN / "keras-3.15"

# Together these use every line of the table by which ops are written.
EXPORTED = """activation_layers attention_masked autoencoder batch_normalization bidirectional cnn conv1d conv1d_transpose
conv2d_transpose conv3d conv_lstm2d depthwise_conv1d depthwise_conv2d dict_inputs dot einsum_dense embedding
group_normalization gru int8 lora lstm masking multi_head_attention multi_input multi_output nested_structure ops_reductions
ops_shapes padding_and_cropping pooling1d pooling3d recurrent_backwards recurrent_stateful separable_conv2d simple_rnn
time_distributed_masked transformer_block unet upsampling""".split()


def io(name):
    arrays = np.load(KERAS / name / "io.npz")
    numbered = lambda prefix: [arrays[key] for key in sorted(
        (key for key in arrays if key.startswith(prefix)), key=lambda key: int(key.split("_")[1]))]
    return numbered("in_"), numbered("out_")


def order_of(folder, specs):
    noted = folder / "assets.extra" / "kerata_inputs.json"
    return json.loads(noted.read_text()) if noted.exists() else sorted(specs)


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found, "float64"), np.asarray(expected, "float64"), atol=1e-5, rtol=1e-4)


def outputs_in_order(outputs):
    numbered = all(key.startswith("output_") for key in outputs)
    return [outputs[key] for key in sorted(outputs, key=lambda key: int(key[7:]) if numbered else key)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Exports a golden model once."""
    root, done = tmp_path_factory.mktemp("exported"), {}

    def export(name):
        if name not in done:
            kerata("export", KERAS / name / "model.keras", root / name, "--to", "saved_model")
            done[name] = root / name
        return done[name]

    return export


@pytest.mark.parametrize("name", EXPORTED)
def test_signatures_give_the_numbers_of_keras(name, exported):
    folder = exported(name)
    function = tf.saved_model.load(str(folder)).signatures["serving_default"]
    specs = function.structured_input_signature[1]
    inputs, expected = io(name)
    arguments = {key: tf.cast(tf.constant(value), specs[key].dtype) for key, value in zip(order_of(folder, specs), inputs)}
    found = outputs_in_order(function(**arguments))
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        close(a, b)


def test_the_callable_is_trainable(exported):
    loaded = tf.saved_model.load(str(exported("dense")))
    (x,), _ = io("dense")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(loaded(tf.constant(x))))
    gradients = tape.gradient(loss, list(loaded.trainable_variables))
    assert gradients and all(gradient is not None for gradient in gradients)
    assert len(loaded.variables) == len(loaded.trainable_variables) + len(loaded.non_trainable_variables)


@pytest.mark.parametrize("name", ["lstm", "cnn"])
def test_gradients_flow_through_loops_and_convolutions(name, exported):
    loaded = tf.saved_model.load(str(exported(name)))
    inputs, _ = io(name)
    with tf.GradientTape() as tape:
        outputs = tf.nest.flatten(loaded(tf.constant(inputs[0])))
        loss = tf.add_n([tf.reduce_sum(tf.square(tf.cast(output, tf.float32))) for output in outputs])
    read = [g for g in tape.gradient(loss, list(loaded.trainable_variables)) if g is not None]
    assert read and all(np.isfinite(tf.convert_to_tensor(gradient).numpy()).all() for gradient in read)


@pytest.mark.parametrize("endpoint", ["serve", "serving_default"])
def test_keras_takes_it_as_a_layer(endpoint, exported):
    import keras

    layer = keras.layers.TFSMLayer(str(exported("dense")), call_endpoint=endpoint)
    (x,), expected = io("dense")
    found = layer(x)
    close(tf.nest.flatten(found)[0], expected[0])
    assert layer.trainable_weights


def test_tensorflow_1_loads_it(exported):
    folder = exported("cnn")
    inputs, expected = io("cnn")
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        signature = graph.signature_def["serving_default"]
        feed = {info.name: value for (_, info), value in zip(sorted(signature.inputs.items()), inputs)}
        close(session.run(signature.outputs["output_0"].name, feed), expected[0])


def test_the_command_line_of_tensorflow_shows_and_runs_it(exported, tmp_path):
    folder = exported("dense")
    (x,), expected = io("dense")
    (name,) = order_of(folder, tf.saved_model.load(str(folder)).signatures["serving_default"].structured_input_signature[1])
    np.save(tmp_path / "x.npy", x)
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", str(folder), "--tag_set", "serve",
               "--signature_def", "serving_default", "--inputs", f"{name}={tmp_path / 'x.npy'}", "--outdir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    close(np.load(tmp_path / "output_0.npy"), expected[0])


def test_variables_are_stored_once_and_bytes_are_the_same_each_time(exported, tmp_path):
    folder = exported("cnn")
    keys = [key for key, _ in tf.train.list_variables(str(folder / "variables" / "variables"))]
    parameters = kerata("inspect", KERAS / "cnn" / "model.keras")["parameters"]
    assert kerata("inspect", folder)["parameters"] == parameters
    assert len([key for key in keys if key.endswith("VARIABLE_VALUE")]) == len(set(keys)) - 1
    kerata("export", KERAS / "cnn" / "model.keras", tmp_path / "again", "--to", "saved_model")

    def digest(root):
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(root.rglob("*")) if path.is_file()}

    assert digest(folder) == digest(tmp_path / "again")


def test_it_can_be_changed_and_saved_again(exported, tmp_path):
    loaded = tf.saved_model.load(str(exported("dense")))
    loaded.trainable_variables[0].assign_add(tf.ones_like(loaded.trainable_variables[0]))
    tf.saved_model.save(loaded, str(tmp_path / "again"))
    again = tf.saved_model.load(str(tmp_path / "again"))
    (x,), expected = io("dense")
    assert not np.allclose(tf.nest.flatten(again(tf.constant(x)))[0], expected[0])


SIGNATURES = [(path.parent.name, path.name[3:-4]) for path in sorted(TF_GOLDEN.glob("*/io_*.npz"))
              if (path.parent / "model").exists()]


@pytest.mark.parametrize("name, signature", SIGNATURES)
def test_kerata_runs_what_tensorflow_wrote(name, signature, tmp_path):
    arrays = np.load(TF_GOLDEN / name / f"io_{signature}.npz")
    inputs = {key[3:]: (value.astype("U") if value.dtype.kind == "S" else value)
              for key, value in arrays.items() if key.startswith("in_")}
    np.savez(tmp_path / "in.npz", **inputs)
    answer = kerata("run", TF_GOLDEN / name / "model", "--inputs", tmp_path / "in.npz", "--outputs",
                    tmp_path / "out.npz", "--signature", signature)
    found = np.load(tmp_path / "out.npz")
    for position, output in enumerate(answer["outputs"]):
        expected = arrays[f"out_{output['name']}"]
        value = found[f"out_{position}"]
        if expected.dtype.kind in "SU":
            assert value.astype("S").tolist() == expected.tolist()
        elif "bfloat16" in name:
            np.testing.assert_allclose(value, expected, rtol=0.02, atol=1e-3)
        else:
            close(value, expected)


def test_ops_that_kerata_itself_writes_run(tmp_path):
    """Draws of a seed without a key, the way back of a slice, and all of an axis in order."""
    raw = tf.raw_ops

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([2], tf.int32)])
    def serve(x, seed):
        shape = tf.stack([tf.shape(x)[0], 5])
        values, places = tf.math.top_k(-x, tf.shape(x)[1])
        part = x[1:, tf.newaxis, 0]
        flat = tf.reshape(x, [-1])
        kinds = raw.UniqueWithCounts(x=flat)
        return {
            "kinds": kinds.y, "numbers": kinds.idx, "counts": kinds.count, "whole": tf.unique(tf.cast(flat, tf.int64), tf.int64).idx,
            "along": raw.UniqueV2(x=flat, axis=[0]).y,
            "normal": raw.StatelessRandomNormal(shape=shape, seed=seed),
            "truncated": raw.StatelessTruncatedNormal(shape=shape, seed=seed),
            "uniform": raw.StatelessRandomUniform(shape=shape, seed=seed),
            "integers": raw.StatelessRandomUniformInt(shape=shape, seed=seed, minval=-3, maxval=40),
            "values": values, "places": places,
            "grad": raw.StridedSliceGrad(shape=tf.shape(x), begin=[1, 0, 0], end=[0, 0, 1], strides=[1, 1, 1], dy=part, begin_mask=0,
                                         end_mask=1, new_axis_mask=2, shrink_axis_mask=4),
        }

    module = tf.Module()
    module.serve = serve
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=serve)
    x = np.array([[3, 1, 2, 1], [0, 5, -1, 5], [2, 2, 7, -4]], "float32")
    seed = np.array([7, -9], "int32")
    np.savez(tmp_path / "in.npz", x=x, seed=seed)
    answer = kerata("run", tmp_path / "m", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    found, expected = np.load(tmp_path / "out.npz"), serve(x, seed)
    assert len(answer["outputs"]) == len(expected)
    for position, output in enumerate(answer["outputs"]):
        close(found[f"out_{position}"], expected[output["name"]])


def test_tables_inside_loops_and_branches_are_read_and_written(tmp_path):
    class Tables(tf.Module):
        def __init__(self):
            fill = lambda keys, values: tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values, tf.int64))
            self.words = tf.lookup.StaticHashTable(fill(["a", "b", "c"], [1, 2, 3]), -1)
            self.numbers = tf.lookup.StaticHashTable(fill(np.array([1, 2, 3], "int64"), [2, 3, 1]), 0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([], tf.int32)])
        def serve(self, x, n):
            body = lambda i, total: (i + 1, total + self.numbers.lookup(total) + self.words.lookup(x))
            _, total = tf.while_loop(lambda i, _: i < n, body, [0, tf.zeros(tf.shape(x), tf.int64)])
            return {"total": total, "after": tf.cond(n > 2, lambda: self.numbers.lookup(total % 4), lambda: total)}

    module = Tables()
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=module.serve)
    kerata("export", tmp_path / "m", tmp_path / "again", "--to", "saved_model", "--batch", 4)
    again = tf.saved_model.load(str(tmp_path / "again")).signatures["serving_default"]
    x = np.array(["a", "c", "z", "b"])
    for n in (0, 2, 5):
        expected = module.serve(tf.constant(x), tf.constant(n))
        np.savez(tmp_path / "in.npz", x=x, n=np.array(n, "int32"))
        answer = kerata("run", tmp_path / "m", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
        found = np.load(tmp_path / "out.npz")
        rewritten = again(x=tf.constant(x), n=tf.constant(n))
        for position, output in enumerate(answer["outputs"]):
            np.testing.assert_array_equal(found[f"out_{position}"], expected[output["name"]])
            np.testing.assert_array_equal(rewritten[output["name"]], expected[output["name"]])


CHECKPOINTS = [path.parent.name for path in sorted(TF_GOLDEN.glob("ck_*/expect.json"))]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_tensorflow_reads_a_converted_checkpoint(name, tmp_path):
    expect = json.loads((TF_GOLDEN / name / "expect.json").read_text())
    kerata("convert", TF_GOLDEN / name / expect["prefix"], tmp_path / "again", "--to", "checkpoint")
    old = tf.train.load_checkpoint(str(TF_GOLDEN / name / expect["prefix"]))
    new = tf.train.load_checkpoint(str(tmp_path / "again"))
    assert new.get_variable_to_shape_map() == old.get_variable_to_shape_map()
    for key, entry in expect["variables"].items():
        if entry["dtype"] != "variant":
            np.testing.assert_array_equal(np.asarray(new.get_tensor(key)), np.asarray(old.get_tensor(key)), err_msg=key)


FROZEN = sorted(path.parent.name for path in TF_GOLDEN.glob("*/frozen.pb"))


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_graphs_run_and_convert(name, tmp_path):
    file, arrays = TF_GOLDEN / name / "frozen.pb", np.load(TF_GOLDEN / name / "io_serving_default.npz")
    parameters = json.loads((TF_GOLDEN / name / "expect.json").read_text())["parameters"]
    found = kerata("inspect", file)
    assert found["format"] == "graph_def" and found["parameters"] == parameters
    np.savez(tmp_path / "in.npz", **{key[3:]: value for key, value in arrays.items() if key.startswith("in_")})
    answer = kerata("run", file, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    (output,) = answer["outputs"]
    close(np.load(tmp_path / "out.npz")["out_0"], arrays[f"out_{output['name']}"])
    kerata("run", file, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "again.npz", "--signature", output["name"])
    close(np.load(tmp_path / "again.npz")["out_0"], arrays[f"out_{output['name']}"])
    kerata("convert", file, tmp_path / "weights.safetensors")
    assert kerata("inspect", tmp_path / "weights.safetensors")["parameters"] == parameters
    kerata("export", file, tmp_path / "served", "--to", "saved_model")
    served = tf.saved_model.load(str(tmp_path / "served")).signatures["serving_default"]
    feeds = {key[3:]: tf.constant(value) for key, value in arrays.items() if key.startswith("in_")}
    close(tf.nest.flatten(served(**feeds))[0], arrays[f"out_{output['name']}"])


@pytest.mark.parametrize("name", ["tfk_without_traces", "tfk_functional_without_traces"])
def test_models_that_tf_keras_saved_without_traces_are_rebuilt(name, tmp_path):
    tf_keras, keras = pytest.importorskip("tf_keras"), pytest.importorskip("keras")
    model = tf_keras.models.load_model(str(TF_GOLDEN / name / "model"))
    random = np.random.default_rng(5)
    inputs = [random.normal(size=(3, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
    expected = tf.nest.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    np.savez(tmp_path / "in.npz", **{f"in_{at}": value for at, value in enumerate(inputs)})
    kerata("run", TF_GOLDEN / name / "model", "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / "out.npz")
    found = np.load(tmp_path / "out.npz")
    for at, value in enumerate(expected):
        close(found[f"out_{at}"], value)
    kerata("convert", TF_GOLDEN / name / "model", tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for a, b in zip(tf.nest.flatten(again(inputs if len(inputs) > 1 else inputs[0], training=False)), expected):
        close(a, b)
    if model.optimizer is not None:
        # What the file holds; tf-keras starts some optimizers anew when it loads.
        stored = tf.train.load_checkpoint(str(TF_GOLDEN / name / "model" / "variables" / "variables"))
        counters = [key for key in stored.get_variable_to_shape_map() if re.search(r"/_?iterations?/\.ATTRIBUTES", key) and "optimizer" in key]
        assert [int(stored.get_tensor(key)) for key in counters] == [int(again.optimizer.iterations)]
        assert float(again.optimizer.learning_rate) == pytest.approx(float(model.optimizer.learning_rate))


@pytest.mark.parametrize("name", ["optimizer_adam", "lstm_text", "multi_input"])
def test_without_traces_config_and_variables_are_kept(name, tmp_path):
    source = KERAS / name / "model.keras"
    for include in (False, True):
        folder = tmp_path / f"bare_{include}"
        options = ["--include-optimizer"] if include else []
        answer = kerata("export", source, folder, "--to", "saved_model", "--save-traces", "false", *options)
        assert answer["signatures"] == []
        loaded = tf.saved_model.load(str(folder))
        assert not loaded.signatures
        again = tmp_path / f"again_{include}.keras"
        kerata("convert", folder, again)
        reference = source
        if not include:
            reference = tmp_path / "reference.keras"
            kerata("convert", source, reference, "--drop-optimizer")
        kerata("diff", reference, again)
        inputs, expected = io(name)
        np.savez(tmp_path / "in.npz", **{f"in_{at}": value for at, value in enumerate(inputs)})
        kerata("run", folder, "--inputs", tmp_path / "in.npz", "--outputs", tmp_path / f"out_{include}.npz")
        close(np.load(tmp_path / f"out_{include}.npz")["out_0"], expected[0])
