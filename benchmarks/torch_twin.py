"""PyTorch modules that compute the same as the networks of Zoo, to compare their speed."""

import os
import time
from functools import partial
from typing import Any

import keras
import numpy as np


def torch_twin(model: keras.Model) -> Any:
    """Make a PyTorch module with the layers and the weights of a Keras network.

    Args:
        model: A functional `keras.Model` of the layers that Zoo's entries for images use.

    Returns:
        A `torch.nn.Module` from pixels 0..255 [batch, channels, height, width] to logits
        [batch, classes].
    """
    import torch

    class Twin(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.steps: list[tuple[Any, list[int], int]] = []
            for layer in model.operations:
                if isinstance(layer, keras.layers.InputLayer | keras.layers.Softmax):
                    continue
                node = layer._inbound_nodes[0]
                module = _module(torch, layer)
                self.add_module(layer.name, module)
                inputs = [id(tensor) for tensor in node.input_tensors]
                self.steps.append((module, inputs, id(node.output_tensors[0])))
            self.first = id(model.inputs[0])

        def forward(self, x: Any) -> Any:
            values = {self.first: x}
            for module, inputs, output in self.steps:
                values[output] = x = module(*[values[key] for key in inputs])
            return x

    return Twin().to(memory_format=torch.channels_last)


def _module(torch: Any, layer: Any) -> Any:
    """Make the PyTorch module of a layer, with the weights of the layer."""
    nn, kind = torch.nn, type(layer).__name__
    weights = [torch.tensor(weight) for weight in layer.get_weights()]
    module, state = _weightless(torch, layer), {}
    if kind in ("Conv2D", "DepthwiseConv2D"):
        depthwise = kind == "DepthwiseConv2D"
        channels = layer.input.shape[-1]
        kernel = weights[0].permute(2, 3, 0, 1) if depthwise else weights[0].permute(3, 2, 0, 1)
        state = dict(zip(("weight", "bias"), (kernel, *weights[1:]), strict=False))
        module = nn.Conv2d(
            channels,
            channels if depthwise else layer.filters,
            layer.kernel_size,
            layer.strides,
            tuple(size // 2 for size in layer.kernel_size) if layer.padding == "same" else 0,
            groups=channels if depthwise else 1,
            bias=layer.use_bias,
        )
    elif kind == "SeparableConv2D":
        channels, size = layer.input.shape[-1], layer.kernel_size
        padding = tuple(side // 2 for side in size) if layer.padding == "same" else 0
        module = nn.Sequential(
            nn.Conv2d(channels, channels, size, 1, padding, groups=channels, bias=False),
            nn.Conv2d(channels, layer.filters, 1, bias=layer.use_bias),
        )
        names = ("0.weight", "1.weight", "1.bias")
        kernels = (weights[0].permute(2, 3, 0, 1), weights[1].permute(3, 2, 0, 1), *weights[2:])
        state = dict(zip(names, kernels, strict=False))
    elif kind == "Dense":
        module = nn.Linear(*weights[0].shape)
        state = {"weight": weights[0].T, "bias": weights[1]}
    elif kind == "BatchNormalization":
        module = nn.BatchNorm2d if len(layer.input.shape) == 4 else nn.BatchNorm1d
        module = module(len(weights[0]), layer.epsilon, 1 - layer.momentum)
        names = ("weight", "bias", "running_mean", "running_var")
        state = dict(zip(names, weights, strict=True))
    if module is None:
        raise NotImplementedError(f"no PyTorch module for {kind}")
    module.load_state_dict(state, strict=False)
    if kind == "Conv2D" and layer.padding == "same" and layer.strides[0] > 1:
        module.padding = (0, 0)
        wrapped = _padded(torch, module, layer.kernel_size[0], layer.strides[0], 0.0)
        wrapped.add_module("convolution", module)  # so that its weights are trained
        return wrapped
    return module


def _weightless(torch: Any, layer: Any) -> Any:
    """Make the PyTorch module of a layer without weights; None for other layers."""
    nn, kind = torch.nn, type(layer).__name__
    function = partial(_function, torch)
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        pool = nn.MaxPool2d if kind == "MaxPooling2D" else nn.AvgPool2d
        module = pool(layer.pool_size, layer.strides)
        if layer.padding == "valid" or layer.pool_size == layer.strides:
            return module
        return _padded(torch, module, layer.pool_size[0], layer.strides[0], float("-inf"))
    if kind == "ZeroPadding2D":  # channels_first in Keras, so that the last axis is padded
        first, last = layer.padding[1]
        return function(lambda x: nn.functional.pad(x, (0, 0, 0, 0, first, last)))
    if kind == "Flatten":  # in the order of Keras, which has the channels last
        return function(lambda x: x.permute(0, 2, 3, 1).flatten(1) if x.ndim == 4 else x)
    return {
        "Rescaling": lambda: function(lambda x: x * layer.scale + layer.offset),
        "ReLU": nn.ReLU,
        "Dropout": lambda: nn.Dropout(layer.rate),
        "GlobalAveragePooling2D": lambda: function(lambda x: x.mean((2, 3), layer.keepdims)),
        "Add": lambda: function(lambda *values: sum(values[1:], values[0])),
        "Multiply": lambda: function(lambda x, y: x * y),
    }.get(kind, lambda: None)()


def _function(torch: Any, compute: Any) -> Any:
    """Make a PyTorch module without weights from a function."""
    module = torch.nn.Module()
    module.forward = compute
    return module


def _padded(torch: Any, module: Any, size: int, stride: int, value: float) -> Any:
    """Pad as TensorFlow does, at most one pixel more behind than in front, before a module."""

    def pad_and_call(x: Any) -> Any:
        pads = [max((-(-side // stride) - 1) * stride + size - side, 0) for side in x.shape[2:]]
        around = [part for pad in reversed(pads) for part in (pad // 2, pad - pad // 2)]
        return module(torch.nn.functional.pad(x, around, value=value))

    return _function(torch, pad_and_call)


def pixels_for_torch(images: np.ndarray) -> Any:
    """Give images [n, height, width, channels] to PyTorch: uint8 [n, channels, height, width]."""
    import torch

    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)


def fit_by_torch(
    model: keras.Model, split: Any, batch: int, epochs: int, *, bfloat16: bool
) -> float:
    """Train the PyTorch twin of a network with AdamW, and return the seconds of an epoch.

    The seconds are the median of the epochs from the second on.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    module = torch_twin(model).train()
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    images = pixels_for_torch(split.images)
    labels = torch.from_numpy(np.array(split.labels)).long()
    ends = []
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(batch):
            optimizer.zero_grad(set_to_none=True)
            x = images[rows].float().contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = module(x)
            torch.nn.functional.cross_entropy(logits.float(), labels[rows]).backward()
            optimizer.step()
        ends.append(time.perf_counter())
    return float(np.median(np.diff(ends)))


def predict_by_torch(module: Any, images: np.ndarray, batch: int, *, bfloat16: bool) -> np.ndarray:
    """Predict the probabilities of the classes with a PyTorch twin, [images, classes]."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    pixels, found = pixels_for_torch(images), []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        for part in pixels.split(batch):
            x = part.float().contiguous(memory_format=torch.channels_last)
            found.append(module(x).float().softmax(-1).numpy())
    return np.concatenate(found)
