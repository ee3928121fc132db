"""What the documentation site draws and writes from the code. `make docs` builds the site."""

import importlib
import itertools
import re
import tomllib
from pathlib import Path

import pytest

import zoo
from tests.test_examples import module_names
from zoo.weights.catalogue import find_weights

ROOT = Path(__file__).parents[1]


@pytest.fixture
def site(monkeypatch):
    """Import a module of docs/extensions by its name."""
    monkeypatch.syspath_prepend(ROOT / "docs")
    return lambda name: importlib.import_module(f"extensions.{name}")


def test_the_drawing_of_the_rooms_follows_the_import_contract(site):
    house = site("house")
    drawn = house.DRAWING.read_text(encoding="utf-8")
    assert drawn == house.draw(), (
        "Run `python docs/extensions/house.py`, and look at docs/rooms.svg."
    )


def test_every_room_that_the_drawing_explains_is_in_the_contract(site):
    house = site("house")
    rooms = {room for floor in house.floors() for room in floor.rooms}
    assert {*house.PURPOSES, *house.STEPS, *house.COLOURS} <= rooms


def test_contributing_and_the_page_about_the_house_show_the_drawing():
    assert "(docs/rooms.svg)" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert "(rooms.svg)" in (ROOT / "docs" / "house.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/house.md", "docs/gradients.md"])
def test_paths_that_a_page_names_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:zoo|datasets|ensembles|tests|benchmarks|docs)/[\w/.]+)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_page_stands_in_the_table_of_contents():
    contents = (ROOT / "docs" / "index.md").read_text(encoding="utf-8").splitlines()
    pages = {path.stem for path in ROOT.glob("docs/*.md")} - {"index"}
    assert pages <= set(contents)


def test_measured_results_are_those_of_registered_models():
    measured = tomllib.loads((ROOT / "docs" / "measured.toml").read_text(encoding="utf-8"))
    assert set(measured) <= set(zoo.list_models())
    assert all(
        set(row) == {"task", "result", "source"} for rows in measured.values() for row in rows
    )


def test_a_model_page_has_layers_parameters_flops_recipe_and_results(site):
    result = {"task": "a task", "result": "97 %", "source": "a command"}
    page, drawing = site("model_pages").model_page("cnn", [result])
    assert "4,787,687" in page
    assert "| `epochs` | `150` |" in page
    assert "| a task | 97 % | a command |" in page
    assert 'zoo.build("cnn", input_shape=(48, 48, 1), num_classes=7)' in page
    assert drawing.count("Conv2D 3×3") == 4
    assert "Nothing was measured" in site("model_pages").measured_text([])


def test_the_page_of_a_model_says_how_good_its_trained_weights_are(site):
    pages = site("model_pages")
    (best, *_) = find_weights("mnist", "lenet")
    accuracy = best.paper.scores["test"].accuracy
    rows = {row["source"]: row for row in pages.results_of_weights("lenet")}
    row = rows[f"[the weights](../weights.md) `{best.name}`"]
    assert row["result"].startswith(f"{100 * accuracy.value:.1f} % (")
    assert "n = 10,000" in row["task"]
    assert not pages.results_of_weights("alexnet")


def test_the_models_have_an_index_with_a_link_to_each(site, tmp_path, monkeypatch):
    monkeypatch.setattr(zoo, "list_models", lambda: ["softmax"])  # others take long to build
    site("model_pages").write_pages(tmp_path)
    assert "[`softmax`](softmax.md)" in (tmp_path / "index.md").read_text(encoding="utf-8")
    assert (tmp_path / "softmax.md").is_file()


@pytest.mark.parametrize("name", sorted({*zoo.list_models()} - {"alexnet"}))  # which takes seconds
def test_each_model_has_a_page_with_its_layers(site, name):
    page, drawing = site("model_pages").model_page(name)
    assert f"# {name}" in page
    spec, below = zoo.describe(name), slice(1, None)  # below the headings of the columns
    shapes = re.findall(r"<text x='340'.*?>(.*?)<", drawing)[below]
    parameters = re.findall(r"<text x='470'.*?>(.*?)<", drawing)[below]
    assert shapes[0] == "×".join(map(str, spec.parameters["input_shape"]))
    assert shapes[-1] == str(spec.parameters["num_classes"])
    assert sum(int(number.replace(",", "")) for number in parameters) == spec.parameter_count


def test_headings_of_a_page_skip_no_level():
    for path in (ROOT / "docs").glob("*.md"):
        text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.M | re.S)
        levels = [len(marks) for marks in re.findall(r"^(#+) ", text, re.M)]
        assert all(level <= above + 1 for above, level in itertools.pairwise(levels)), path


@pytest.mark.parametrize("name", ["deep_mlp", "cnn"])
def test_flops_agree_with_those_that_tensorflow_counts(site, name, capfd):
    import tensorflow as tf

    model = zoo.build(name, seed=0)
    counted = 2 * sum(row.multiply_adds for row in site("layers").rows(model))
    signature = tf.TensorSpec((1, *model.input_shape[1:]), "float32")
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(signature).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    everything = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    assert counted < everything < 1.03 * counted


def test_docstrings_become_restructured_text(site):
    text = site("api_pages").as_restructured_text(
        ["Sum `x|y` of *all* |rows|:", "- `a_`", "", "The formula", "", "    x * y_", "", ">>> a*b"]
    )
    assert text[:6] == [r"Sum ``x|y`` of \*all\* \|rows\|:", "", "- ``a_``", "", "The formula", ""]
    assert text[6:] == ["::", "", "    x * y_", "", ">>> a*b", ""]


def test_the_reference_has_every_room(site, tmp_path):
    api = site("api_pages")
    api.write_pages(tmp_path)
    assert (tmp_path / "index.rst").is_file()
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    floors = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    rooms = {room for floor in floors for room in floor.split(" | ")} - {"zoo.__main__"}
    assert {path.stem for path in tmp_path.glob("*.rst")} - {"index"} == rooms
    documented = []
    for path in tmp_path.glob("*.rst"):
        documented += re.findall(r"automodule:: (\S+)", path.read_text(encoding="utf-8"))
    modules = {*module_names()} - {"zoo", "zoo.moved"}  # which are no rooms
    assert sorted(documented) == sorted(modules)
