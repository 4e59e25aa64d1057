"""Branches and loops of `keras.ops`: their Python functions are recorded as bodies of their own."""

import keras
from keras import tree
from keras.src import backend
from keras.src.ops import core


def patches(recorder):
    """What takes the place of Keras's symbolic calls while a model is recorded."""
    flow = _Flow(recorder)
    calls = {
        core.AssociativeScan: lambda op, f, elems: flow.associative_scan(f, elems, op.reverse, op.axis),
        core.Cond: lambda op, pred, true_fn, false_fn: flow.cond(pred, true_fn, false_fn),
        core.ForiLoop: lambda op, init_val: flow.fori_loop(op.lower, op.upper, op.body_fun, init_val),
        core.Map: lambda op, f, xs: flow.map(f, xs),
        core.Scan: lambda op, f, init, xs=None: flow.scan(f, init, xs, op.length, op.reverse),
        core.Switch: lambda op, index, branches, *operands: flow.switch(index, branches, operands),
        core.VectorizedMap: lambda op, elements: flow.map(op.function, elements),
        core.WhileLoop: lambda op, loop_vars: flow.while_loop(op.cond, op.body, loop_vars, op.maximum_iterations),
    }
    return [(kind, "symbolic_call", call) for kind, call in calls.items()] + [
        # The loop of `keras.layers.RNN`, which is entered when its cell is one's own.
        (backend, "rnn", _looped(recorder, flow, backend.rnn)),
        # What is asked may be known while the branches are symbolic.
        (core.Cond, "call", lambda op, pred, true_fn, false_fn: true_fn() if bool(pred) else false_fn())]


def _looped(recorder, flow, original):
    return lambda *args, **kwargs: (original if recorder._is_quiet else flow.rnn)(*args, **kwargs)


