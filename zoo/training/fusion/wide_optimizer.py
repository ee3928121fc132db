"""One optimiser for several models, whose settings may differ from model to model.

An optimiser that works on each weight by itself computes the same numbers if a setting, such as the
learning rate or the momentum, is an array that broadcasts to the shape of the weights: every entry
of the weights belongs to one model, and takes the value of this model. So one wide step takes the
place of a step for each model.
"""

import contextlib
import json
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.schedules import rate_factor
from zoo.training.fusion.fusible import (
    RATES_OF_SCHEDULES,
    VARYING_SETTINGS,
    fixed_settings,
    spares_vectors,
)
from zoo.training.fusion.paired_variables import NoVariable, Pair

BOUNDS = ("l1_regularization_strength",)
"""Settings that Keras gives to `tf.clip_by_value`, which would take the number of a `_Setting`."""


def make_wide_optimizer(optimizers: Sequence[Any], weights: Sequence[Pair]) -> Any:
    """Make the optimiser of fused models.

    Args:
        optimizers: The models' optimisers, of the same `optimizer_key`.
        weights: The trainable weights of the fused models, with the models' own weights.

    Returns:
        The built optimiser, which `pair_optimizers` gives the settings of the models' optimisers.
    """
    kind, config = type(optimizers[0]), optimizers[0].get_config()
    differing = _differing_settings(optimizers)
    if differing:
        kind = type(f"Wide{kind.__name__}", (_SettingsOfEntries, kind), {})
        for name, values in differing.items():
            if name in config and name != "learning_rate":
                config[name] = max(values)  # a momentum above 0 has variables
    wide = kind.from_config(config)
    leave_out_all_reduce(wide)
    if spares_vectors(optimizers[0]):
        vectors = [pair.wide for pair in weights if len(pair.parts[0].shape) < 2]
        wide.exclude_from_weight_decay(var_list=vectors)
    wide.build([pair.wide for pair in weights])
    if differing:
        wide.vary([*differing], len(optimizers), weights)
    return wide


def pair_optimizers(
    wide: Any, optimizers: Sequence[Any], models: Sequence[Any], weights: Sequence[Pair]
) -> list[Pair]:
    """Give the optimiser of fused models the settings of the models' optimisers.

    Args:
        wide: The optimiser of the fused models.
        optimizers: The models' built optimisers, of the same `optimizer_structure` as those that
            `wide` was made for.
        models: The models.
        weights: The trainable weights of the fused models, with the models' own weights.

    Returns:
        The variables of `wide`, with those of the models' own optimisers.
    """
    varies = isinstance(wide, _SettingsOfEntries)
    replaced = wide.take_settings(optimizers) if varies else {}
    everyone = range(len(models))
    shared = zip(_shared_variables(wide), *map(_shared_variables, optimizers), strict=True)
    factor = rate_factor(wide)
    factors = [] if factor is None else [Pair(factor, [*map(rate_factor, optimizers)], everyone)]
    return [
        *factors,
        *_pair_slots(wide, optimizers, models, weights),
        *(Pair(replaced.get(id(own), own), parts, everyone) for own, *parts in shared),
    ]


def optimizer_structure(optimizers: Sequence[Any]) -> Any:
    """Describe all that a graph depends on, of the optimisers of fused models.

    Args:
        optimizers: The models' optimisers, of the same `optimizer_key`.

    Returns:
        A text, without the values that the graph takes from variables.
    """
    if not optimizers:
        return None
    differing = _differing_settings(optimizers)
    config = optimizers[0].get_config()
    if isinstance(config["learning_rate"], float):
        del config["learning_rate"]  # a variable in any case
    common = {
        name: config[name] for name in config.keys() - {*differing, "name", "learning_rate"}
    }  # fmt: skip
    rate = {} if "learning_rate" in differing else {"rate": config.get("learning_rate")}
    fixed = fixed_settings(optimizers[0])
    return json.dumps([sorted(differing), common, rate, fixed], sort_keys=True, default=str)


