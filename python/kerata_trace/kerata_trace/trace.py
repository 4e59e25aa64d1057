"""`save` and `add_trace`: a `.keras` file with a record of what the model computes."""

import dataclasses
import io
import json
import os
import shutil
import tempfile
import zipfile

import h5py
import keras
import numpy as np
from keras import tree
from keras.src.models import Functional
from keras.src.saving import serialization_lib

from .digest import config_digest
from .places import Places
from .recorder import Recorder, Untraceable
from .sizes import FIRST, SECOND, merge, symbolic_shape

TRACE = "kerata/trace.json"
CONSTANTS = "kerata/constants.npz"


@dataclasses.dataclass
class Report:
    """What was recorded: names of signatures; what was not, with the reason."""

    signatures: list
    skipped: dict


def save(model, path, inputs=None, **options):
    """Saves a model as `model.save(path, **options)` does, and what it computes with it; whole or not at all."""
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    if not options.pop("overwrite", True) and os.path.exists(path):
        raise FileExistsError(path)
    handle, temporary = tempfile.mkstemp(suffix=".keras", prefix=".kerata-", dir=folder)
    os.close(handle)
    try:
        model.save(temporary, overwrite=True, **options)
        report = add_trace(model, temporary, inputs)
        _publish(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return report


def add_trace(model, path, inputs=None):
    """Adds to the `.keras` file of a model what it computes.

    `inputs`: for a subclassed model, a list with what it is called with, one entry an argument: arrays, of which the first
    axis is the batch, or `keras.KerasTensor`s, or structures of them. Keras does not remember the dtypes by itself.
    """
    path = os.fspath(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        places = Places(model)
        _check_belongs(model, places, config, archive, path)
    signature = _signature(model) if inputs is None else tree.map_structure(_spec, list(inputs))
    inference = _record(model, places, signature, training=False)
    signatures, skipped = {"serving_default": inference}, {}
    try:
        training = _record(model, places, signature, training=True)
        if _differ(inference, training):
            signatures["training"] = training
    except Untraceable as error:
        skipped["training"] = str(error)
    _write(path, config, places, signatures)
    return Report(list(signatures), skipped)


def _check_belongs(model, places, config, archive, path):
    """Fails when a file was not saved from a model: names of layers may differ after loading, classes and variables do not."""
    ours = json.loads(json.dumps(serialization_lib.serialize_keras_object(model)))
    stored = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset) and not name.startswith(("optimizer/", "_", "metrics/")):
            stored[name] = tuple(item.shape)

    with archive.open("model.weights.h5") as member, h5py.File(member, "r") as weights:
        weights.visititems(note)
    found = {name: tuple(int(size) for size in shape) for name, _, shape in places.bound()}
    found = {name: shape for name, shape in found.items() if name in stored or not name.startswith(("_", "metrics/"))}
    if _classes(ours) != _classes(config) or {name: stored.get(name) for name in found} != found:
        raise ValueError(f"{path} was not saved from this model")


def _classes(config):
    """Class names in a config, in order."""
    if isinstance(config, dict):
        own = [config["class_name"]] if isinstance(config.get("class_name"), str) else []
        return own + [name for key, value in sorted(config.items()) if key != "compile_config" for name in _classes(value)]
    return [name for value in config for name in _classes(value)] if isinstance(config, list) else []


def _spec(example):
    """What an example of an input stands for: its first axis is the batch."""
    if isinstance(example, (keras.InputSpec, keras.KerasTensor)):
        return example
    shape, dtype = keras.ops.shape(example), keras.backend.standardize_dtype(example.dtype)
    return keras.KerasTensor((None, *shape[1:]), dtype=dtype)


def _signature(model):
    """The structure of what a model is called with, one entry an argument."""
    if isinstance(model, Functional):
        return [model._inputs_struct]
    if isinstance(model, keras.Sequential):
        return [model.inputs[0]]
    from keras.src.export import export_utils

    try:
        return list(export_utils.get_input_signature(model))
    except ValueError as error:
        raise Untraceable(f"the inputs are not known: {error} Give `inputs`.") from error


def _record(model, places, signature, training):
    """The record of a call: its calls, and its constants as arrays."""
    first = _run(model, places, signature, training, FIRST)
    # Variables are changed for the second run, so that an array that is computed from them is told from a constant.
    with _changed(model, bool(first[0].constants)):
        second = _run(model, places, signature, training, SECOND)
    open_axes = {}
    for position, spec in enumerate(tree.flatten(signature)):
        for axis, size in enumerate(spec.shape):
            if size is None:
                open_axes.setdefault(axis, [position, 0])
    merged = merge(first[0], second[0], open_axes)
    outputs = [[name, merged.place(reference)] for name, reference in first[1]]
    calls = {"version": 1, "training": training, "layers": first[0].layers, "values": merged.values, "outputs": outputs,
             "updates": [[path, merged.place(reference)] for path, reference in first[0].updates.items()]}
    return calls, merged.constants


def _run(model, places, signature, training, sizes):
    recorder = Recorder(places)
    specs = tree.flatten(signature)
    tensors = []
    for name, spec in zip(_names(model, signature), specs):
        dtype = keras.backend.standardize_dtype(spec.dtype or model.input_dtype)
        tensor = keras.KerasTensor(symbolic_shape(spec.shape, sizes), dtype=dtype)
        recorder.input(name, tensor, [dtype, [None if size is None else int(size) for size in spec.shape]])
        tensors.append(tensor)
    arguments = tree.pack_sequence_as(signature, tensors)
    options = {"training": training} if model._call_has_training_arg else {}
    outputs = recorder.record(model, arguments, options)
    return recorder, [(name, recorder.reference(output)) for name, output in
                      zip(_output_names(outputs), tree.flatten(outputs))]


def _names(model, signature):
    """Names of the inputs, flattened: keys of a dict, else names of input layers, else of arguments."""
    first = signature[0]
    if len(signature) == 1 and isinstance(first, dict):
        names = [key for key in sorted(first) for _ in tree.flatten(first[key])]
    else:
        names = [getattr(spec, "name", None) or f"input_{position}" for position, spec in enumerate(tree.flatten(signature))]
    return names if len(set(names)) == len(names) else [f"input_{position}" for position in range(len(names))]


def _output_names(outputs):
    count = len(tree.flatten(outputs))
    if isinstance(outputs, dict):
        names = [key for key in sorted(outputs) for _ in tree.flatten(outputs[key])]
        if len(set(names)) == count:
            return names
    return [f"output_{position}" for position in range(count)]


def _differ(inference, training):
    def plain(record):
        calls, constants = record
        return json.dumps({**calls, "training": None}), [array.tobytes() for array in constants]

    return plain(inference) != plain(training)


class _changed:
    """Other values in the float variables of a model, for a while."""

    def __init__(self, model, is_needed):
        is_float = lambda variable: keras.backend.is_float_dtype(keras.backend.standardize_dtype(variable.dtype))
        self.variables = [variable for variable in model.variables if is_float(variable)] if is_needed else []

    def __enter__(self):
        self.values = [keras.ops.convert_to_numpy(variable) for variable in self.variables]
        for variable, value in zip(self.variables, self.values):
            variable.assign(value + np.asarray(0.5, value.dtype))

    def __exit__(self, *_):
        for variable, value in zip(self.variables, self.values):
            variable.assign(value)


def _write(path, config, places, signatures):
    """Puts the trace into the file: a new file beside it that takes its place."""
    entries, arrays = {}, {}
    for position, (name, (calls, constants)) in enumerate(signatures.items()):
        dtypes = []
        for number, array in enumerate(constants):
            array = array.astype("S") if array.dtype.kind == "U" else array
            dtypes.append("string" if array.dtype.kind in "SO" else str(array.dtype))
            arrays[f"{position}_{number}"] = array if array.dtype.kind != "O" else array.astype("S")
        entries[name] = {"calls": calls, "constants": dtypes}
    starts = []
    for seed, state in places.seeds.items():
        array = keras.ops.convert_to_numpy(state)
        arrays[f"start_{len(starts)}"] = array
        starts.append([seed, str(array.dtype)])
    trace = {"version": 1, "config": config_digest(config), "variables": places.bound(), "starts": starts,
             "signatures": entries}
    handle, temporary = tempfile.mkstemp(suffix=".keras", prefix=".kerata-", dir=os.path.dirname(os.path.abspath(path)))
    os.close(handle)
    try:
        _copy(path, temporary)
        with zipfile.ZipFile(temporary, "a", zipfile.ZIP_STORED) as archive:
            archive.writestr(zipfile.ZipInfo(TRACE), json.dumps(trace))
            if arrays:
                stream = io.BytesIO()
                np.savez(stream, **arrays)
                archive.writestr(zipfile.ZipInfo(CONSTANTS), stream.getvalue())
        _publish(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _copy(path, temporary):
    """The file without an older trace."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if not any(member.filename in (TRACE, CONSTANTS) for member in members):
            shutil.copyfile(path, temporary)
            return
        with zipfile.ZipFile(temporary, "w") as copy:
            for member in members:
                if member.filename not in (TRACE, CONSTANTS):
                    with archive.open(member) as source, copy.open(member, "w", force_zip64=True) as target:
                        shutil.copyfileobj(source, target)


def _publish(temporary, path):
    if os.path.exists(path):
        shutil.copymode(path, temporary)
    else:
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
