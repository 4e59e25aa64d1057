"""`Recorder`: runs a model on symbolic tensors and notes the calls of `keras.ops` and of built-in layers.

A layer of one's own, and every model, is entered: its `call` runs on `KerasTensor`s, and what it calls is noted in its stead.
Its variables are replaced for that time by symbolic tensors, so that whatever is computed from them is noted too.
"""

import contextlib
import sys

import keras
import numpy as np
from keras import tree
from keras.src import backend
from keras.src.layers import layer as layer_module
from keras.src.ops import operation as operation_module
from keras.src.saving import serialization_lib

from . import control, draws


class Untraceable(Exception):
    """What cannot be recorded: layer, class and reason."""


class Record:
    """Calls, and where the results of which live objects are: of a model, or of the body of a branch or loop."""

    def __init__(self):
        self.values = []
        self.shapes = {}
        self.outputs = []
        self.refs = {}


class Recorder:
    """One run of a model."""

    def __init__(self, places):
        self.places = places
        self.whole = Record()
        self.layers = []
        self.constants = []
        self.updates = {}
        # The record of the model, then those of the bodies of branches and loops that are being recorded.
        self._records = [self.whole]
        self._kept = []
        self._layer_numbers = {}
        self._entered = []
        self._builtin = {}
        self._is_quiet = False

    # What is noted.

    def input(self, name, tensor, spec):
        self._bind(tensor, self._add({"input": name, "spec": spec}), 0)

    def record(self, model, args, kwargs):
        """Calls the model; gives the structure of its results."""
        with self._patched(model), self._symbolic_variables(model):
            self._root = model
            outputs = model(*args, **kwargs)
        return outputs

    def reference(self, value):
        """`[call, result]` of a tensor."""
        found = self._find(id(value))
        if found is not None:
            return found
        if isinstance(value, keras.Variable):
            return self._variable(value)
        if isinstance(value, _Symbol):
            return self._symbol(value)
        if isinstance(value, keras.KerasTensor):
            raise self.error("a tensor that was made outside of the call")
        return self._constant(value)

    def error(self, reason):
        """The error of what is being called."""
        layer = self._entered[-1] if self._entered else None
        where = f"layer '{layer.name}' ({type(layer).__name__}): " if layer is not None else ""
        return Untraceable(f"{where}{reason}")

    def _add(self, entry, record=None):
        record = record or self._records[-1]
        record.values.append(entry)
        return len(record.values) - 1

    def _bind(self, value, call, result, record=None):
        (record or self._records[-1]).refs[id(value)] = [call, result]
        self._kept.append(value)

    def _find(self, key):
        """Where something is, taken from outside into the body that is being recorded."""
        for depth in reversed(range(len(self._records))):
            reference = self._records[depth].refs.get(key)
            if reference is None:
                continue
            for record in self._records[depth + 1:]:
                reference = [self._add({"outer": reference}, record), 0]
                record.refs[key] = reference
            return reference
        return None

    def _variable(self, variable, dtype=None):
        key = ("variable", id(variable))
        if self._find(key) is None:
            path = self.places.variable(variable)
            entry = {"variable": path, "trainable": bool(variable.trainable)}
            if path:
                self.whole.refs[key] = [self._add(entry, self.whole), 0]
            else:
                value = variable.value
                self._constant(value)
                self.whole.refs[key] = self.whole.refs[id(value)]
        found = self._find(key)
        scope = backend.get_autocast_scope()
        own = backend.standardize_dtype(variable.dtype)
        if dtype is None and scope is not None and scope.dtype and getattr(variable, "_autocast", True) and backend.is_float_dtype(own):
            dtype = scope.dtype
        return self._cast(found, own, dtype)

    def _cast(self, reference, own, dtype):
        if dtype is None or dtype == own:
            return reference
        key, refs = ("cast", *reference, dtype), self._records[-1].refs
        if key not in refs:
            entry = {"operation": {"module": "keras.src.ops.core", "class_name": "Cast", "config": {"dtype": dtype}},
                     "args": [_value(reference)], "kwargs": {}, "results": 1}
            refs[key] = [self._add(entry), 0]
        return refs[key]

    def _symbol(self, symbol):
        if symbol.updated is not None:
            return self.reference(symbol.updated)
        return self._variable(symbol.variable, symbol.dtype)

    def _constant(self, value):
        array = value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
        self.constants.append(np.asarray(array))
        call = self._add({"constant": len(self.constants) - 1}, self.whole)
        self._bind(value, call, 0, self.whole)
        return self._find(id(value))

    def _call(self, entry, args, kwargs, outputs):
        entry["args"] = [self._encode(argument) for argument in args]
        entry["kwargs"] = {name: self._encode(argument) for name, argument in kwargs.items() if argument is not None}
        first = next((x for x in tree.flatten((args, kwargs)) if hasattr(x, "shape")), None)
        outputs = tree.flatten(outputs)
        entry["results"] = len(outputs)
        call = self._add(entry)
        self._records[-1].shapes[call] = None if first is None else [int(size) for size in first.shape]
        for result, output in enumerate(outputs):
            self._bind(output, call, result)

    def _encode(self, argument):
        """An argument as Keras writes it into a functional model, tensors as `__value__`."""
        if isinstance(argument, _Referred):
            return _value(argument.reference)
        if isinstance(argument, (keras.KerasTensor, keras.Variable)) or backend.is_tensor(argument):
            return _value(self.reference(argument))
        if isinstance(argument, np.generic):
            return self._encode(argument.item())
        if isinstance(argument, np.ndarray):
            return _value(self._constant(argument))
        if isinstance(argument, (list, tuple)):
            return [self._encode(item) for item in argument]
        if isinstance(argument, dict):
            return {str(key): self._encode(value) for key, value in argument.items()}
        if argument is None or isinstance(argument, (bool, int, float, str, slice, type(Ellipsis))):
            return _plain(serialization_lib.serialize_keras_object(argument))
        with contextlib.suppress(Exception):
            return backend.standardize_dtype(argument)
        raise self.error(f"an argument of class {type(argument).__name__}")

    def body(self, function, arguments):
        """Records what a function makes of symbolic tensors; gives the record and the function's results."""
        record = Record()
        self._records.append(record)
        try:
            for number, argument in enumerate(arguments):
                self._bind(argument, self._add({"argument": number}), 0)
            made = function()
            made = tree.map_structure(lambda value: None if value is None else self.tensor(value), made)
            record.outputs = [self.reference(value) for value in tree.flatten(made) if value is not None]
        finally:
            self._records.pop()
        return record, made

    def tensor(self, value):
        """A number or array as what it is for Keras; tensors stay."""
        is_tensor = isinstance(value, (keras.KerasTensor, keras.Variable)) or backend.is_tensor(value)
        return value if is_tensor else keras.ops.convert_to_tensor(value)

    def _lifted(self, value):
        """An array that a layer is called with, as a symbolic tensor: JAX's own do not work together with those."""
        if isinstance(value, keras.KerasTensor) or not backend.is_tensor(value):
            return value
        symbol = keras.KerasTensor(tuple(value.shape), dtype=backend.standardize_dtype(value.dtype))
        self.reference(value)
        self.whole.refs[id(symbol)] = self.whole.refs[id(value)]
        self._kept.append(symbol)
        return symbol

    def control(self, kind, bodies, args, config, outputs):
        """Notes a branch or loop with the records of its bodies."""
        self._call({"control": kind, "bodies": bodies, "config": config}, args, {}, outputs)
        for output in outputs:
            self._kept.append(output)

    def draw(self, name, config, args, seed, output):
        """Notes random numbers."""
        config = {key: self._encode(value) for key, value in config.items()}
        if any("__value__" in str(value) for value in config.values()):
            raise self.error(f"keras.random.{name} with a tensor in the place of a number")
        self._call({"random": name, "config": config}, [_Referred(self._seed(seed)), *args], {}, [output])
        return output

    def _seed(self, seed):
        """The next seed of a generator, or a fixed one."""
        if isinstance(seed, int):
            return self.reference(keras.src.random.seed_generator.draw_seed(seed))
        if seed is None:
            raise self.error("random numbers without a `seed`: give a `keras.random.SeedGenerator`")
        if len(self._records) > 1:
            raise self.error("random numbers from a generator in a branch or loop")
        variable, key = seed.state, ("seed", id(seed.state))
        path = self.places.seed(seed)
        state = self.whole.refs.get(key)
        if state is None:
            state = [self._add({"variable": path, "trainable": False}), 0]
        step = np.array([0, 1], backend.standardize_dtype(variable.dtype))
        call = {"operation": {"module": "keras.src.ops.numpy", "class_name": "Add", "config": {}},
                "args": [_value(state), _value(self._constant(step))], "kwargs": {}, "results": 1}
        self.whole.refs[key] = self.updates[path] = [self._add(call), 0]
        return state

    # How calls are met.

    def _operation(self, operation, call_args=None, call_kwargs=None, outputs=None):
        """In the place of Keras's `Node`."""
        name = type(operation).__name__
        if not type(operation).__module__.startswith("keras."):
            raise self.error(f"the operation {name} is not one of keras.ops")
        try:
            config = _plain(serialization_lib.serialize_keras_object(operation))
        except Exception as error:
            raise self.error(f"keras.ops {name} keeps what cannot be written: {error}") from error
        config = {key: config[key] for key in ("module", "class_name", "config")}
        config["config"].pop("name", None)
        if _is_foreign(config["config"]):
            raise self.error(f"keras.ops {name} takes a Python function")
        self._call({"operation": config}, call_args or (), call_kwargs or {}, outputs)

    def _layer(self, layer, args, kwargs, compute_output_spec):
        """In the place of `Layer.symbolic_call`."""
        if self._is_entered(layer):
            self._entered.append(layer)
            try:
                args, kwargs = tree.map_structure(self._lifted, (args, kwargs))
                with self._symbolic_variables(layer):
                    call = layer.quantized_call if getattr(layer, "quantization_mode", None) else layer.call
                    return call(*args, **kwargs)
            except Untraceable:
                raise
            except Exception as error:
                reason = str(error).strip().split("\n")[0]
                raise self.error(f"{type(error).__name__}: {reason}") from error
            finally:
                self._entered.pop()
        path = self.places.layer(layer)
        if path is None:
            raise self.error(f"it calls the layer '{layer.name}', which is no part of the saved model")
        if id(layer) not in self._layer_numbers:
            self._layer_numbers[id(layer)] = len(self.layers)
            self.layers.append({"path": path, "layer": _plain(serialization_lib.serialize_keras_object(layer))})
        self._is_quiet = True
        try:
            outputs = compute_output_spec(layer, *args, **kwargs)
        finally:
            self._is_quiet = False
        self._call({"layer": self._layer_numbers[id(layer)]}, args, kwargs, outputs)
        return outputs

    def _is_entered(self, layer):
        if id(layer) not in self._builtin:
            builtin = type(layer).__module__.startswith("keras.src.") and not isinstance(layer, keras.Model)
            if builtin:
                try:
                    builtin = not _is_foreign(serialization_lib.serialize_keras_object(layer))
                except Exception:
                    builtin = False
            self._builtin[id(layer)] = builtin
        return not self._builtin[id(layer)]

    @contextlib.contextmanager
    def _symbolic_variables(self, layer):
        """Puts symbolic tensors in the place of a layer's own variables."""
        changed = {}

        def symbol(variable):
            own = backend.standardize_dtype(variable.dtype)
            is_cast = layer.autocast and getattr(variable, "_autocast", True) and backend.is_float_dtype(own)
            dtype = layer.compute_dtype if is_cast and backend.is_float_dtype(layer.compute_dtype) else own
            found = _Symbol(variable.shape, dtype=dtype, name=variable.name)
            found.variable, found.recorder, found.updated = variable, self, None
            self._kept.append(found)
            return found

        for name, value in list(vars(layer).items()):
            if name in _INTERNAL:
                continue
            flat = [value] if isinstance(value, keras.Variable) else _variables_in(value)
            if flat:
                changed[name] = value
                layer.__dict__[name] = tree.map_structure(
                    lambda x: symbol(x) if isinstance(x, keras.Variable) else x, _unwrapped(value))
        try:
            yield
        finally:
            layer.__dict__.update(changed)

    @contextlib.contextmanager
    def _patched(self, model):
        any_symbolic = backend.common.keras_tensor.any_symbolic_tensors

        def any_symbolic_or_variable(args=None, kwargs=None):
            # A built-in layer that is asked for the shape of its output uses its variables as ever.
            return any_symbolic(args, kwargs) or not self._is_quiet and any(
                isinstance(x, keras.Variable) for x in tree.flatten((args, kwargs)))

        recorder, compute_output_spec = self, keras.Layer.compute_output_spec

        def symbolic_call(layer, *args, **kwargs):
            return recorder._layer(layer, args, kwargs, type(layer).compute_output_spec)

        patches = [(layer_module, "Node", lambda **_: None), (operation_module, "Node", self._operation),
                   (keras.Layer, "symbolic_call", symbolic_call), *control.patches(self), *draws.patches(self)]
        for name, module in list(sys.modules.items()):
            is_ops = name.startswith("keras.src.ops") or name == "keras.src.backend.common.keras_tensor"
            if is_ops and getattr(module, "any_symbolic_tensors", None) is any_symbolic:
                patches.append((module, "any_symbolic_tensors", any_symbolic_or_variable))
        del compute_output_spec
        was_filtering = keras.config.is_traceback_filtering_enabled()
        old = [(place, name, vars(place).get(name)) for place, name, _ in patches]
        keras.config.disable_traceback_filtering()
        try:
            for place, name, value in patches:
                setattr(place, name, value)
            yield
        finally:
            for place, name, value in old:
                if value is None:
                    delattr(place, name)
                else:
                    setattr(place, name, value)
            if was_filtering:
                keras.config.enable_traceback_filtering()


