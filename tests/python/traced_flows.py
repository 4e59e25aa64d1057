"""Models whose layers branch, loop and draw random numbers with `keras.ops` and `keras.random`; saved by traced_models.py."""

import keras
import numpy as np
from keras import ops


def own(kind):
    return keras.saving.register_keras_serializable("demo")(kind)


def random(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@own
class Branching(keras.layers.Layer):
    """Either of two branches: a layer in one, a variable in the other, a branch in the branch; and a choice of three."""

    def __init__(self, **options):
        super().__init__(**options)
        self.dense = keras.layers.Dense(4, activation="tanh")

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(4,), initializer="uniform")
        self.dense.build(shape)

    def call(self, x):
        def either(value):
            inner = lambda: ops.cond(ops.max(value) > 100.0, lambda: value, lambda: value * self.w)
            return ops.cond(ops.mean(value) > 0, lambda: self.dense(value), inner)

        chosen = [ops.switch(ops.cast(ops.mean(x * 0), "int32") + at, [lambda v: v + 1, lambda v: v * 2, lambda v: v - self.w], x) for at in range(3)]
        return ops.concatenate([either(x), either(-x), *chosen], axis=-1)


@own
class Looping(keras.layers.Layer):
    """Loops that end by a number of steps, and by what they compute."""

    def build(self, shape):
        self.matrix = self.add_weight(name="matrix", shape=(shape[-1], shape[-1]))

    def call(self, x):
        power = ops.fori_loop(0, 3, lambda step, v: ops.tanh(ops.matmul(v, self.matrix)) + ops.cast(step, v.dtype), x)
        doubled, count = ops.while_loop(lambda v, n: ops.sum(ops.abs(v)) < 1000.0, lambda v, n: (v * 2.0, n + 1), (x, 0))
        few = ops.while_loop(lambda v: ops.max(v) < 1e9, lambda v: v + 1.0, x, maximum_iterations=4)
        return power, doubled, ops.cast(count, "float32") + ops.zeros((1,)), few


@own
class OwnRecurrence(keras.layers.Layer):
    """A recurrent layer written with `ops.scan`: a state of two parts, results in the order of time, also backwards."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.gate = keras.layers.Dense(units, activation="sigmoid")

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1], self.units))
        self.back = self.add_weight(name="back", shape=(self.units, self.units), initializer="orthogonal")
        self.gate.build((shape[0], self.units))

    def call(self, x):
        def step(state, element):
            h, total = state
            new = ops.tanh(ops.matmul(element, self.kernel) + ops.matmul(h, self.back))
            h = h + self.gate(h) * (new - h)
            # Keras's scan on TensorFlow wants results of the structure of the state.
            return (h, total + h), (h, total * 2.0)

        zeros = ops.zeros((ops.shape(x)[0], self.units))
        (last, total), (all_of_it, _) = ops.scan(step, (zeros, zeros), ops.moveaxis(x, 1, 0))
        (first, _), _ = ops.scan(step, (zeros, zeros), ops.moveaxis(x, 1, 0), reverse=True)
        return ops.concatenate([last, total, first], axis=-1), ops.moveaxis(all_of_it, 0, 1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@own
class OwnCell(keras.layers.Layer):
    """A cell of two states for `keras.layers.RNN`."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units, self.state_size = units, [units, units]

    def build(self, shape):
        self.kernel = self.add_weight(name="kernel", shape=(shape[-1] + self.units, self.units))

    def call(self, x, states, training=False):
        h, slow = states
        new = ops.tanh(ops.matmul(ops.concatenate([x, h], axis=-1), self.kernel))
        return new + slow, [new, 0.5 * slow + 0.5 * new]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@own
class Mapping(keras.layers.Layer):
    """Functions over each sample, and running combinations along an axis."""

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(3,), initializer="uniform")

    def call(self, x):
        each = ops.map(lambda row: ops.matmul(row, ops.transpose(row)) / ops.sum(self.w), x)
        both = ops.vectorized_map(lambda pair: pair[0] - ops.mean(pair[1]) * self.w, (x, x * 2.0))
        products = ops.associative_scan(ops.multiply, x, axis=1)
        affine = lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1])
        _, running = ops.associative_scan(affine, (ops.sigmoid(x), x), axis=2, reverse=True)
        return each, both, products, running

    def compute_output_spec(self, x):
        square = keras.KerasTensor((*x.shape[:-1], x.shape[1]), x.dtype)
        return square, *[keras.KerasTensor(x.shape, x.dtype) for _ in range(3)]


