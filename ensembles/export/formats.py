"""The file formats of graphs: how each is written, and how it is run."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from zoo.ensembles.models.voting_model import VotingModel
from zoo.errors import ArgumentError
from zoo.files import scratch_folder
from zoo.layers.folding import folded_where_possible
from zoo.text import visible

OPSET = 18
"""The version of ONNX's operators."""


def _graph(committee: VotingModel, dtype: str) -> tuple[Any, list[Any]]:
    """Make the function from pixels, uint8, to probabilities, votes and class names.

    Returns:
        The function, and the models whose weights it reads, with batch normalisation folded.
    """
    models = [folded_where_possible(model) for model in committee.members]
    signature = tf.TensorSpec([None, *committee.input_shape[1:]], tf.uint8, name="pixels")

    @tf.function(autograph=False, input_signature=[signature])
    def serve(pixels: Any) -> dict[str, Any]:
        images = tf.cast(pixels, "float32")
        members = tf.stack([tf.cast(model(images, training=False), "float32") for model in models])
        return {
            "probabilities": committee.rule.on_tensors(members, dtype),
            "votes": tf.transpose(tf.argmax(members, axis=-1, output_type=tf.int64)),
            "class_names": tf.constant([*map(visible, committee.label_names)]),
        }

    return serve, models


def _write_saved_model(committee: VotingModel, path: Path) -> None:
    serve, models = _graph(committee, "float64")
    _save(serve, path, models)


def _save(serve: Any, path: Path, models: Sequence[Any] = ()) -> None:
    module = tf.Module()
    module.serve = serve
    # Weights, and the seeds of layers that draw random numbers in training.
    module.variables_read = [variable.value for model in models for variable in model.variables]
    tf.saved_model.save(module, str(path), signatures={"serving_default": serve})


def _run_saved_model(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    outputs = serve(pixels=tf.constant(images))
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _write_onnx(committee: VotingModel, path: Path) -> None:
    tf2onnx = _extra("tf2onnx", "onnx")
    # In float32, since the OneHot operator of some runtimes has no float64.
    serve, _models = _graph(committee, "float32")
    tf2onnx.convert.from_function(
        serve, input_signature=serve.input_signature, opset=OPSET, output_path=str(path)
    )


def _run_onnx(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    session = _extra("onnxruntime", "onnx").InferenceSession(str(path))
    names = [output.name for output in session.get_outputs()]
    outputs = session.run(names, {session.get_inputs()[0].name: images})
    return dict(zip(names, outputs, strict=True))


def _write_litert(committee: VotingModel, path: Path) -> None:
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # The converter loses the variables of Keras 3, unless they are made constants first.
    serve, _models = _graph(committee, "float32")
    constant = convert_variables_to_constants_v2(serve.get_concrete_function())
    order = sorted(serve.get_concrete_function().structured_outputs)

    @tf.function(autograph=False, input_signature=serve.input_signature)
    def serve_constant(pixels: Any) -> dict[str, Any]:
        return dict(zip(order, constant(pixels), strict=True))

    with scratch_folder() as folder:
        _save(serve_constant, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
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
    """Import a module of a package that is installed by an extra."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ArgumentError(
            f"With format={extra!r}, {module.partition('.')[0]} must be installed. Received: "
            f"{error}. Run pip install 'committee-zoo[{extra}]'."
        ) from error
