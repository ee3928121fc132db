"""The runs of a sweep: which value of a setting each run had."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArgumentError
from zoo.inspect.curves.histories import ModelHistory, model_histories
from zoo.inspect.curves.settings import as_key, differing_settings
from zoo.tensorboard import BUILDER
from zoo.text import did_you_mean


def runs_by_value(
    runs: Any, parameter: str, member: str | None
) -> tuple[list[Any], list[ModelHistory]]:
    """Read runs with the value of a setting.

    Args:
        runs: A dict from values to runs, or run folders.
        parameter: The name of the setting.
        member: As for `learning_curves`.

    Returns:
        The value of each run, a number or a text; and the histories of the runs.

    Raises:
        ArgumentError: A run does not have the setting.

    Example:
        >>> values, histories = runs_by_value({0.1: {"loss": [1.0]}}, "learning_rate", None)
        >>> values, histories[0].scores
        ([0.1], {'loss': [1.0]})
    """
    if is_by_value(runs):
        by_value = {value: model_histories(group, member) for value, group in runs.items()}
        keys = [as_key(value) for value, group in by_value.items() for _ in group]
        return keys, [history for group in by_value.values() for history in group]
    histories = model_histories(runs, member)
    keys = [_value_of(history, parameter, histories) for history in histories]
    return keys, histories


def warn_of_other_settings(histories: Sequence[ModelHistory], parameter: str) -> list[str]:
    """Warn if runs differ in more settings than the one that is swept, apart from seeds.

    Args:
        histories: Runs with known settings.
        parameter: The name of the setting that is swept.

    Returns:
        The names of the other settings.

    Warns:
        UserWarning: There are other settings.

    Example:
        >>> warn_of_other_settings([ModelHistory("a", {}, 1, {"epochs": 3})], "epochs")
        []
    """
    settings = [history.settings or {} for history in histories]
    also = differing_settings(settings, _setting(settings[0], parameter) or parameter)
    if also:
        warnings.warn(
            f"The runs must differ in {parameter} alone, for the curve to show its effect. "
            f"Received: runs that also differ in {', '.join(also)}. Select the runs in which the "
            "other settings are the same.",
            UserWarning,
            stacklevel=3,
        )
    return also


def is_by_value(runs: Any) -> bool:
    """Whether runs are a dict from values to runs, and not a history, such as {"loss": [1.0]}.

    Example:
        >>> is_by_value({0.1: {"loss": [1.0]}}), is_by_value({"loss": [1.0]})
        (True, False)
    """
    if not isinstance(runs, Mapping):
        return False
    first = next(iter(runs.values()), None)
    return not isinstance(first, (list, tuple, np.ndarray)) or any(
        not isinstance(value, (int, float, np.number)) for value in first
    )


def _setting(settings: Mapping[str, Any], parameter: str) -> str | None:
    """Give the whole name of a setting, which may be named without `builder.`."""
    names = (parameter, f"{BUILDER}{parameter}")
    return next((name for name in names if name in settings), None)


def _value_of(history: ModelHistory, parameter: str, histories: Sequence[ModelHistory]) -> Any:
    """Look the setting up in the configuration of a run."""
    name = _setting(history.settings or {}, parameter)
    if name is not None:
        return as_key((history.settings or {})[name])
    known = {key.removeprefix(BUILDER) for other in histories for key in other.settings or {}}
    if not known - {"model"}:
        raise ArgumentError(
            "runs must be run folders, which know their settings, or a dict from values to runs. "
            f"Received: {history.name}, whose {parameter} is not known. Pass "
            "{0.1: runs, 0.01: more_runs}."
        )
    raise ArgumentError(
        f"parameter must be a setting of all runs. Received: {parameter!r}, which {history.name} "
        f"does not have{did_you_mean(parameter, known)} The settings are: "
        f"{', '.join(sorted(known))}."
    )


def group_by_value(keys: Sequence[Any], parameter: str) -> tuple[NDArray[Any], list[list[int]]]:
    """Sort the values, and list the runs of each.

    Args:
        keys: The value of each run.
        parameter: The name of the setting, for the message.

    Returns:
        The values, rising float64 [values], or texts sorted by `value_rank`; and for each value
        the positions of its runs.

    Raises:
        ArgumentError: There are fewer than two values.

    Example:
        >>> group_by_value([0.1, 0.01, 0.1], "learning_rate")
        (array([0.01, 0.1 ]), [[1], [0, 2]])
    """
    groups: dict[Any, list[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key, []).append(number)
    if len(groups) < 2:
        raise ArgumentError(
            f"The runs must have two values of {parameter} or more. Received: "
            f"{value_text(next(iter(groups)))} in all {len(keys)} runs. Pass more runs, or look at "
            "learning_curves."
            if groups
            else "runs must hold one run or more. Received: none."
        )
    if all(isinstance(key, (int, float)) for key in groups):
        order = sorted(groups)
        return np.array(order, np.float64), [groups[key] for key in order]
    order = sorted(groups, key=value_rank)
    return np.array([str(key) for key in order], object), [groups[key] for key in order]


def value_rank(key: Any) -> tuple[Any, ...]:
    """Give what the values of a setting are sorted by, also values of different kinds.

    None comes first, then numbers, then lists, the shorter before the longer and then number by
    number, then all other texts, which keep their order.

    Args:
        key: A value as `zoo.inspect.curves.settings.as_key` gives it.

    Example:
        >>> sorted(["512, 512", "b", "1024", "64, 8", 3, "none", "a"], key=value_rank)
        ['none', 3, '1024', '64, 8', '512, 512', 'b', 'a']
    """
    if isinstance(key, (int, float)):
        return (1, key)
    if key == "none":
        return (0,)
    try:
        numbers = tuple(map(float, key.split(", ")))
    except ValueError:
        return (3,)
    return (2, len(numbers), numbers)


def value_text(value: Any) -> str:
    """Write the value of a setting.

    Example:
        >>> value_text(0.0010), value_text("adam"), value_text(True)
        ('0.001', 'adam', 'True')
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value:g}" if is_number else str(value)
