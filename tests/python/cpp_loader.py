"""TensorFlow's C++ loader, `LoadSavedModel`, which TensorFlow Serving uses, through the C API in the library of the wheel."""

import ctypes
import functools
import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

STRING = tf.string.as_datatype_enum


class Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("free", ctypes.c_void_p)]


class Port(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


@functools.cache
def libraries():
    folder = pathlib.Path(tf.__file__).parent
    return [ctypes.CDLL(str(folder / f"libtensorflow_{part}.so.2")) for part in ("cc", "framework")]


@functools.cache
def function(name, result=ctypes.c_void_p):
    for library in libraries():
        if hasattr(library, name):
            found = getattr(library, name)
            found.restype = result
            return found
    raise AttributeError(name)


def call(name, *arguments, result=ctypes.c_void_p):
    """A function of the C API; integers stay integers, everything else is a pointer."""
    wrapped = [ctypes.c_void_p(value) if isinstance(value, int) else value for value in arguments]
    return function(name, result)(*wrapped)


def checked(name, *arguments):
    """A function whose last argument is a status."""
    status = call("TF_NewStatus")
    made = call(name, *arguments, status)
    code, message = call("TF_GetCode", status, result=ctypes.c_int), call("TF_Message", status, result=ctypes.c_char_p)
    call("TF_DeleteStatus", status)
    if code:
        raise RuntimeError(f"{name}: {message.decode()}")
    return made


def tensor(value):
    """A tensor of TensorFlow's own from an array."""
    dtype = tf.as_dtype(value.dtype if value.dtype.kind not in "OSU" else tf.string)
    count, size = value.size, 24 if dtype == tf.string else value.dtype.itemsize
    sizes = (ctypes.c_int64 * max(value.ndim, 1))(*value.shape)
    made = call("TF_AllocateTensor", ctypes.c_int(dtype.as_datatype_enum), sizes, ctypes.c_int(value.ndim),
                ctypes.c_size_t(count * size))
    data = call("TF_TensorData", made)
    if dtype != tf.string:
        value = np.ascontiguousarray(value)
        ctypes.memmove(data, value.ctypes.data, value.nbytes)
        return made
    for at, text in enumerate(value.ravel().tolist()):
        text = text.encode() if isinstance(text, str) else text
        call("TF_StringInit", data + at * size)
        call("TF_StringCopy", data + at * size, text, ctypes.c_size_t(len(text)))
    return made


def array(made):
    """The array of a tensor of TensorFlow's own."""
    rank = call("TF_NumDims", made, result=ctypes.c_int)
    shape = [call("TF_Dim", made, ctypes.c_int(axis), result=ctypes.c_int64) for axis in range(rank)]
    code, data = call("TF_TensorType", made, result=ctypes.c_int), call("TF_TensorData", made)
    if code == STRING:
        places = [data + at * 24 for at in range(int(np.prod(shape)))]
        texts = [ctypes.string_at(call("TF_StringGetDataPointer", place), call("TF_StringGetSize", place, result=ctypes.c_size_t))
                 for place in places]
        return np.array(texts, dtype=object).reshape(shape)
    dtype = tf.as_dtype(code).as_numpy_dtype
    size = call("TF_TensorByteSize", made, result=ctypes.c_size_t)
    return np.frombuffer(ctypes.string_at(data, size), dtype).reshape(shape).copy()


def run(folder, arguments, signature="serving_default"):
    """Loads a SavedModel by `LoadSavedModel` and runs a signature in its session: `{name: array}` in and out."""
    options, graph, buffer = call("TF_NewSessionOptions"), call("TF_NewGraph"), call("TF_NewBuffer")
    tags = (ctypes.c_char_p * 1)(b"serve")
    session = checked("TF_LoadSessionFromSavedModel", options, None, str(folder).encode(), tags, ctypes.c_int(1), graph, buffer)
    contents = Buffer.from_address(buffer)
    served = meta_graph_pb2.MetaGraphDef.FromString(ctypes.string_at(contents.data, contents.length)).signature_def[signature]

    def port(info):
        name, _, index = info.name.partition(":")
        return Port(call("TF_GraphOperationByName", graph, name.encode()), int(index or 0))

    names, results = sorted(served.inputs), sorted(served.outputs)
    inputs = (Port * len(names))(*[port(served.inputs[name]) for name in names])
    outputs = (Port * len(results))(*[port(served.outputs[name]) for name in results])
    values = (ctypes.c_void_p * len(names))(*[tensor(np.asarray(arguments[name])) for name in names])
    made = (ctypes.c_void_p * len(results))()
    count = ctypes.c_int
    checked("TF_SessionRun", session, None, inputs, values, count(len(names)), outputs, made, count(len(results)), None, count(0), None)
    found = {name: array(value) for name, value in zip(results, made)}
    for value in [*values, *made]:
        call("TF_DeleteTensor", value)
    checked("TF_CloseSession", session)
    checked("TF_DeleteSession", session)
    call("TF_DeleteBuffer", buffer)
    call("TF_DeleteGraph", graph)
    call("TF_DeleteSessionOptions", options)
    return found
