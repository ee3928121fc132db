"""Export: a committee as one graph, from pixels to votes, which runs without Zoo."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.ensembles.voting_model import VotingModel
from zoo.errors import ArgumentError, RunError
from zoo.text import percent

OPSET = 18
"""The version of ONNX's operators."""
TOLERANCE = 1e-4
"""How far the probabilities of the graph may be from the committee's."""
_SIDE = 64
"""The height and width of test images, where the committee takes images of any size."""


def export(committee: VotingModel, path: str | os.PathLike[str], format: str) -> Path:
    """Write a committee as one graph, and compare the graph with the committee.

    Args:
        committee: The committee, with built members.
        path: As `filepath` of `Committee.export`.
        format: As in `Committee.export`.

    Returns:
        The path.

    Raises:
        ArgumentError: There is no such format, the path ends in another suffix, or packages are
            not installed.
        RunError: The graph could not be written, or computes something else.
    """
    if format not in FORMATS:
        raise ArgumentError(f"format must be one of {', '.join(FORMATS)}. Received: {format!r}")
    suffix, write, run = FORMATS[format]
    target = Path(path)
    if not suffix and target.exists():
        raise RunError(
            f"filepath must be a new folder. Received: {target}, which exists and was not changed. "
            "Pass another path."
        )
    if suffix and target.suffix != suffix:
        raise ArgumentError(
            f"With format={format!r}, filepath must end in {suffix}. Received: {target.name}"
        )
    images = _test_images(committee)
    expected = committee.predict(images), committee.member_probabilities(images)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
            written = Path(folder) / target.name
            write(committee, written)
            _compare(run(written, images), expected, committee.label_names, format)
            os.replace(written, target)
    except OSError as error:
        raise RunError(f"{target} could not be written: {error}") from error
    return target


def _graph(committee: VotingModel, dtype: str) -> Any:
    """A function from pixels uint8 to probabilities, votes and class names."""
    signature = tf.TensorSpec([None, *committee.input_shape[1:]], tf.uint8, name="pixels")

    @tf.function(autograph=False, input_signature=[signature])
    def serve(pixels: Any) -> dict[str, Any]:
        members = committee.member_outputs(pixels)
        return {
            "probabilities": committee.rule.on_tensors(members, dtype),
            "votes": tf.transpose(tf.argmax(members, axis=-1, output_type=tf.int64)),
            "class_names": tf.constant(committee.label_names),
        }

    return serve


def _write_saved_model(committee: VotingModel, path: Path) -> None:
    _save(_graph(committee, "float64"), path, committee)


def _save(serve: Any, path: Path, weights: Any = None) -> None:
    module = tf.Module()
    module.serve, module.weights = serve, weights
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def _run_saved_model(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    outputs = serve(pixels=tf.constant(images))
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _write_onnx(committee: VotingModel, path: Path) -> None:
    tf2onnx = _extra("tf2onnx", "onnx")
    # In float32, since the OneHot operator of some runtimes has no float64.
    serve = _graph(committee, "float32")
    tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET, output_path=str(path)
    )


def _run_onnx(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = _extra("onnxruntime", "onnx").InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {session.get_inputs()[0].name: images})
    return dict(zip(names, outputs, strict=True))


def _write_litert(committee: VotingModel, path: Path) -> None:
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as frozen,
    )

    # The converter loses the variables of Keras 3, unless they are made constants first.
    serve = _graph(committee, "float32")
    constant = frozen(serve.get_concrete_function())
    order = sorted(serve.get_concrete_function().structured_outputs)

    @tf.function(autograph=False, input_signature=serve.input_signature)
    def serve_constant(pixels: Any) -> dict[str, Any]:
        return dict(zip(order, constant(pixels), strict=True))

    with tempfile.TemporaryDirectory() as folder:
        _save(serve_constant, Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        path.write_bytes(converter.convert())


def _run_litert(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    interpreter = _extra("ai_edge_litert.interpreter", "litert").Interpreter(model_path=str(path))
    outputs = interpreter.get_signature_runner()(pixels=images)
    return {name: np.array(value) for name, value in outputs.items()}


class Format(NamedTuple):
    """A file format of graphs.

    Attributes:
        suffix: The suffix of the file; empty for a folder.
        write: Writes a committee to a path.
        run: Computes the outputs of the graph at a path, by name, for images uint8 [n, height,
            width, channels].
    """

    suffix: str
    write: Callable[[VotingModel, Path], None]
    run: Callable[[Path, np.ndarray], dict[str, np.ndarray]]


FORMATS = {
    "tf_saved_model": Format("", _write_saved_model, _run_saved_model),
    "onnx": Format(".onnx", _write_onnx, _run_onnx),
    "litert": Format(".tflite", _write_litert, _run_litert),
}


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ArgumentError(
            f"With format={extra!r}, {module.partition('.')[0]} must be installed. Received: "
            f"{error}. Run pip install 'committee-zoo[{extra}]'."
        ) from error


def _test_images(committee: VotingModel) -> np.ndarray:
    """Make images of noise, from dark to bright, on which graph and committee are compared."""
    shape = [side or _SIDE for side in committee.input_shape[1:]]
    rng = np.random.default_rng(0)
    brightness = np.linspace(0, 255, 8).reshape(-1, 1, 1, 1)
    return (rng.uniform(0, 1, (8, *shape)) * brightness).astype(np.uint8)


def _compare(outputs: dict[str, np.ndarray], expected: Any, class_names: Any, format: str) -> None:
    """Raise an error if the outputs of the graph differ from the committee's."""
    probabilities, members = expected
    names = [
        str(name, "utf-8") if isinstance(name, bytes) else name
        for name in outputs["class_names"].tolist()
    ]
    distance = float(np.abs(outputs["probabilities"] - probabilities).max())
    same = outputs["probabilities"].argmax(axis=1) == probabilities.argmax(axis=1)
    agree = outputs["votes"] == members.argmax(axis=2).T
    fits = (
        distance <= TOLERANCE
        and same[_clear(probabilities)].all()
        and agree[_clear(members).T].all()
        and names == list(class_names)
    )
    if not fits:
        raise RunError(
            f"The graph written as {format} must compute the same as the committee, and was not "
            f"kept. Received: probabilities that differ by up to {distance:.2g}, "
            f"{percent(agree.mean())} equal votes, and the classes {', '.join(names)}"
        )


def _clear(probabilities: np.ndarray) -> np.ndarray:
    """Mark where the highest probability leads by more than two runtimes may differ."""
    two = np.sort(probabilities, axis=-1)[..., -2:]
    return two[..., 1] - two[..., 0] > 2 * TOLERANCE
