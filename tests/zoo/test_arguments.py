import math
from fractions import Fraction

import numpy as np
import pytest

from zoo.arguments import (
    as_names,
    as_path,
    is_among,
    is_same_function,
    is_whole,
    real_number,
    true_or_false,
    where_defined,
    whole_number,
)
from zoo.errors import ArgumentError


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3), np.array(3)])
def test_whole_numbers_of_every_integer_type_become_int(value):
    number = whole_number("count", value, 0)
    assert number == 3
    assert type(number) is int


@pytest.mark.parametrize("value", [True, False, 3.0, "3", None, [3], np.array([3, 4]), np.bool_(1)])
def test_what_is_no_whole_number_is_an_error_that_shows_it(value):
    with pytest.raises(ArgumentError, match=r"count must be a whole number of 0 or more. Received"):
        whole_number("count", value, 0)


def test_the_limit_that_was_passed_is_named():
    with pytest.raises(ArgumentError, match=r"n must be a whole number of 2 or more. Received: 1"):
        whole_number("n", 1, 2)
    with pytest.raises(ArgumentError, match=r"n must be a whole number of 1,000 or less. Received"):
        whole_number("n", 1001, 2, 1000)


def test_truth_values_are_no_whole_numbers():
    assert not is_whole(True)
    assert is_whole(np.int64(0))


def test_the_home_folder_is_written_out(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert as_path("root", "~/data") == tmp_path / "data"


@pytest.mark.parametrize("value", [3, None, "a\0b", "x" * 5000])
def test_what_no_file_system_takes_is_an_error(value):
    with pytest.raises(ArgumentError, match="root must be a path"):
        as_path("root", value)


# Functions to be registered


def first():
    pass


def make():
    def inner():
        pass

    return inner


def test_a_function_is_the_same_after_its_module_was_reloaded():
    namespace = {"__name__": first.__module__}
    code = compile("def first():\n    pass\n", first.__code__.co_filename, "exec")
    exec(code, namespace)
    assert namespace["first"] is not first
    assert is_same_function(first, namespace["first"])


def test_local_functions_of_one_name_are_different():
    inner = make()
    assert is_same_function(inner, inner)
    assert not is_same_function(inner, make())
    assert not is_same_function(first, make)


def test_a_function_is_found_by_module_file_and_line():
    text = where_defined(first)
    assert text.startswith(f"{first.__module__}.first (")
    assert text.endswith(f"test_arguments.py:{first.__code__.co_firstlineno})")


@pytest.mark.parametrize(
    "value", ["1", None, True, [], {}, math.nan, math.inf, 1j, np.array([1, 2]), 10**400]
)
def test_a_real_number_is_a_finite_number(value):
    with pytest.raises(
        ArgumentError, match=r"^rate must be a finite number\. Received: .*Pass 0\.1,"
    ):
        real_number("rate", value, example=0.1)


@pytest.mark.parametrize("value", ["false", "no", "", None, 2, [], np.array([True, False])])
def test_a_switch_is_no_text_and_no_other_number(value):
    with pytest.raises(ArgumentError, match=r"^cache must be True or False\. Received: .*quotes\."):
        true_or_false("cache", value)


@pytest.mark.parametrize("value", [True, 1, np.True_, np.array(True)])
def test_a_switch_is_also_one_of_numpy(value):
    assert true_or_false("cache", value) is True


@pytest.mark.parametrize(
    ("limits", "refused", "text"),
    [
        ({"least": 0}, [-0.1, -1], "finite number, 0 or more"),
        ({"above": 0}, [0, -1e-9], "finite number, above 0"),
        ({"above": 0, "most": 1}, [0, 1.001], "finite number, above 0 and up to 1"),
    ],
)
def test_a_real_number_has_limits(limits, refused, text):
    for value in refused:
        with pytest.raises(ArgumentError, match=rf"must be a {text}\. Received: {value!r}\."):
            real_number("rate", value, **limits, example=0.1)
    for value in (0.5, np.float32(0.5), Fraction(1, 2)):
        assert real_number("rate", value, **limits, example=0.1) == 0.5


def test_what_cannot_be_compared_is_no_choice():
    assert is_among("a", ("a", "b"))
    assert is_among(1, ("auto", 0, 1))
    for value in ("c", [], {}, np.array([1, 2]), None):
        assert not is_among(value, ("a", "b"))
        assert not is_among(value, {"a": 1})


def test_names_are_a_list():
    assert as_names("class_names", np.array([3, 8])) == ("3", "8")
    for value in ("cat", b"cat", 3, None):
        with pytest.raises(ArgumentError, match=r"^class_names must be a list of names\. Received"):
            as_names("class_names", value)
