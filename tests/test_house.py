"""The house stays in order: small files, short functions, rooms that say what lives in them."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for room in ("zoo", "datasets", "ensembles") for path in ROOT.glob(f"{room}/**/*.py")
)
ROOMS = sorted({path.parent for path in SOURCES})
SHELVES = ("zoo/layers", "zoo/models", "datasets/sources")
"""Rooms of like things side by side, which may have any number of modules."""


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def body_lines(function):
    """Lines from the first statement after the docstring to the last."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_file_is_short_and_so_are_its_functions(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= 400
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    long = {
        node.name: body_lines(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, functions) and body_lines(node) > 60
    }
    assert long == {}


@pytest.mark.parametrize("room", ROOMS, ids=name_of)
def test_a_room_is_small_and_says_what_lives_there(room):
    described = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    assert len(described.split()) >= 10
    modules = [path for path in room.glob("*.py") if not path.name.startswith("__")]
    assert len(modules) <= 12 or name_of(room) in SHELVES


def test_every_room_is_installed():
    listed = (
        (ROOT / "setup.cfg").read_text("utf-8").split("packages =")[1].split("install_requires")[0]
    )
    names = {name_of(room).replace("/", ".") for room in ROOMS}
    installed = {name if name.startswith("zoo") else f"zoo.{name}" for name in names}
    assert set(listed.split()) == installed


def test_every_room_has_its_place_in_the_order_of_imports():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    for contract in contracts["contracts"]:
        if contract["type"] == "layers":
            placed = {name.strip() for layer in contract["layers"] for name in layer.split("|")}
            (room,) = {name.rpartition(".")[0] for name in placed}
            folder = ROOT / room.replace(".", "/")
            if not folder.exists():  # datasets and ensembles stand at the top
                folder = ROOT / room.removeprefix("zoo.")
            inside = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
            inside |= {path.parent.name for path in folder.glob("*/__init__.py")}
            inside |= {"datasets", "ensembles"} if room == "zoo" else set()
            assert placed == {f"{room}.{name}" for name in inside - {"moved"}}


