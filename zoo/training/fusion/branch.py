"""Copies: models of the same architecture, which run side by side from the first product on."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from keras import layers

from zoo.training.built_models.logits import logits_for_loss
from zoo.training.fusion.paired_variables import Pair
from zoo.training.fusion.wide_layers import Dropouts, Read, wide_layer


class Branch:
    """The layers of copies behind their first dense layer, whose product all branches share.

    Args:
        tails: The layers of each copy, from the first dense layer on.
    """

    def __init__(self, tails: Sequence[Sequence[Any]]) -> None:
        self.copies, self._units = len(tails), tails[0][0].units
        self._activation = tails[0][0].activation
        self._layers: list[Any] = []
        for number, (parts, dropouts) in enumerate(_steps(tails)):
            if number:
                self._layers.append(wide_layer(parts[0], self.copies))
            self._layers += [
                Dropouts(next(filter(None, column)), self.copies) for column in dropouts
            ]

    @property
    def inputs(self) -> int:
        """The number of columns of the first product that belong to this branch."""
        return self.copies * self._units

    def __call__(self, x: Any, *, training: bool, read: Read) -> tuple[Any, Any]:
        """Run the copies.

        Args:
            x: Columns of the first product, with biases, [batch, copies · units].
            training: Whether in training mode or in inference mode.
            read: Gives the value of a weight.

        Returns:
            Probabilities and logits, both [copies, batch, classes].
        """
        x = self._activation(x)
        if self.copies > 1:
            x = tf.transpose(tf.reshape(x, [-1, self.copies, self._units]), [1, 0, 2])
        for layer in self._layers:
            x = layer(x, training=training, read=read)
        logits = logits_for_loss(x)
        return (x, logits) if self.copies > 1 else (x[None], logits[None])

    def pairs(self, tails: Sequence[Sequence[Any]], owners: Sequence[int]) -> list[Pair]:
        """Take the settings of copies, and pair all variables with those of the copies.

        Args:
            tails: The layers of each copy, from the first dense layer on.
            owners: The number of the model that each copy is.
        """
        parts_of_layers = []
        for number, (parts, dropouts) in enumerate(_steps(tails)):
            parts_of_layers += ([parts] if number else []) + dropouts
        return [
            pair
            for layer, parts in zip(self._layers, parts_of_layers, strict=True)
            for pair in layer.pairs(parts, owners)
        ]


def dropouts_of(tails: Sequence[Sequence[Any]]) -> list[int]:
    """Count the dropout layers behind each other layer, in the copy that has most of them.

    Args:
        tails: The layers of each copy, from the first dense layer on.
    """
    return [len(dropouts) for _, dropouts in _steps(tails)]


def _steps(tails: Sequence[Sequence[Any]]) -> list[tuple[list[Any], list[list[Any]]]]:
    """Put the layers of the copies beside each other.

    Returns:
        For each layer that is no dropout, the layer of each copy, and the dropout layers behind
        that layer: for each of these, the dropout layer of each copy, or None.
    """
    split = [_without_dropout(tail) for tail in tails]
    steps = []
    for pairs in zip(*split, strict=True):
        most = max(len(dropouts) for _, dropouts in pairs)
        columns = [
            [dropouts[k] if k < len(dropouts) else None for _, dropouts in pairs]
            for k in range(most)
        ]
        steps.append(([layer for layer, _ in pairs], columns))
    return steps


def _without_dropout(tail: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """Pair each layer that is no dropout with the dropout layers behind it that drop something."""
    steps: list[tuple[Any, list[Any]]] = []
    for layer in tail:
        if not isinstance(layer, layers.Dropout):
            steps.append((layer, []))
        elif layer.rate > 0:
            steps[-1][1].append(layer)
    return steps