def leave_out_all_reduce(optimizer: Any) -> None:
    """Let an optimiser not add up the gradients of several devices, where there is one device.

    TensorFlow registers a gradient of this sum for the whole life of the process, and with it the
    graph and the memory of its variables: without this, every training would leave its weights
    behind.

    Args:
        optimizer: A Keras optimiser.
    """
    if not tf.distribute.has_strategy():
        vars(optimizer)["_all_reduce_sum_gradients"] = list


def _differing_settings(optimizers: Sequence[Any]) -> dict[str, list[Any]]:
    """Find the settings in which optimisers differ: name → the value of each optimiser."""
    values: dict[str, list[Any]] = {
        name: [getattr(optimizer, name, None) or 0.0 for optimizer in optimizers]
        for name in VARYING_SETTINGS
    }
    values["learning_rate"] = [optimizer.get_config()["learning_rate"] for optimizer in optimizers]
    return {
        name: column
        for name, column in values.items()
        # A training may lower the rate of each model by itself, also where it begins the same.
        if any(value != column[0] for value in column)
        or (name == "learning_rate" and rate_factor(optimizers[0]) is not None)
    }


class _SettingsOfEntries:
    """The part of an optimiser that gives each entry of the weights its own settings.

    This class stands before an optimiser of Keras. It sets the settings for the entries of one
    variable, lets Keras compute, and goes on to the next variable. The attributes are set through
    `vars`, because Keras and TensorFlow would keep track of them as of their own.
    """

    def vary(self: Any, names: Sequence[str], models: int, weights: Sequence[Pair]) -> None:
        """Hold some settings as vectors over the models.

        Args:
            names: The names of the settings that differ.
            models: The number of models.
            weights: The trainable weights of the fused models, with the models' own weights.
        """
        own = vars(self)
        own["_models"] = list(range(models))
        own["_owners"] = {self._var_key(pair.wide): pair.owners_of_entries for pair in weights}
        own["_vectors"] = {
            name: tf.Variable([0.0] * models, dtype="float64", trainable=False)
            for name in names
            if name != "learning_rate"
        }
        own["_entries"] = None
        if rate_factor(self) is not None:
            ones = keras.Variable([1.0] * models, dtype=keras.config.floatx(), trainable=False)
            self._learning_rate.factor = ones
        for name in RATES_OF_SCHEDULES:
            if getattr(self._learning_rate, name, None) is not None:
                rates = tf.Variable([0.0] * models, dtype=keras.config.floatx(), trainable=False)
                setattr(self._learning_rate, name, rates)
        # The number of steps is the same for all; others, such as the rate, are a vector.
        vectors = {
            name: keras.Variable([1.0] * models, dtype=own[name].dtype, trainable=False)
            for name in ("_learning_rate", "_u_product")
            if isinstance(own.get(name), keras.Variable)
        }
        own["_replaced"] = {id(own[name]): vector for name, vector in vectors.items()}
        own.update(vectors)

    def take_settings(self: Any, optimizers: Sequence[Any]) -> dict[int, Any]:
        """Take the settings of the models' optimisers.

        Args:
            optimizers: The models' optimisers.

        Returns:
            The vectors that took the place of variables: `id` of a variable → the vector.
        """
        for name, vector in self._vectors.items():
            vector.assign([getattr(optimizer, name, None) or 0.0 for optimizer in optimizers])
        for name in RATES_OF_SCHEDULES:
            if isinstance(rates := getattr(self._learning_rate, name, None), tf.Variable):
                rates.assign([getattr(optimizer._learning_rate, name) for optimizer in optimizers])
        replaced: dict[int, Any] = self._replaced
        return replaced

    def update_step(self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step for one variable, with the settings of its entries."""
        product = vars(self).get("_u_product")  # of Nadam: a number for each model
        with self._settings_of(self._owners[self._var_key(variable)], variable.dtype) as entries:
            if product is not None:
                vars(self)["_u_product"] = tf.gather(product.value, entries)
            super().update_step(gradient, variable, self.learning_rate)  # type: ignore[misc]
        if product is not None:
            vars(self)["_u_product"] = product

    def _backend_update_step(self: Any, gradients: Any, variables: Any, learning_rate: Any) -> None:
        dtype = variables[0].dtype
        with self._settings_of(self._models, dtype):  # what Nadam computes once for each model
            super()._backend_update_step(gradients, variables, learning_rate)  # type: ignore[misc]

    def _apply_weight_decay(self: Any, variables: Sequence[Any]) -> None:
        for variable in variables:
            with self._settings_of(self._owners[self._var_key(variable)], variable.dtype):
                super()._apply_weight_decay([variable])  # type: ignore[misc]

    def _get_current_learning_rate(self: Any) -> Any:
        rates = tf.convert_to_tensor(super()._get_current_learning_rate())  # type: ignore[misc]
        return (
            rates if self._entries is None or not rates.shape else tf.gather(rates, self._entries)
        )

    @contextlib.contextmanager
    def _settings_of(self: Any, entries: Sequence[int], dtype: Any) -> Iterator[Sequence[int]]:
        """Give the optimiser the settings of some entries: the number of the model of each."""
        own = vars(self)
        before = {name: own[name] for name in (*self._vectors, "_entries")}
        own["_entries"] = entries
        for name, vector in self._vectors.items():
            values = tf.gather(vector, entries)
            own[name] = tf.cast(values, dtype) if name in BOUNDS else _Setting(values, dtype)
        yield entries
        own.update(before)


class _Setting(float):
    """A setting for each entry, which Keras can use like a number in Python.

    A number in Python has 64 bits, and `1 - beta_2` is computed with all of them; but `tf.cast`
    rounds a number in Python to 32 bits. A setting does both, so that the results are the same.
    As a number, a setting is 1: "momentum > 0" is true, since it is true for some entries.

    Args:
        values: float64 [entries].
        dtype: Dtype of the variable that the entries belong to.
    """

    _values: Any
    dtype: Any

    def __new__(cls, values: Any, dtype: Any) -> "_Setting":
        """Make a setting."""
        setting = super().__new__(cls, 1.0)
        setting._values, setting.dtype = values, dtype
        return setting

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        """Become a tensor, rounded as TensorFlow rounds a number in Python."""
        values = self._values if dtype else tf.cast(self._values, keras.config.floatx())
        return tf.cast(values, dtype or self.dtype, name=name)

    def _with(self, other: Any, function: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, int | float):
            return _Setting(function(self._values, tf.cast(other, "float64")), self.dtype)
        return function(tf.cast(self._values, self.dtype), other)

    def __neg__(self) -> "_Setting":
        return _Setting(-self._values, self.dtype)

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    def __rsub__(self, other: Any) -> Any:
        return -self + other


def _pair_slots(
    wide: Any, optimizers: Sequence[Any], models: Sequence[Any], weights: Sequence[Pair]
) -> list[Pair]:
    """Pair the variables that an optimiser has for each weight, such as momentum."""
    pairs = []
    wide_slots, *all_slots = map(_slot_variables, (wide, *optimizers))
    for name, slots in wide_slots.items():
        slot_of = {
            id(weight): slot
            for model, own_slots in zip(models, all_slots, strict=True)
            if name in own_slots
            for weight, slot in zip(model.trainable_variables, own_slots[name], strict=True)
        }
        for pair, slot in zip(weights, slots, strict=True):
            parts = [
                slot_of[id(part)] if id(part) in slot_of else NoVariable(part.shape, part.dtype)
                for part in pair.parts
            ]
            pairs.append(Pair(slot, parts, pair.owners))
    return pairs


def _slot_variables(optimizer: Any) -> dict[str, list[Any]]:
    """Find the variables that an optimiser has for each weight, such as momentum, by name."""
    known = {id(variable) for variable in optimizer.variables}
    return {
        name: list(value)
        for name, value in vars(optimizer).items()
        if isinstance(value, list)
        and value
        and all(id(variable) in known for variable in value)
        and name != "_variables"
    }


def _shared_variables(optimizer: Any) -> list[Any]:
    """Find the other variables of an optimiser, such as the number of iterations."""
    slots = {id(slot) for values in _slot_variables(optimizer).values() for slot in values}
    return [variable for variable in optimizer.variables if id(variable) not in slots]
