"""A chain of Keras's LSTM layers as an ONNX model of `LSTM` nodes: tf2onnx makes none of the loops that TensorFlow writes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Keras's gates are input, forget, cell, output; those of ONNX input, output, forget, cell.
GATES = [0, 3, 1, 2]
# Names of Keras's activations in ONNX.
ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu"}


def write(model, path):
    """Saves a model whose layers are an input and LSTMs that return sequences."""
    _, *chain = model.layers
    nodes = [helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2])]
    constants = [constant("axis", np.array([1], "int64"))]
    source = "steps"
    for layer in chain:
        weights = arrays(layer)
        constants += [constant(f"{layer.name}/{name}", array) for name, array in weights.items()]
        inputs = [source, *(f"{layer.name}/{name}" for name in weights)]
        functions = [ACTIVATIONS[f.__name__] for f in (layer.recurrent_activation, layer.activation, layer.activation)]
        whole, source = f"{layer.name}/directions", f"{layer.name}/steps"
        nodes.append(helper.make_node("LSTM", inputs, [whole], hidden_size=layer.units, activations=functions))
        nodes.append(helper.make_node("Squeeze", [whole, "axis"], [source]))
    nodes.append(helper.make_node("Transpose", [source], ["y"], perm=[1, 0, 2]))
    shape = lambda tensor: ["batch", *tensor.shape[1:]]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape(model.input))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape(model.output))]
    graph = helper.make_graph(nodes, "lstm", inputs, outputs, constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    onnx.save(made, path)


def arrays(layer):
    """Weights of a layer as ONNX has them: one direction, gates along the rows; Keras's bias is added once."""
    kernel, recurrent, bias = (by_gate(np.asarray(weight)) for weight in layer.cell.weights)
    return {"W": kernel.T[None], "R": recurrent.T[None], "B": np.concatenate([bias, np.zeros_like(bias)])[None]}


def by_gate(weight):
    """The last axis in the order of ONNX."""
    gates = np.split(weight, 4, axis=-1)
    return np.concatenate([gates[at] for at in GATES], axis=-1)


def constant(name, array):
    return numpy_helper.from_array(np.ascontiguousarray(array), name)
