from zoo.functions import is_same_function, where_defined


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
    assert text.endswith(f"test_functions.py:{first.__code__.co_firstlineno})")
