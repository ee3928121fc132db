"""A committee as one graph, for those who serve it without Zoo: from pixels to votes."""

from __future__ import annotations

import importlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.errors import ArgumentError, RunError

if TYPE_CHECKING:
    from zoo.ensembles.committee import Committee

FORMATS = ("tf_saved_model", "onnx", "litert")
OPSET = 18
TOLERANCE = 1e-4
"""How far exported probabilities may be from the committee's own."""
_PIXELS_WITHOUT_SIZE = 64


def export(committee: Committee, path: str | os.PathLike[str], format: str) -> Path:
    """Write a committee as one graph; `Committee.export` describes it."""
    if format not in FORMATS:
        raise ArgumentError(f"format is one of {', '.join(FORMATS)}. Received: {format!r}")
    target = Path(path)
    if format == "tf_saved_model" and target.exists():
        raise RunError(f"{target} is there already, and was left as it is. Name another folder.")
    if format != "tf_saved_model" and target.suffix != (suffix := _SUFFIXES[format]):
        raise ArgumentError(f"format={format!r} is written as {suffix}. Received: {target.name}")
    images = _images(committee)
    expected = committee.predict(images), committee.member_probabilities(images)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as folder:
            made = Path(folder) / target.name
            write, run = _WAYS[format]
            write(committee, made)
            _compare(run(made, images), expected, committee.label_names, format)
            os.replace(made, target)
    except OSError as error:
        raise RunError(f"{target} could not be written: {error}") from error
    return target


def _graph(committee: Committee, dtype: str) -> Any:
    """A function from pixels uint8 to probabilities, votes and class names."""
    import tensorflow as tf

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


def _write_saved_model(committee: Committee, path: Path) -> None:
    _save(_graph(committee, "float64"), path, committee)


def _save(serve: Any, path: Path, weights: Any = None) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.serve, module.weights = serve, weights
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def _run_saved_model(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    import tensorflow as tf

    found = tf.saved_model.load(str(path)).signatures["serving_default"](pixels=tf.constant(images))
    return {name: tensor.numpy() for name, tensor in found.items()}


def _write_onnx(committee: Committee, path: Path) -> None:
    tf2onnx = _extra("tf2onnx", "onnx")
    # Not in float64, which ONNX's OneHot does not know everywhere.
    serve = _graph(committee, "float32")
    tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET, output_path=str(path)
    )


def _run_onnx(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = _extra("onnxruntime", "onnx").InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    found = session.run(names, {session.get_inputs()[0].name: images})
    return dict(zip(names, found, strict=True))


def _write_litert(committee: Committee, path: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2 as frozen,
    )

    # The converter loses the variables of Keras 3 where they are not constants before.
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
    found = interpreter.get_signature_runner()(pixels=images)
    return {name: np.array(value) for name, value in found.items()}


_SUFFIXES = {"onnx": ".onnx", "litert": ".tflite"}
_WAYS = {
    "tf_saved_model": (_write_saved_model, _run_saved_model),
    "onnx": (_write_onnx, _run_onnx),
    "litert": (_write_litert, _run_litert),
}


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ArgumentError(
            f"format={extra!r} needs {module.partition('.')[0]}, which is not installed: "
            f"pip install 'committee-zoo[{extra}]'"
        ) from error


def _images(committee: Committee) -> np.ndarray:
    """Some noise of every brightness, to compare with."""
    shape = [side or _PIXELS_WITHOUT_SIZE for side in committee.input_shape[1:]]
    rng = np.random.default_rng(0)
    brightness = np.linspace(0, 255, 8).reshape(-1, 1, 1, 1)
    return (rng.uniform(0, 1, (8, *shape)) * brightness).astype(np.uint8)


def _compare(found: dict[str, np.ndarray], expected: Any, class_names: Any, format: str) -> None:
    """Raise where the exported graph says something else than the committee."""
    probabilities, members = expected
    names = [
        str(name, "utf-8") if isinstance(name, bytes) else name
        for name in found["class_names"].tolist()
    ]
    distance = float(np.abs(found["probabilities"] - probabilities).max())
    same = found["probabilities"].argmax(axis=1) == probabilities.argmax(axis=1)
    agree = found["votes"] == members.argmax(axis=2).T
    fits = (
        distance <= TOLERANCE
        and same[_clear(probabilities)].all()
        and agree[_clear(members).T].all()
        and names == list(class_names)
    )
    if not fits:
        raise RunError(
            f"The graph written as {format} does not say what the committee says, and was not "
            f"kept: probabilities differ by up to {distance:.2g}, {100 * agree.mean():.0f} % of "
            f"the votes are the same, and the classes are {', '.join(names)}"
        )


def _clear(probabilities: np.ndarray) -> np.ndarray:
    """Whether the highest probability leads by more than runtimes may differ."""
    two = np.sort(probabilities, axis=-1)[..., -2:]
    return two[..., 1] - two[..., 0] > 2 * TOLERANCE
