import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import zoo
import zoo.datasets
import zoo.ensembles

STEPS = """
import contextlib, io, json, runpy, sys

def heavy():
    return sorted({"tensorflow", "keras", "sklearn"} & set(sys.modules))

def command(*words):
    sys.argv = ["zoo", *words]
    sys.modules.pop("zoo.__main__", None)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_module("zoo", run_name="__main__")
        except SystemExit as end:
            assert not end.code, end.code
    printed[" ".join(words)] = output.getvalue()

loaded, printed = {}, {}
import zoo
loaded["import zoo"] = heavy()
zoo.list_models()
zoo.describe("cnn")
loaded["zoo.list_models()"] = heavy()
import zoo.datasets
zoo.datasets.list_datasets()
loaded["import zoo.datasets"] = heavy()
import zoo.ensembles
loaded["import zoo.ensembles"] = heavy()
command("--help")
loaded["zoo --help"] = heavy()
command("models")
loaded["zoo models"] = heavy()
command("describe", "cnn")
loaded["zoo describe cnn"] = heavy()
print(json.dumps([loaded, printed]))
"""


@pytest.fixture(scope="module")
def process():
    process = subprocess.run(
        [sys.executable, "-c", STEPS], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_looking_around_loads_neither_tensorflow_nor_scikit_learn(process):
    loaded, _ = process
    assert len(loaded) == 7
    assert all(modules == [] for modules in loaded.values()), loaded


def test_commands_that_load_no_tensorflow_do_answer(process):
    _, printed = process
    assert "committee" in printed["--help"]
    assert all(name in printed["models"] for name in zoo.list_models())
    assert "CO395" in printed["describe cnn"]


# Who may import whom. A package's name stands for all of its modules; a line may import itself
# and those above it, wherever in a module the import stands.
LINES = [
    ["zoo.errors"],
    [
        "zoo.augment",
        "zoo.datasets",
        "zoo.figure",
        "zoo.hardware",
        "zoo.metrics",
        "zoo.plots",
        "zoo.projective",
        "zoo.recipes",
        "zoo.registry",
        "zoo.runs",
        "zoo.standardize",
        "zoo.tensorboard",
    ],
    [
        "zoo.architecture",
        "zoo.averaging",
        "zoo.crew",
        "zoo.distillation",
        "zoo.layers",
        "zoo.losses",
        "zoo.models",
        "zoo.saving",
        "zoo.stack",
    ],
    ["zoo"],  # zoo/__init__.py
    [
        "zoo.console",
        "zoo.gradients",
        "zoo.learner",
        "zoo.lockstep",
        "zoo.progress",
    ],
    ["zoo.session", "zoo.training"],
    ["zoo.ensembles"],
    ["zoo.cli", "zoo.data_cli"],
    ["zoo.__main__"],
]
LEVELS = {name: level for level, names in enumerate(LINES) for name in names}


def sources():
    """Module → file, of all that is installed as a part of zoo."""
    found = {}
    for package in (zoo, zoo.datasets, zoo.ensembles):
        root = Path(package.__file__).parent
        for path in root.rglob("*.py"):
            words = path.relative_to(root).with_suffix("").parts
            words = words[:-1] if words[-1] == "__init__" else words
            found[".".join((package.__name__, *words))] = path
    return found


SOURCES = sources()


def imported(module, path):
    """The modules of zoo that a file imports, at its top or in a function."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            names = [
                whole if (whole := f"{base}.{alias.name}") in SOURCES else base
                for alias in node.names
            ]
        yield from (name for name in names if name.split(".")[0] == "zoo")


def level(module):
    """Its line in the table, or that of the package that it is in."""
    parts = module.split(".")
    for length in range(len(parts), 1, -1):
        if ".".join(parts[:length]) in LEVELS:
            return LEVELS[".".join(parts[:length])]
    assert module == "zoo", f"{module} is missing from the table of who may import whom"
    return LEVELS["zoo"]


def test_every_name_of_the_table_is_a_module():
    assert set(LEVELS) <= set(SOURCES)


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_module_imports_only_its_own_line_and_those_below(module):
    too_high = {name for name in imported(module, SOURCES[module]) if level(name) > level(module)}
    assert not too_high


# The public names


def test_public_names_are_there():
    assert set(zoo.__all__) <= set(dir(zoo))
    assert all(getattr(zoo, name) is not None for name in zoo.__all__)


@pytest.mark.parametrize("package", [zoo, zoo.datasets, zoo.ensembles])
def test_unknown_attribute_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'zzz'"):
        package.zzz  # noqa: B018
