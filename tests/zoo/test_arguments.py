import numpy as np
import pytest

from zoo.arguments import as_path, is_same_function, is_whole, where_defined, whole_number
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