TESTED_WITH = {
    "datasets/fetching/facescrub_pictures": "datasets/sources/test_facescrub",
    "datasets/fetching/public_web": "datasets/sources/test_facescrub",
    "datasets/files/checks": "datasets/files/test_tree",
    "datasets/files/locations": "datasets/test_loading",
    "datasets/files/mapped": "datasets/test_split",
    "datasets/formats/face_list": "datasets/sources/test_facescrub",
    "datasets/formats/npy": "datasets/sources/test_mnist",
    "datasets/formats/pixel_csv": "datasets/sources/test_fer2013",
    "datasets/formats/plain_pickle": "datasets/sources/test_cifar10",
    "datasets/formats/vote_csv": "datasets/sources/test_ferplus",
    "datasets/sources/fashion_mnist": "datasets/sources/test_mnist",
    "ensembles/fit_arguments": "ensembles/test_checks",
    "ensembles/combining/definition": "ensembles/combining/test_rules",
    "ensembles/models/member_models": "ensembles/models/test_voting_model",
    "ensembles/models/configuration": "ensembles/test_members",
    "ensembles/models/timing": "ensembles/models/test_voting_model",
    "ensembles/combining/geometric": "ensembles/combining/test_voting",
    "ensembles/combining/logistic_regression": "ensembles/test_stacking",
    "ensembles/combining/majority": "ensembles/combining/test_voting",
    "ensembles/combining/soft": "ensembles/combining/test_voting",
    "ensembles/combining/weights": "ensembles/combining/test_voting",
    "ensembles/export/formats": "ensembles/export/test_exporting",
    "ensembles/measures/pairwise": "ensembles/measures/test_diversity",
    "ensembles/reports/figures": "ensembles/reports/test_report",
    "ensembles/reports/saving": "ensembles/reports/test_report",
    "ensembles/reports/tables": "ensembles/reports/test_report",
    "zoo/augmentation/augmentation": "zoo/augmentation/test_projective",
    "zoo/augmentation/ranges": "zoo/augmentation/test_projective",
    "zoo/cli/committee": "zoo/cli/test_train",
    "zoo/cli/console": "zoo/cli/test_application",
    "zoo/cli/options": "zoo/cli/test_application",
    "zoo/errors": "zoo/cli/test_application",
    "zoo/experiments/images": "zoo/experiments/test_running",
    "zoo/experiments/settings": "zoo/experiments/test_definition",
    "zoo/experiments/views/drawing": "zoo/experiments/test_running",
    "zoo/experiments/views/finishing": "zoo/experiments/test_running",
    "zoo/gradients/checker": "zoo/gradients/test_first_order",
    "zoo/gradients/finite_differences": "zoo/gradients/test_first_order",
    "zoo/gradients/pure_function": "zoo/gradients/test_check",
    "zoo/files/disk_errors": "zoo/files/test_writing",
    "zoo/inspect/curves/drawing": "zoo/inspect/curves/test_learning",
    "zoo/inspect/curves/judged": "zoo/inspect/curves/test_risk",
    "zoo/inspect/curves/settings": "zoo/inspect/curves/test_histories",
    "zoo/inspect/curves/sweep_runs": "zoo/inspect/curves/test_sweep",
    "zoo/inspect/explaining/catalogue": "zoo/inspect/explaining/test_explain",
    "zoo/inspect/explaining/drawing": "zoo/inspect/explaining/test_explanation",
    "zoo/optimizers": "zoo/test_recipes",
    "zoo/training/phases/phase": "zoo/training/phases/test_small_images",
    "zoo/inspect/explaining/methods": "zoo/inspect/explaining/test_explain",
    "zoo/inspect/explaining/network": "zoo/inspect/explaining/test_explain",
    "zoo/inspect/landscapes/drawing": "zoo/inspect/landscapes/test_landscape",
    "zoo/inspect/landscapes/networks_at_weights": "zoo/inspect/landscapes/test_point_losses",
    "zoo/inspect/landscapes/outputs": "zoo/inspect/landscapes/test_point_losses",
    "zoo/inspect/landscapes/views": "zoo/inspect/landscapes/test_landscape",
    "zoo/inspect/page_parts/contents": "zoo/inspect/page_parts/test_making",
    "zoo/inspect/page_parts/subject": "zoo/inspect/page_parts/test_making",
    "zoo/inspect/pictures/sheet": "zoo/inspect/pictures/test_ranked_images",
    "zoo/inspect/pictures/image_files": "zoo/inspect/pictures/test_ranked_images",
    "zoo/inspect/units/ascent": "zoo/inspect/units/test_maximizing",
    "zoo/inspect/units/objective": "zoo/inspect/units/test_maximizing",
    "zoo/inspect/units/pixel_space": "zoo/inspect/units/test_maximizing",
    "zoo/inspect/units/tiles": "zoo/inspect/units/test_kernels",
    "zoo/inspect/units/unit_numbers": "zoo/inspect/units/test_kernels",
    "zoo/inspect/units/unit_outputs": "zoo/inspect/units/test_dead",
    "zoo/layers/activations": "zoo/layers/test_dense",
    "zoo/layers/average_pooling2d": "zoo/layers/test_handwritten",
    "zoo/layers/batch_normalization": "zoo/layers/test_every_layer",
    "zoo/layers/conv2d": "zoo/layers/test_every_layer",
    "zoo/layers/depthwise_conv2d": "zoo/layers/test_handwritten",
    "zoo/layers/empty_batches": "zoo/layers/test_handwritten",
    "zoo/layers/max_pooling2d": "zoo/layers/test_every_layer",
    "zoo/layers/registration": "test_adding",
    "zoo/layers/relu": "zoo/layers/test_every_layer",
    "zoo/layers/softmax": "zoo/layers/test_every_layer",
    "zoo/layers/standardization": "zoo/training/test_standardize",
    "zoo/models/alexnet": "zoo/models/test_models",
    "zoo/models/cnn": "zoo/models/test_models",
    "zoo/models/softmax": "zoo/models/test_models",
    "zoo/models/stem_and_head": "zoo/models/test_models",
    "zoo/moved": "zoo/test_imports",
    "zoo/saving/graph": "zoo/saving/test_loading",
    "zoo/saving/names": "zoo/saving/test_loading",
    "zoo/models/blocks": "zoo/models/test_small_networks",
    "zoo/models/lenet": "zoo/models/test_small_networks",
    "zoo/models/mini_xception": "zoo/models/test_small_networks",
    "zoo/models/residual": "zoo/models/test_small_networks",
    "zoo/models/vgg": "zoo/models/test_small_networks",
    "zoo/registry/standardization": "zoo/training/test_standardize",
    "zoo/registry/sources": "ensembles/test_provenance",
    "zoo/experiments/spreading": "zoo/cli/studies/test_reproduce",
    "zoo/spreading/listening": "zoo/spreading/test_rounds",
    "zoo/spreading/messages": "zoo/spreading/test_rounds",
    "zoo/spreading/worker": "zoo/spreading/test_rounds",
    "zoo/tensorboard/hyperparameters": "zoo/tensorboard/test_event_log",
    "zoo/training/grouping": "zoo/training/test_train",
    "zoo/training/pieces/in_worker": "zoo/training/pieces/test_in_trainer",
    "zoo/training/fusion/branch": "zoo/training/fusion/test_fused",
    "zoo/training/fusion/model_group": "zoo/training/fusion/test_fused",
    "zoo/training/fusion/paired_variables": "zoo/training/fusion/test_wide_optimizer",
    "zoo/training/fusion/penalties": "zoo/training/fusion/test_fused",
    "zoo/training/fusion/steps": "zoo/training/test_lockstep",
    "zoo/training/fusion/wide_layers": "zoo/training/fusion/test_fused",
    "zoo/training/loop": "zoo/training/test_train",
    "zoo/training/transfer/feature_splits": "zoo/training/transfer/test_freezing",
    "zoo/training/transfer/heads": "zoo/training/transfer/test_freezing",
    "zoo/training/recording": "zoo/training/test_train",
    "zoo/tuning/rounds": "zoo/tuning/test_tune",
}
"""Modules without a test file of their own, and the file with their tests."""


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_has_a_file_of_tests_or_says_where_they_are(path):
    name = name_of(path).removesuffix(".py")
    room, _, module = name.rpartition("/")
    own = f"{room}/test_{module}"
    where = TESTED_WITH.get(name, own)
    if not module.startswith("__"):
        assert (ROOT / "tests" / f"{where}.py").exists()
        assert where == own or not (ROOT / "tests" / f"{own}.py").exists()


def test_the_table_of_tests_names_modules_that_there_are():
    assert [name for name in TESTED_WITH if not (ROOT / f"{name}.py").exists()] == []


BAD_NAMES = {"one", "its", "says", "seen", "form", "places", "page", "theirs"}


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_name_the_thing(path):
    tree = ast.parse(path.read_text("utf-8"))
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    named |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    named |= {
        node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert named & BAD_NAMES == set()
    assert path.stem not in BAD_NAMES
