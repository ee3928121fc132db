"""A training step with gradients by hand against the same step with Keras's own.

Both are compiled once and then take turns, so that a drift of the machine's speed affects both; a
figure is the median of the ratios, pair by pair. Memory is the peak of a process that trains a few
steps, above the memory of that process when the model is built.
"""

import os
import statistics
import subprocess
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.table import Table

import zoo
import zoo.layers
from benchmarks.measure import compare, keep, take_turns

LIBRARIES = ("auto", "handwritten")
# Name of the model, batch size, pairs of steps, highest ratio that is aimed at.
ENTRIES = [
    ("softmax", 256, 200, 1.05),
    ("mlp", 64, 200, 1.05),
    ("bn_mlp", 256, 200, 1.05),
    ("lasso_mlp", 256, 200, 1.05),
    ("deep_mlp", 256, 200, 1.05),
    ("cnn", 32, 40, 1.15),
    ("conv_bn", 32, 40, None),
    ("alexnet", 8, 12, None),
    ("lenet", 128, 100, 1.15),
    ("vgg", 32, 20, 1.15),
    ("rep_vgg", 32, 12, 1.15),
    ("resnet", 32, 20, 1.15),
    ("wide_resnet", 32, 12, 1.15),
    ("mini_xception", 32, 20, 1.15),
]
# Layer, arguments, the shape of the input or the shapes of several inputs, arguments of the call.
LAYERS: list[tuple[str, dict[str, Any], tuple[Any, ...], dict[str, Any]]] = [
    ("Dense", {"units": 512}, (256, 2304), {}),
    ("ReLU", {}, (256, 48, 48, 32), {}),
    ("Softmax", {}, (4096, 100), {}),
    ("Dropout", {"rate": 0.5}, (256, 9216), {"training": True}),
    ("BatchNormalization", {}, (64, 24, 24, 64), {"training": True}),
    ("Conv2D", {"filters": 64, "kernel_size": 3, "padding": "same"}, (32, 24, 24, 64), {}),
    ("MaxPooling2D", {}, (32, 48, 48, 32), {}),
    ("AveragePooling2D", {"pool_size": 2}, (64, 32, 32, 32), {}),
    ("GlobalAveragePooling2D", {}, (128, 8, 8, 256), {}),
    ("Add", {}, ((64, 32, 32, 32), (64, 32, 32, 32)), {}),
    ("Multiply", {}, ((64, 16, 16, 64), (64, 1, 1, 64)), {}),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same"}, (64, 24, 24, 64), {}),
    (
        "SeparableConv2D", {"filters": 64, "kernel_size": 3, "padding": "same"},
        (64, 24, 24, 32), {},
    ),
    ("Activation", {"activation": "silu"}, (64, 32, 32, 32), {}),
    ("Activation", {"activation": "gelu"}, (64, 32, 32, 32), {}),
    ("Activation", {"activation": "sigmoid"}, (64, 32, 32, 32), {}),
    ("Activation", {"activation": "tanh"}, (64, 32, 32, 32), {}),
]  # fmt: skip


