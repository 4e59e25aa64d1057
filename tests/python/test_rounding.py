"""Layers beside the truth, which is the same layer with the same weights in float64: kerata rounds about as little as Keras."""

import keras
import numpy as np
import pytest

from conftest import kerata

L = keras.layers


def normalized(*layers):
    return keras.Sequential([*layers, L.BatchNormalization()])


# Layers by name, with the shape of a sample.
CASES = {
    "dense_64": (lambda: L.Dense(64), (64,)),
    "dense_512": (lambda: L.Dense(64), (512,)),
    "dense_4608": (lambda: L.Dense(64), (4608,)),
    "conv_64": (lambda: L.Conv2D(32, 3), (8, 8, 64)),
    "conv_512": (lambda: L.Conv2D(32, 3), (6, 6, 512)),
    "conv_normalized": (lambda: normalized(L.Conv2D(32, 3, use_bias=False)), (8, 8, 32)),
    "conv_bias_normalized": (lambda: normalized(L.Conv2D(32, 3)), (8, 8, 32)),
    "pointwise_1920": (lambda: L.Conv2D(32, 1, use_bias=False), (6, 6, 1920)),
    "pointwise_normalized": (lambda: normalized(L.Conv2D(96, 1, use_bias=False)), (8, 8, 16)),
    "depthwise_normalized": (lambda: normalized(L.DepthwiseConv2D(3, use_bias=False)), (8, 8, 32)),
    "depthwise_7": (lambda: L.DepthwiseConv2D(7), (9, 9, 32)),
    "separable": (lambda: L.SeparableConv2D(32, 3), (8, 8, 32)),
    "batch_normalization": (lambda: L.BatchNormalization(), (8, 8, 16)),
    "layer_normalization": (lambda: L.LayerNormalization(), (16, 384)),
    "global_average": (lambda: L.GlobalAveragePooling2D(), (14, 14, 64)),
    "average": (lambda: L.AveragePooling2D(3, 1, padding="same"), (8, 8, 32)),
    "softmax": (lambda: L.Softmax(), (16, 128)),
    "gelu": (lambda: L.Activation("gelu"), (512,)),
    "swish": (lambda: L.Activation("swish"), (512,)),
    "hard_swish": (lambda: L.Activation("hard_swish"), (512,)),
    "sigmoid": (lambda: L.Activation("sigmoid"), (512,)),
    "tanh": (lambda: L.Activation("tanh"), (512,)),
    "elu": (lambda: L.Activation("elu"), (512,)),
    "softplus": (lambda: L.Activation("softplus"), (512,)),
    "attention": (lambda: L.MultiHeadAttention(4, 16), (32, 64)),
    "lstm": (lambda: L.LSTM(64), (50, 32)),
    "gru": (lambda: L.GRU(64), (50, 32)),
}


def applied(layer, x):
    return layer(x, x) if isinstance(layer, L.MultiHeadAttention) else layer(x)


def model_of(names):
    inputs = [keras.Input(CASES[name][1]) for name in names]
    outputs = []
    for name, x in zip(names, inputs):
        outputs.append(applied(CASES[name][0](), x))
    return keras.Model(inputs, outputs)


def filled(model):
    random = np.random.default_rng(5)
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        shape = variable.shape
        # Sums keep the size of what is summed.
        deep = np.sqrt(max(1, np.prod(shape[:-1]))) if len(shape) > 1 and "depthwise" not in variable.path else 3
        value = random.normal(0, 1, shape) / deep
        variable.assign(random.uniform(0.5, 2, shape) if "variance" in variable.path or "gamma" in variable.path else value)
    return model


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    """By name: how far kerata and Keras are from the truth, over the spread of the outputs, in units of float32."""
    folder, names = tmp_path_factory.mktemp("rounding"), list(CASES)
    model = filled(model_of(names))
    random = np.random.default_rng(6)
    xs = [random.normal(0, 1.5, (4, *CASES[name][1])).astype("float32") for name in names]
    theirs = [np.asarray(y) for y in model(xs, training=False)]
    model.save(folder / "model.keras")
    np.savez(folder / "in.npz", **{f"in_{at}": x for at, x in enumerate(xs)})
    kerata("run", folder / "model.keras", "--inputs", folder / "in.npz", "--outputs", folder / "out.npz")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        exact = model_of(names)
        exact.set_weights(model.get_weights())
        truth = [np.asarray(y) for y in exact([x.astype("float64") for x in xs], training=False)]
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    assert all(y.dtype == "float64" for y in truth)
    far = lambda a, b: float(np.sqrt(np.mean((a - b) ** 2)) / np.std(b) * 2**23)
    with np.load(folder / "out.npz") as ours:
        return {name: (far(ours[f"out_{at}"], truth[at]), far(theirs[at], truth[at])) for at, name in enumerate(names)}


@pytest.mark.parametrize("name", CASES)
def test_layers_are_as_near_the_truth_as_keras(name, figures):
    ours, theirs = figures[name]
    print(f"{name}: {ours:.2f}, Keras {theirs:.2f}")
    assert ours <= 2 * theirs + 0.5
