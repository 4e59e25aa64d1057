"""Makes the models of `scripts/bench/infer`: `infer_models.py FOLDER NAME...`.

Each is built by Keras with seeded weights and saved as `NAME.keras`; beside it the same model for the other runtimes
(`NAME.onnx`, `NAME.tflite`, a SavedModel) and the inputs and Keras's outputs for batches of 1 and 32.
"""

import json
import pathlib
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

BATCHES = (1, 32)


def mlp():
    x = inputs = keras.Input((784,))
    for units in (512, 512):
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def cnn():
    x = inputs = keras.Input((28, 28, 1))
    for filters in (32, 64):
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def digits():
    """The network of `kerata tour`."""
    x = inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.Dropout(0.3)(layers.Flatten()(layers.MaxPooling2D()(x)))
    x = layers.Dropout(0.3)(layers.Dense(256, activation="relu")(x))
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x))


def transformer():
    x = inputs = keras.Input((128, 384))
    for _ in range(6):
        y = layers.MultiHeadAttention(6, 64)(x, x)
        x = layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, y]))
        y = layers.Dense(384)(layers.Dense(1536, activation="gelu")(x))
        x = layers.LayerNormalization(epsilon=1e-5)(layers.Add()([x, y]))
    return keras.Model(inputs, x)


def lstm():
    x = inputs = keras.Input((100, 64))
    for _ in range(2):
        x = layers.LSTM(128, return_sequences=True)(x)
    return keras.Model(inputs, x)


def one():
    """The smallest model: what it takes is what any model costs."""
    inputs = keras.Input((1,))
    return keras.Model(inputs, layers.Dense(1)(inputs))


MODELS = {
    "mlp": mlp,
    "mobilenet_v2": lambda: keras.applications.MobileNetV2(weights=None),
    "resnet50": lambda: keras.applications.ResNet50(weights=None),
    "efficientnet_b0": lambda: keras.applications.EfficientNetB0(weights=None),
    "transformer": transformer,
    "lstm": lstm,
    "cnn": cnn,
    "digits": digits,
    "one": one,
}


def seeded(name):
    """A model with seeded weights whose moving averages are those of a batch: with start values nothing of the input
    reaches the output of a deep convnet."""
    keras.utils.set_random_seed(7)
    model = MODELS[name]()
    normalizations = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    if normalizations:
        momenta = [layer.momentum for layer in normalizations]
        for layer in normalizations:
            layer.momentum = 0.0
        model(np.random.default_rng(8).standard_normal((4, *model.input_shape[1:])).astype("float32"), training=True)
        for layer, momentum in zip(normalizations, momenta):
            layer.momentum = momentum
    return model


def live_floats(model):
    """Most floats of layer outputs that are held at one time, for one sample, when layers run in order."""
    steps = [layer for layer in model.layers if layer._inbound_nodes]
    last = {}
    for at, layer in enumerate(steps):
        for source in layer._inbound_nodes[0].input_tensors:
            last[id(source)] = at
    live, most = {}, 0
    for at, layer in enumerate(steps):
        for output in layer._inbound_nodes[0].outputs:
            live[id(output)] = int(np.prod([size or 1 for size in output.shape]))
        most = max(most, sum(live.values()))
        live = {key: size for key, size in live.items() if last.get(key, len(steps)) > at}
    return most


def spell_out_erfc(path):
    """ONNX has no `Erfc`, which Keras's gelu is made of; tf2onnx writes it nevertheless."""
    import onnx

    model = onnx.load(path)
    nodes = list(model.graph.node)
    one = onnx.numpy_helper.from_array(np.array(1, "float32"), "one_of_erfc")
    if not any(node.op_type == "Erfc" for node in nodes):
        return
    model.graph.initializer.append(one)
    del model.graph.node[:]
    for node in nodes:
        if node.op_type == "Erfc":
            part = node.output[0] + "/erf"
            model.graph.node.append(onnx.helper.make_node("Erf", node.input, [part]))
            node = onnx.helper.make_node("Sub", ["one_of_erfc", part], node.output)
        model.graph.node.append(node)
    onnx.save(model, path)


def write_onnx(name, model, function, path):
    import tf2onnx

    if name == "lstm":
        import infer_lstm

        infer_lstm.write(model, path)
        return
    # Frozen, so that constants of the layers do not become inputs.
    frozen = convert_variables_to_constants_v2(function.get_concrete_function())
    names = [[tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs)]
    graph = frozen.graph.as_graph_def()
    tf2onnx.convert.from_graph_def(graph, input_names=names[0], output_names=names[1], opset=17, output_path=str(path))
    spell_out_erfc(path)


def make(name, folder):
    model = seeded(name)
    model.save(folder / f"{name}.keras")
    random = np.random.default_rng(7)
    for batch in BATCHES:
        x = random.standard_normal((batch, *model.input_shape[1:])).astype("float32")
        np.savez(folder / f"{name}-{batch}.npz", in_0=x, out_0=model.predict(x, verbose=0))
    weights = sum(int(np.prod(weight.shape)) for weight in model.weights)
    facts = {"weights": weights * 4, "live": live_floats(model) * 4}
    (folder / f"{name}.json").write_text(json.dumps(facts))

    model.export(folder / f"{name}-saved_model", verbose=False)
    spec = (tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="x"),)
    function = tf.function(lambda x: model(x, training=False), input_signature=spec)
    write_onnx(name, model, function, folder / f"{name}.onnx")
    try:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    except Exception as error:  # Loops need TensorFlow's own ops, which tf.lite has not.
        print(f"{name}: no tf.lite model: {str(error).splitlines()[0][:100]}", file=sys.stderr)


if __name__ == "__main__":
    for wanted in sys.argv[2:]:
        make(wanted, pathlib.Path(sys.argv[1]))