def training_step(name: str, batch: int, gradients: str) -> Any:
    """Make a compiled training step of a model on fixed random images."""
    model = zoo.build(name, gradients=gradients, seed=0)
    optimizer = keras.optimizers.SGD(0.001)
    optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.integers(0, 256, (batch, *model.input_shape[1:])), "uint8")
    labels = tf.constant(rng.integers(0, model.output_shape[-1], batch))

    @tf.function(autograph=False, jit_compile=False)
    def step() -> Any:
        with tf.GradientTape() as tape:
            probabilities = model(images, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
            loss = sum(model.losses, start=tf.reduce_mean(losses))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        return loss

    return step


def layer_step(
    name: str,
    arguments: dict[str, Any],
    shape: tuple[Any, ...],
    call: dict[str, Any],
    gradients: str,
) -> Any:
    """Make a compiled forward and backward pass of a layer on fixed random numbers."""
    library = keras.layers if gradients == "auto" else zoo.layers
    layer = getattr(library, name)(**arguments)
    layer.build(shape)
    rng = np.random.default_rng(0)
    several = isinstance(shape[0], tuple)
    tensors = [
        tf.constant(rng.normal(size=sides), "float32") for sides in (shape if several else [shape])
    ]

    @tf.function(autograph=False, jit_compile=False)
    def step() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = layer(tensors if several else tensors[0], **call)
            loss = tf.reduce_sum(y * y)
        found = tape.gradient(loss, [*tensors, *layer.trainable_variables])
        return [tf.reduce_sum(gradient) for gradient in found]

    return step


def in_turns(steps: list[Any], pairs: int) -> dict[str, float]:
    """Let two steps take turns: milliseconds of each, and how many times slower the second is."""
    ways = {
        name: lambda step=step: (
            tf.nest.map_structure(lambda tensor: tensor.numpy(), step()) and None
        )
        for name, step in zip(LIBRARIES, steps, strict=True)
    }
    seconds = take_turns(ways, pairs, warm_up=2)
    keras_own, by_hand = (seconds[name] for name in LIBRARIES)
    # In this order the ratio says how many times slower the handwritten step is.
    ratio = compare(keras_own, by_hand)
    return {
        "keras": 1e3 * ratio["seconds"],
        "by hand": 1e3 * statistics.median(by_hand),
        "ratio": ratio["times faster"],
        "low": ratio["low"],
        "high": ratio["high"],
    }


def peak_memory(name: str, batch: int, gradients: str) -> float:
    """Run `memory_of_steps` in a process of its own."""
    code = (
        "import sys; from benchmarks.gradients import memory_of_steps;"
        "print(memory_of_steps(sys.argv[1], int(sys.argv[2]), sys.argv[3]))"
    )
    words = [sys.executable, "-c", code, name, str(batch), gradients]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def memory_of_steps(name: str, batch: int, gradients: str) -> float:
    """Measure the MiB that ten training steps take above the built model (on Linux)."""
    step = training_step(name, batch, gradients)
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # The kernel forgets the peak of importing and building.
    before = _kibibytes("VmRSS")
    for _ in range(10):
        step()
    return (_kibibytes("VmHWM") - before) / 1024


def _kibibytes(field: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith(field))
    return int(line.split()[1])


def main() -> None:
    """Measure, print the tables, and write results/gradients.json."""
    results: dict[str, Any] = {"entries": {}, "layers": {}, "memory": {}}
    for name, batch, pairs, _ in ENTRIES:
        steps = [training_step(name, batch, gradients) for gradients in LIBRARIES]
        results["entries"][name] = in_turns(steps, pairs)
    for name, arguments, shape, call in LAYERS:
        steps = [layer_step(name, arguments, shape, call, gradients) for gradients in LIBRARIES]
        title = " ".join([name, *filter(None, [arguments.get("activation")])])
        results["layers"][title] = in_turns(steps, 40)
    for name, batch in (("mlp", 4096), ("cnn", 128), ("conv_bn", 128)):
        own, by_hand = (
            statistics.median(peak_memory(name, batch, gradients) for _ in range(3))
            for gradients in LIBRARIES
        )
        results["memory"][name] = {"keras": own, "by hand": by_hand, "ratio": by_hand / own}
    limits: dict[str, dict[str, float | None]] = {
        "entries": {name: limit for name, _, _, limit in ENTRIES},
        "layers": {},
        "memory": dict.fromkeys(results["memory"], 1.1),
    }
    console = Console()
    for title, unit, key in (
        ("A training step", "ms", "entries"),
        ("One layer, forward and backward", "ms", "layers"),
        ("Peak memory of ten steps", "MiB", "memory"),
    ):
        table = Table("", f"Keras, {unit}", f"by hand, {unit}", "ratio", "quartiles", "at most",
                      title=title, title_justify="left", box=None)  # fmt: skip
        for name, row in results[key].items():
            spread = f"{row['low']:.3f} – {row['high']:.3f}" if "low" in row else ""
            table.add_row(
                name, f"{row['keras']:.2f}", f"{row['by hand']:.2f}", f"{row['ratio']:.3f}", spread,
                str(limits[key].get(name) or ""),
            )  # fmt: skip
        console.print(table, "")
    keep("gradients", results)


if __name__ == "__main__":
    main()
