"""Finds the sizes that are not known before a run: two records of the same model on inputs of different sizes are compared.

A whole number that is the same in both is a number. One that differs is a size of an input's axis, or that times and plus
something; it becomes `__size__`.
"""

import numpy as np

from .recorder import Untraceable, _value

# What stands for the axes of unknown size in the first and the second record, by the number of the axis.
FIRST = (83, 97, 107, 127, 137, 149)
SECOND = (89, 101, 113, 131, 139, 151)


def symbolic_shape(shape, sizes):
    return tuple(sizes[min(axis, len(sizes) - 1)] if size is None else int(size) for axis, size in enumerate(shape))


def merge(first, second, open_axes):
    """The record that both are instances of; `open_axes` maps an axis number to a `[call, result]` that has it."""
    return _Merge(open_axes, first, second).record(first.whole, second.whole)


class _Merge:
    def __init__(self, open_axes, first, second, outer=None):
        self.open_axes, self.first, self.second, self.outer = dict(open_axes), first, second, outer
        self.values, self.moved = [], {}
        self.constants = [] if outer is None else outer.constants

    def record(self, first, second):
        if len(first.values) != len(second.values):
            raise Untraceable("the calls depend on the sizes of the inputs")
        for position, (a, b) in enumerate(zip(first.values, second.values)):
            self.shape = first.shapes.get(position)
            self.entry(position, a, b)
        return self

    def place(self, reference):
        call, result = reference
        return [self.moved[call], result]

    def entry(self, position, a, b):
        if "constant" in a and "constant" in b:
            self.constant(a["constant"], b["constant"])
        elif "operation" in a and "operation" in b:
            self.operation(a, b)
        elif "control" in a and "control" in b:
            self.control(a, b)
        elif "random" in a and "random" in b:
            self.values.append(self.same(a, b, f"keras.random.{a['random']}"))
        elif "outer" in a and "outer" in b:
            self.values.append({"outer": self.outer.place(a["outer"])})
        else:
            self.values.append(self.same(a, b, a.get("input") or "a call"))
        self.moved[position] = len(self.values) - 1

    def control(self, a, b):
        kind = a["control"]
        if kind != b["control"] or a["results"] != b["results"] or a["config"] != b["config"]:
            raise Untraceable(f"keras.ops {kind}: it depends on the sizes of the inputs")
        bodies = []
        for x, y in zip(a["bodies"], b["bodies"]):
            body = _Merge({}, self.first, self.second, self).record(x, y)
            bodies.append({"values": body.values, "outputs": [body.place(reference) for reference in x.outputs]})
        args = self.same(a["args"], b["args"], f"keras.ops {kind}")
        self.values.append({"control": kind, "config": a["config"], "args": args, "bodies": bodies, "results": a["results"]})

    def axes(self):
        """The open axes, and what has them; a body takes that from outside."""
        if self.outer is not None:
            for axis, reference in self.outer.axes().items():
                if axis not in self.open_axes:
                    self.values.append({"outer": reference})
                    self.open_axes[axis] = [len(self.values) - 1, 0]
        return self.open_axes

    def constant(self, a, b):
        a, b = self.first.constants[a], self.second.constants[b]
        if a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes():
            self.constants.append(a)
            self.values.append({"constant": len(self.constants) - 1})
            return
        filled = a.size and b.size and a.ndim == b.ndim and np.all(a == a.flat[0]) and np.all(b == a.flat[0])
        if not filled:
            raise Untraceable("an array is computed outside of the calls that can be recorded: from variables, random "
                              "numbers, or the size of the batch")
        self.constants.append(np.asarray(a.flat[0], a.dtype))
        self.values.append({"constant": len(self.constants) - 1})
        shape = [self.number(x, y, "an array") for x, y in zip(a.shape, b.shape)]
        self.values.append({"operation": {"module": "keras.src.ops.numpy", "class_name": "BroadcastTo", "config": {"shape": shape}},
                            "args": [_value([len(self.values) - 1, 0])], "kwargs": {}, "results": 1})

    def operation(self, a, b):
        if a["operation"]["class_name"] != b["operation"]["class_name"] or a["results"] != b["results"]:
            raise Untraceable("the calls depend on the sizes of the inputs")
        name = a["operation"]["class_name"]
        config = {}
        for key, value in a["operation"]["config"].items():
            config[key] = self.same(value, b["operation"]["config"].get(key), f"keras.ops {name}")
        call = {"operation": {**a["operation"], "config": config}, "results": a["results"]}
        for part in ("args", "kwargs"):
            call[part] = self.same(a[part], b[part], f"keras.ops {name}")
        if _has_size(config) or _has_size([call["args"], call["kwargs"]]):
            call = _with_sizes(name, call, self.shape)
        self.values.append(call)

    def same(self, a, b, where):
        if isinstance(a, dict) and a.get("class_name") == "__value__":
            return _value(self.place(a["config"]))
        if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
            return {key: self.same(a[key], b[key], where) for key in a}
        if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
            return [self.same(x, y, where) for x, y in zip(a, b)]
        if type(a) is int and type(b) is int:
            return self.number(a, b, where)
        if type(a) is type(b) and (a == b or (a != a and b != b)):
            return a
        raise Untraceable(f"{where}: it depends on the sizes of the inputs")

    def number(self, a, b, where):
        if a == b:
            return a
        found = []
        for axis, reference in self.axes().items():
            x, y = symbolic_shape([None] * (axis + 1), FIRST)[axis], symbolic_shape([None] * (axis + 1), SECOND)[axis]
            times, rest = divmod(b - a, y - x)
            if rest == 0 and times:
                found.append((abs(a - times * x), abs(times), axis, times, a - times * x, reference))
        if not found:
            raise Untraceable(f"{where}: {a} is not found among the sizes of the inputs")
        _, _, axis, times, plus, reference = min(found)
        config = {"of": reference, "axis": axis, "times": times, "plus": plus}
        return {"class_name": "__size__", "config": config}


def _has_size(value):
    if isinstance(value, dict):
        return value.get("class_name") == "__size__" or any(map(_has_size, value.values()))
    return isinstance(value, list) and any(map(_has_size, value))


def _with_sizes(name, call, shape):
    """A call with open sizes, spelled so that they stand where a reader looks for them."""
    config = call["operation"]["config"]
    in_arguments = _has_size([call["args"], call["kwargs"]])
    if not in_arguments and name == "Reshape":
        sizes = config["newshape"]
        open_sizes = [position for position, size in enumerate(sizes) if _has_size(size)]
        if len(open_sizes) == 1 and -1 not in sizes and None not in sizes:
            config["newshape"] = [-1 if position in open_sizes else size for position, size in enumerate(sizes)]
        return call
    if not in_arguments and name == "BroadcastTo":
        return call
    if not in_arguments and name in ("Tile", "Repeat"):
        # An axis of size 1 is stretched.
        repeats, axis = config["repeats"], config.get("axis")
        repeats = repeats if isinstance(repeats, list) else [repeats]
        if name == "Repeat" and len(repeats) == 1 and axis is not None:
            axis %= len(shape)
            repeats = [repeats[0] if position == axis else 1 for position in range(len(shape))]
        fits = len(repeats) == len(shape) and all(r == 1 or s == 1 for r, s in zip(repeats, shape))
        if fits:
            sizes = [s if r == 1 else r for r, s in zip(repeats, shape)]
            broadcast = {"module": "keras.src.ops.numpy", "class_name": "BroadcastTo", "config": {"shape": sizes}}
            return {**call, "operation": broadcast}
    raise Untraceable(f"keras.ops {name}: it depends on the size of an input in a way that cannot be recorded")