class _Symbol(keras.KerasTensor):
    """A variable of a layer that is entered."""

    def assign(self, value):
        if len(self.recorder._records) > 1:
            raise self.recorder.error(f"it changes the variable '{self.variable.name}' in a branch or loop")
        if self.recorder.places.variable(self.variable) is None:
            raise self.recorder.error(f"it changes the variable '{self.variable.name}', which is not saved")
        value = keras.ops.convert_to_tensor(value)
        own = backend.standardize_dtype(self.variable.dtype)
        reference = self.recorder.reference(value)
        reference = self.recorder._cast(reference, backend.standardize_dtype(value.dtype), own)
        self.updated = value
        self.recorder.updates[self.recorder.places.variable(self.variable)] = reference
        return value

    def assign_add(self, value):
        return self.assign(self + value)

    def assign_sub(self, value):
        return self.assign(self - value)

    @property
    def value(self):
        return self


class _Referred:
    """A value that has no live object."""

    def __init__(self, reference):
        self.reference = reference


def _value(reference):
    return {"class_name": "__value__", "config": list(reference)}


def _plain(value):
    """What JSON has: lists for tuples, text for dtypes."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _is_foreign(config):
    """Whether a config names code that is not Keras's."""
    if isinstance(config, (list, tuple)):
        return any(_is_foreign(entry) for entry in config)
    if not isinstance(config, dict):
        return callable(config)
    if "class_name" in config and "config" in config and not str(config["class_name"]).startswith("__"):
        registered = config.get("registered_name") or ""
        package = (config.get("module") or "").split(".")[0]
        if config["class_name"] == "function" or (">" in registered and not registered.startswith("keras>")):
            return True
        if package not in ("", "keras", "builtins"):
            return True
    if config.get("class_name") == "__lambda__":
        return True
    return any(_is_foreign(entry) for entry in config.values())


def _variables_in(value):
    """The variables in a list or dict of a layer."""
    if not isinstance(value, (list, tuple, dict)):
        return []
    return [x for x in tree.flatten(_unwrapped(value)) if isinstance(x, keras.Variable)]


def _unwrapped(value):
    """Keras's tracked lists and dicts as plain ones."""
    if isinstance(value, dict):
        return {key: _unwrapped(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_unwrapped(entry) for entry in value]
    if type(value) is tuple:
        return tuple(_unwrapped(entry) for entry in value)
    return value


# Attributes that every layer has: what Keras itself keeps of variables and layers.
_INTERNAL = set(vars(keras.layers.Layer())) | {"_trainable_variables", "_non_trainable_variables", "_layers", "_metrics"}