class _Flow:
    def __init__(self, recorder):
        self.recorder = recorder

    def cond(self, pred, true_fn, false_fn):
        on_true, made = self.recorder.body(true_fn, [])
        on_false, other = self.recorder.body(false_fn, [])
        tree.assert_same_structure(made, other)
        outputs = [_like(value) for value in tree.flatten(made) if value is not None]
        others = [_like(value) for value in tree.flatten(other) if value is not None]
        if [(x.shape, x.dtype) for x in outputs] != [(x.shape, x.dtype) for x in others]:
            raise self.recorder.error("the branches of keras.ops cond differ in shape or dtype")
        self.recorder.control("cond", [on_true, on_false], [pred], {}, outputs)
        return _packed(made, outputs)

    def switch(self, index, branches, operands):
        *before, last = [lambda branch=branch: branch(*operands) for branch in branches]
        if not isinstance(index, keras.KerasTensor):
            number = int(index)
            return [*before, last][number if 0 <= number < len(branches) else -1]()
        chosen = last
        for position, branch in reversed(list(enumerate(before))):
            chosen = lambda position=position, branch=branch, rest=chosen: self.cond(
                keras.ops.equal(index, position), branch, rest)
        return chosen()

    def scan(self, f, init, xs, length=None, reverse=False):
        states = [self.recorder.tensor(value) for value in tree.flatten(init)]
        sequences = [] if xs is None else [self.recorder.tensor(value) for value in tree.flatten(xs)]
        carried = [_like(state) for state in states]
        elements = [keras.KerasTensor(tuple(x.shape)[1:], dtype=_dtype(x)) for x in sequences]

        def step():
            element = None if xs is None else tree.pack_sequence_as(xs, elements)
            carry, result = f(tree.pack_sequence_as(init, carried), element)
            tree.assert_same_structure(init, carry)
            return carry, result

        body, (carry, result) = self.recorder.body(step, carried + elements)
        steps = sequences[0].shape[0] if sequences else int(length)
        last = [_like(state) for state in tree.flatten(carry)]
        results = [keras.KerasTensor((steps, *x.shape), dtype=_dtype(x)) for x in tree.flatten(result) if x is not None]
        config = {"length": None if sequences else steps, "reverse": bool(reverse)}
        self.recorder.control("scan", [body], [states, sequences], config, last + results)
        return _packed(carry, last), _packed(result, results)

    def rnn(self, step_function, inputs, initial_states, go_backwards=False, mask=None, constants=None, unroll=False,
            input_length=None, time_major=False, zero_output_for_mask=False, return_all_outputs=True):
        """As the backends' `rnn`: the last output, all outputs, the last states."""
        if constants is not None:
            raise self.recorder.error("a recurrent layer with constants")
        ops, structure = keras.ops, initial_states
        in_time = lambda x: x if time_major else ops.swapaxes(x, 0, 1)
        turned = lambda x: ops.flip(x, 0) if go_backwards else x
        sequences = tree.map_structure(lambda x: turned(in_time(x)), inputs)
        call = lambda states, element: step_function(element, tree.pack_sequence_as(structure, states))
        states = tree.flatten(initial_states)
        if mask is None:
            def step(carry, element):
                output, new = call(carry, element)
                return tree.flatten(new), output

            last, outputs = self.scan(step, states, sequences)
        else:
            # Where a step is masked the state stays, and so does the output, or it is zero.
            element = tree.map_structure(lambda x: keras.KerasTensor(tuple(x.shape)[1:], dtype=_dtype(x)), sequences)
            held = [_like(state) for state in states]
            _, shown = self.recorder.body(lambda: call(held, element)[0], held + tree.flatten(element))
            mask = mask if len(mask.shape) == 2 else ops.squeeze(mask, -1)

            def step(carry, element):
                (*before, old), (x, seen) = carry, element
                output, new = call(before, x)
                if backend.backend() == "jax":
                    # There the first state, of stacked cells that of the last, is taken for the output before.
                    held = tree.pack_sequence_as(structure, before)
                    old = held[-1][0] if tree.is_nested(held[0]) else held[0]
                wide = lambda like: ops.reshape(seen, (-1,) + (1,) * (len(like.shape) - 1))
                kept = [ops.where(wide(a), a, b) for a, b in zip(tree.flatten(new), before)]
                output = ops.where(wide(output), output, ops.zeros_like(output) if zero_output_for_mask else old)
                return [*kept, output], output

            start = ops.zeros(tuple(shown.shape), _dtype(shown))
            (*last, _), outputs = self.scan(step, [*states, start], (sequences, turned(in_time(mask))))
        final = outputs[-1]
        outputs = outputs if return_all_outputs else ops.expand_dims(final, 0)
        return final, outputs if time_major else ops.swapaxes(outputs, 0, 1), tree.pack_sequence_as(structure, last)

    def map(self, f, xs):
        return self.scan(lambda _, x: ((), f(x)), (), xs)[1]

    def associative_scan(self, f, elems, reverse, axis):
        ops = keras.ops
        flip = lambda xs: tree.map_structure(lambda x: ops.flip(x, axis), xs)
        part = lambda xs, start, stop: tree.map_structure(
            lambda x: x[(slice(None),) * (axis % len(x.shape)) + (slice(start, stop),)], xs)
        turn = lambda xs, source, target: tree.map_structure(lambda x: ops.moveaxis(x, source, target), xs)
        elems = flip(elems) if reverse else elems
        first = part(elems, 0, 1)

        def step(before, x):
            both = f(before, tree.map_structure(lambda x: ops.expand_dims(x, axis), x))
            return both, tree.map_structure(lambda x: ops.squeeze(x, axis), both)

        _, rest = self.scan(step, first, turn(part(elems, 1, None), axis, 0))
        whole = tree.map_structure(lambda a, b: ops.concatenate([a, b], axis), first, turn(rest, 0, axis))
        return flip(whole) if reverse else whole

    def while_loop(self, cond, body, loop_vars, maximum_iterations=None):
        is_many = isinstance(loop_vars, (list, tuple))
        structure = tuple(loop_vars) if is_many else (loop_vars,)
        values = [self.recorder.tensor(value) for value in tree.flatten(structure)]

        def call(function):
            arguments = [_like(value) for value in values]
            return self.recorder.body(lambda: function(*tree.pack_sequence_as(structure, arguments)), arguments)

        def step(*arguments):
            made = body(*arguments)
            return tuple(made) if is_many else (made,)

        asked, _ = call(cond)
        each, made = call(step)
        tree.assert_same_structure(structure, made)
        outputs = [_like(value) for value in values]
        most = None if maximum_iterations is None else int(maximum_iterations)
        self.recorder.control("while", [asked, each], [values], {"maximum_iterations": most}, outputs)
        last = tree.pack_sequence_as(structure, outputs)
        return type(loop_vars)(last) if is_many and type(loop_vars) in (list, tuple) else last if is_many else last[0]

    def fori_loop(self, lower, upper, body_fun, init_val):
        numbers = isinstance(lower, int) and isinstance(upper, int)
        most = max(upper - lower, 0) if numbers else None
        values = (keras.ops.cast(lower, "int32"), init_val)
        step = lambda at, value: (at + 1, body_fun(at, value))
        return self.while_loop(lambda at, _: keras.ops.less(at, upper), step, values, most)[1]


def _dtype(value):
    return keras.backend.standardize_dtype(value.dtype)


def _like(value):
    return keras.KerasTensor(tuple(value.shape), dtype=_dtype(value))


def _packed(structure, flat):
    """A structure whose tensors are replaced; `None` stays."""
    flat = iter(flat)
    return tree.map_structure(lambda value: None if value is None else next(flat), structure)
