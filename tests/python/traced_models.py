"""Models with layers of one's own, as a Python user writes them; run by test_trace.py on each backend."""

import keras
import numpy as np
from keras import ops

import traced_flows


@keras.saving.register_keras_serializable("demo")
class Gate(keras.layers.Layer):
    """Variables of its own, a layer inside, arithmetic with Python operators."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.inner = keras.layers.Dense(units, activation="tanh", dtype=self.dtype_policy)

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1], self.units))
        self.gains = [self.add_weight(name=f"gain_{n}", shape=(self.units,), initializer="uniform") for n in range(2)]
        self.inner.build(shape)

    def call(self, x):
        gate = ops.sigmoid(ops.matmul(x, self.w) * self.gains[0] + 0.5)
        return gate * self.inner(x) + (1 - gate) * self.gains[1]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("demo")
class Noisy(keras.layers.Layer):
    """Decides by the training flag."""

    def __init__(self, **options):
        super().__init__(**options)
        self.drop = keras.layers.Dropout(0.5)
        self.norm = keras.layers.BatchNormalization()

    def call(self, x, training=False):
        if training:
            return self.drop(self.norm(x, training=True), training=True) * 2.0
        return ops.relu(self.norm(x))


@keras.saving.register_keras_serializable("demo")
class TokensOf(keras.layers.Layer):
    """Sizes of the batch in reshapes and broadcasts, as in a vision transformer."""

    def build(self, shape):
        self.token = self.add_weight(name="token", shape=(1, 1, 4))

    def call(self, image):
        batch, height, width, channels = ops.shape(image)
        patches = ops.reshape(image, (batch, height // 2, 2, width // 2, 2, channels))
        patches = ops.transpose(patches, (0, 1, 3, 2, 4, 5))
        patches = ops.reshape(patches, (batch, (height // 2) * (width // 2), 4 * channels))
        tokens = ops.broadcast_to(self.token, (batch, 1, 4))
        padding = ops.zeros((batch, 1, 4))
        places = ops.cast(ops.arange(4), "float32")
        return ops.concatenate([tokens, patches[:, :, :4], ops.tile(self.token, (batch, 1, 1)) + places, padding], axis=1)


@keras.saving.register_keras_serializable("demo")
class Count(keras.layers.Layer):
    """Changes a variable of its own."""

    def build(self, shape):
        self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.calls.assign_add(1.0)
        return x + self.calls


@keras.saving.register_keras_serializable("demo")
class Masked(keras.layers.Layer):
    """Takes a mask and passes it on."""

    def __init__(self, **options):
        super().__init__(**options)
        self.supports_masking = True

    def call(self, x, mask=None):
        if mask is None:
            return x
        return x * ops.expand_dims(ops.cast(mask, x.dtype), -1)


@keras.saving.register_keras_serializable("demo")
def squash(x):
    return x / (1 + ops.abs(x))


@keras.saving.register_keras_serializable("demo")
class Inner(keras.Model):
    """A subclassed model inside another one."""

    def __init__(self, **options):
        super().__init__(**options)
        self.layers_of_it = [keras.layers.Dense(5, activation=squash), Gate(3)]

    def build(self, shape):
        self.layers_of_it[0].build(shape)
        self.layers_of_it[1].build((*shape[:-1], 5))

    def call(self, x, training=None):
        for layer in self.layers_of_it:
            x = layer(x)
        return x


@keras.saving.register_keras_serializable("demo")
class TwoTowers(keras.Model):
    """Takes a dict, gives a dict; ties a kernel."""

    def __init__(self, **options):
        super().__init__(**options)
        self.table = keras.layers.Embedding(7, 4)
        self.inner = Inner()
        self.noisy = Noisy()

    def call(self, inputs, training=False):
        words = ops.mean(self.table(inputs["words"]), axis=1)
        mixed = self.inner(ops.concatenate([words, inputs["numbers"]], axis=-1))
        logits = ops.matmul(words, ops.transpose(self.table.embeddings))
        return {"scores": logits, "mixed": self.noisy(mixed, training=training)}


def random(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def functional():
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    x = Gate(4)(keras.layers.Add()([a, b]))
    y = Noisy()(ops.abs(x))
    return keras.Model([a, b], [y, keras.layers.Dense(2, activation=squash)(x)]), [random(3, 6), random(3, 6, seed=2)]


def shared():
    gate, x = Gate(6), keras.Input((6,))
    return keras.Model(x, gate(gate(x))), [random(2, 6)]


def vision():
    x = keras.Input((4, 4, 1))
    y = TokensOf()(x)
    y = keras.layers.MultiHeadAttention(2, 2)(y, y)
    return keras.Model(x, keras.layers.Dense(3)(keras.layers.Flatten()(y))), [random(5, 4, 4, 1)]


def masks():
    x = keras.Input((None,), dtype="int32")
    y = keras.layers.Embedding(9, 4, mask_zero=True)(x)
    y = Masked()(y)
    y = keras.layers.LSTM(3, return_sequences=True)(y)
    y = keras.layers.GlobalAveragePooling1D()(Masked()(y))
    return keras.Model(x, y), [np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]], "int32")]


def sequential():
    layers = [keras.Input((6,)), Gate(5), keras.layers.Lambda(lambda x: ops.square(x) - 1), keras.layers.Dense(2)]
    return keras.Sequential(layers), [random(4, 6)]


def subclassed():
    model = TwoTowers()
    inputs = {"words": np.array([[1, 2, 3], [4, 5, 6]], "int32"), "numbers": random(2, 3)}
    model(inputs)
    return model, inputs


def mixed_precision():
    x = keras.Input((6,))
    return keras.Model(x, Gate(4, dtype="mixed_bfloat16")(x)), [random(3, 6)]


def recurrent():
    x = keras.Input((5, 3))
    y = keras.layers.Bidirectional(keras.layers.GRU(4, return_sequences=True))(x)
    y = keras.layers.TimeDistributed(keras.layers.Dense(2))(y)
    return keras.Model(x, Gate(2)(y)), [random(2, 5, 3)]


def counting():
    x = keras.Input((3,))
    return keras.Model(x, Count()(x)), [random(2, 3)]


MODELS = {function.__name__: function for function in (
    functional, shared, vision, masks, sequential, subclassed, mixed_precision, recurrent, counting)} | traced_flows.MODELS


def untraceable():
    """A layer that leaves keras.ops."""

    @keras.saving.register_keras_serializable("demo")
    class Sorted(keras.layers.Layer):
        def call(self, x):
            return ops.convert_to_tensor(np.sort(np.asarray(x)))

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((3,))
    layer = Sorted(name="sorter")
    layer.compute_output_spec = lambda x: keras.KerasTensor(x.shape, x.dtype)
    return keras.Model(x, layer(x))


def main(folder):
    """Writes each model with its trace, inputs, and what Keras makes of them for inference."""
    import json

    import kerata_trace

    keras.utils.set_random_seed(3)
    for name, make in MODELS.items():
        model, inputs = make()
        random_numbers = np.random.default_rng(5)
        for variable in model.variables:
            if keras.backend.is_float_dtype(variable.dtype):
                variable.assign(variable + 0.05 * random_numbers.normal(size=variable.shape).astype("float32"))
        before = [keras.ops.convert_to_numpy(variable) for variable in model.variables]
        examples = [inputs] if isinstance(inputs, dict) else None
        report = kerata_trace.save(model, f"{folder}/{name}.keras", inputs=examples)
        for old, variable in zip(before, model.variables):
            np.testing.assert_array_equal(old, keras.ops.convert_to_numpy(variable))
        named = inputs if isinstance(inputs, dict) else {f"in_{n}": x for n, x in enumerate(inputs)}
        np.savez(f"{folder}/{name}.in.npz", **named)
        outputs = model(inputs if isinstance(inputs, dict) or len(inputs) > 1 else inputs[0], training=False)
        flat = [keras.ops.convert_to_numpy(keras.ops.cast(x, "float32")) for x in keras.tree.flatten(outputs)]
        np.savez(f"{folder}/{name}.out.npz", *flat)
        with open(f"{folder}/{name}.json", "w") as file:
            json.dump({"signatures": report.signatures, "skipped": report.skipped}, file)
    try:
        kerata_trace.save(untraceable(), f"{folder}/untraceable.keras")
        message = "it was traced"
    except kerata_trace.Untraceable as error:
        message = str(error)
    with open(f"{folder}/untraceable.txt", "w") as file:
        file.write(message)
    refused = {}
    for kind in traced_flows.REFUSED:
        x = keras.Input((3,))
        try:
            kerata_trace.save(keras.Model(x, kind()(x)), f"{folder}/refused.keras")
            refused[kind.__name__] = "it was traced"
        except kerata_trace.Untraceable as error:
            refused[kind.__name__] = str(error)
    with open(f"{folder}/refused.json", "w") as file:
        json.dump(refused, file)


if __name__ == "__main__":
    import sys

    main(sys.argv[1])