@own
class Drawing(keras.layers.Layer):
    """Random numbers from a generator of its own, always; dropout in training."""

    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(31)

    def call(self, x, training=False):
        shape = ops.shape(x)
        noise = keras.random.normal(shape, mean=1.0, stddev=0.5, seed=self.generator)
        even = keras.random.uniform((shape[0], 3), minval=-2.0, maxval=2.0, seed=self.generator)
        few = keras.random.truncated_normal((2, 3), seed=self.generator)
        whole = ops.cast(keras.random.randint((shape[0], 3), 3, 9, seed=7), "float32")
        if training:
            x = keras.random.dropout(x, 0.5, seed=self.generator)
        order = keras.random.shuffle(ops.arange(5), seed=self.generator)
        return x + noise, even, few + ops.mean(x) * 0, whole, ops.cast(order, "float32") + ops.mean(x) * 0


@own
class TwoInputs(keras.layers.Layer):
    """Several arguments, one of them by name."""

    def __init__(self, **options):
        super().__init__(**options)
        self.mix = keras.layers.Dense(3)

    def build(self, first_shape, second_shape, bias_shape=None):
        self.mix.build((*first_shape[:-1], first_shape[-1] + second_shape[-1]))

    def call(self, first, second, bias=None, training=False):
        mixed = self.mix(ops.concatenate([first, second], axis=-1))
        mixed = mixed if bias is None else mixed + bias
        return mixed * 2.0 if training else mixed

    def compute_output_shape(self, first_shape, second_shape, bias_shape=None):
        return (*first_shape[:-1], 3)


@own
class Block(keras.Model):
    """A model of one's own inside of another, whose layer takes several inputs and looks at the training flag."""

    def __init__(self, **options):
        super().__init__(**options)
        self.two = TwoInputs()
        self.drop = keras.layers.Dropout(0.5)

    def build(self, shape):
        self.two.build(shape, shape, None)

    def call(self, x, training=False):
        return self.drop(self.two(x, x * 0.5, bias=ops.mean(x, axis=-1, keepdims=True), training=training), training=training)


def one_layer(make, *shape, batch=3):
    x = keras.Input(shape)
    return keras.Model(x, make()(x)), [random(batch, *shape)]


def branching():
    return one_layer(Branching, 4)


def looping():
    return one_layer(Looping, 4)


def own_recurrence():
    return one_layer(lambda: OwnRecurrence(4), 5, 3)


def own_cell():
    x = keras.Input((None, 3))
    y = keras.layers.Masking(0.0)(x)
    each = keras.layers.RNN(OwnCell(4), return_sequences=True)(y)
    zeros = keras.layers.RNN(OwnCell(4), return_sequences=True, zero_output_for_mask=True)(y)
    last = keras.layers.RNN([OwnCell(3), keras.layers.GRUCell(2)], go_backwards=True)(x)
    both = keras.layers.Bidirectional(keras.layers.RNN(OwnCell(2), return_state=True))(x)
    inputs = random(3, 5, 3)
    inputs[0, 3:], inputs[1, 1] = 0, 0
    return keras.Model(x, [each, zeros, last, *both]), [inputs]


def mapping():
    return one_layer(Mapping, 4, 3)


def drawing():
    return one_layer(Drawing, 6)


def several_inputs():
    a, b, c = keras.Input((4,), name="a"), keras.Input((2,), name="b"), keras.Input((3,), name="c")
    y = TwoInputs()(a, b, bias=c)
    return keras.Model([a, b, c], Block()(y)), [random(3, 4), random(3, 2, seed=2), random(3, 3, seed=3)]


MODELS = {function.__name__: function for function in (branching, looping, own_recurrence, own_cell, mapping, drawing, several_inputs)}


@own
class Unseeded(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(ops.shape(x))

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


@own
class DrawsInLoop(keras.layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.generator = keras.random.SeedGenerator(1)

    def call(self, x):
        return ops.cond(ops.mean(x) > 0, lambda: x + keras.random.normal((3,), seed=self.generator), lambda: x)


@own
class ChangesInBranch(keras.layers.Layer):
    def build(self, shape):
        self.seen = self.add_weight(name="seen", shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        def count():
            self.seen.assign_add(1.0)
            return x

        return ops.cond(ops.mean(x) > 0, count, lambda: x * 2.0)

    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, x.dtype)


# What is refused: the class of a layer, and what its refusal says.
REFUSED = {Unseeded: "without a `seed`", DrawsInLoop: "in a branch or loop", ChangesInBranch: "changes the variable 'seen'"}
