"""Random numbers that a layer draws with `keras.random`: recorded with the generator that they come from."""

import inspect

import keras
from keras.src import backend

# Functions of the backend by name, and the argument that their results have the shape of.
DRAWN = {"categorical": None, "dropout": "inputs", "normal": None, "randint": None, "shuffle": "x", "truncated_normal": None,
         "uniform": None}
REFUSED = ("beta", "binomial", "gamma")


def patches(recorder):
    """What takes the place of the backend's functions while a model is recorded."""
    module = backend.random
    return [(module, name, _drawn(recorder, name, getattr(module, name))) for name in DRAWN] + [
        (module, name, _refused(recorder, name, getattr(module, name))) for name in REFUSED if hasattr(module, name)]


def _drawn(recorder, name, original):
    signature = inspect.signature(original)

    def draw(*args, **kwargs):
        if recorder._is_quiet:
            return original(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        given = dict(given.arguments)
        seed = given.pop("seed")
        if name == "dropout" and given["rate"] in (0, 1):
            return given["inputs"] if given["rate"] == 0 else keras.ops.zeros_like(given["inputs"])
        tensors = [recorder.tensor(given.pop(key)) for key in ("inputs", "x", "logits") if key in given]
        if tensors:
            like = tensors[0]
            shape = (like.shape[0], given["num_samples"]) if name == "categorical" else like.shape
            dtype = given.get("dtype") or like.dtype
        else:
            given["shape"] = shape = [int(size) for size in given["shape"]]
            dtype = given["dtype"] = keras.backend.standardize_dtype(given.get("dtype") or keras.config.floatx())
        output = keras.KerasTensor(tuple(shape), dtype=keras.backend.standardize_dtype(dtype))
        return recorder.draw(name, given, tensors, seed, output)

    return draw


def _refused(recorder, name, original):
    def draw(*args, **kwargs):
        if recorder._is_quiet:
            return original(*args, **kwargs)
        raise recorder.error(f"numbers drawn by keras.random.{name} cannot be recorded")

    return draw
