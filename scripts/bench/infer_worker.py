"""The Python runtimes of `scripts/bench/infer`: `infer_worker.py FOLDER THREADS`.

Reads lines `RUNTIME MODEL BATCH CALLS` and answers each with one JSON object: CPU and wall seconds of all calls, wall
seconds of the fastest, and the largest difference from Keras's answer beyond 1e-5 + 1e-4 |b| (zero when it fits).
"""

import functools
import json
import os
import pathlib
import sys
import time

import numpy as np

FOLDER, THREADS = pathlib.Path(sys.argv[1]), int(sys.argv[2])


def onnxruntime(model, x):
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    if THREADS == 1:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(str(FOLDER / f"{model}.onnx"), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda: session.run(None, {name: x})[0]


@functools.cache
def tensorflow():
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf


def tf_function(model, x):
    tf = tensorflow()
    import keras

    loaded = keras.models.load_model(FOLDER / f"{model}.keras", compile=False)
    function = tf.function(lambda x: loaded(x, training=False))
    tensor = tf.constant(x)
    return lambda: function(tensor).numpy()


def saved_model(model, x):
    tf = tensorflow()
    loaded = tf.saved_model.load(FOLDER / f"{model}-saved_model")
    tensor = tf.constant(x)
    return lambda: loaded.serve(tensor).numpy()


def tf_lite(model, x):
    tf = tensorflow()
    interpreter = tf.lite.Interpreter(str(FOLDER / f"{model}.tflite"), num_threads=THREADS)
    source = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(source, x.shape)
    interpreter.allocate_tensors()
    target = interpreter.get_output_details()[0]["index"]

    def run():
        interpreter.set_tensor(source, x)
        interpreter.invoke()
        return interpreter.get_tensor(target)

    return run


RUNTIMES = {"onnxruntime": onnxruntime, "tf.function": tf_function, "SavedModel": saved_model, "tf.lite": tf_lite}


@functools.cache
def prepared(runtime, model, batch):
    with np.load(FOLDER / f"{model}-{batch}.npz") as arrays:
        x, expected = arrays["in_0"], arrays["out_0"]
    run = RUNTIMES[runtime](model, x)
    excess = np.abs(run() - expected) - (1e-5 + 1e-4 * np.abs(expected))
    run()
    return run, max(0.0, float(excess.max()))


def main():
    if THREADS == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # The libraries write to standard output as well: answers go to a copy of it.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        runtime, model, batch, calls = line.split()
        try:
            run, excess = prepared(runtime, model, int(batch))
            cpu, wall, least = time.process_time(), time.perf_counter(), float("inf")
            for _ in range(int(calls)):
                start = time.perf_counter()
                run()
                least = min(least, time.perf_counter() - start)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            answer = {"cpu": cpu, "wall": wall, "least": least, "excess": excess}
        except Exception as error:
            answer = {"error": str(error).splitlines()[0][:200] if str(error) else type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


main()
