"""The benchmarks run, and compare what they claim to compare. `make bench` measures how fast."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import zoo

ROOT = Path(__file__).parents[1]

# TensorFlow's warning where operations are to run by themselves, and a pipeline is a graph anyway.
IN_GRAPHS_ANYWAY = pytest.mark.filterwarnings("ignore:Even though the `tf.config.*:UserWarning")


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """Import a benchmark by its name; results go to the test's own folder."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setattr(importlib.import_module("benchmarks.measure"), "RESULTS", tmp_path)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


@pytest.fixture
def eagerly(monkeypatch):
    """Runs every operation by itself: for a few images, tracing and compiling take far longer."""

    # The loop over the steps of an epoch is written for a graph.
    def loop_over_batches(step):
        def run(batches, steps, *arguments):
            for _ in range(int(steps)):
                step(*arguments, *batches.get_next())

        return run

    monkeypatch.setattr("zoo.training.lockstep.loop_over_batches", loop_over_batches)
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def test_without_a_name_the_benchmarks_are_listed(benchmark, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks"])
    with pytest.raises(SystemExit, match="one of committee, copies"):
        benchmark("__main__").main()


def test_every_benchmark_has_a_name(benchmark):
    modules = {path.stem for path in ROOT.glob("benchmarks/*.py")}
    shared = {"__init__", "__main__", "fits", "measure", "torch_twin"}
    assert set(benchmark("__main__").NAMES) == modules - shared


@pytest.fixture
def pair_of_steps(benchmark):
    gradients = benchmark("gradients")
    return [gradients.training_step("softmax", 8, library) for library in gradients.LIBRARIES]


def test_both_libraries_train_the_same_model(pair_of_steps):
    for _ in range(3):
        keras_own, by_hand = (float(step()) for step in pair_of_steps)
        assert by_hand == pytest.approx(keras_own, rel=1e-5)


def test_a_layer_runs_in_both_libraries(benchmark):
    gradients = benchmark("gradients")
    steps = [
        gradients.layer_step("Dense", {"units": 3}, (4, 5), {}, library)
        for library in gradients.LIBRARIES
    ]
    for keras_own, by_hand in zip(*(step() for step in steps), strict=True):
        assert keras_own.shape == by_hand.shape == ()


def test_steps_are_timed_in_turns(benchmark, pair_of_steps):
    turns = benchmark("gradients").in_turns(pair_of_steps, 4)
    assert min(turns["keras"], turns["by hand"], turns["low"]) > 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_the_peak_of_ten_steps_above_the_built_model(benchmark, monkeypatch):
    gradients = benchmark("gradients")
    calls = []
    monkeypatch.setattr(gradients, "training_step", lambda *words: lambda: calls.append(words))
    kibibytes = iter([1024, 5120])
    monkeypatch.setattr(gradients, "_kibibytes", lambda field: next(kibibytes))
    assert gradients.memory_of_steps("softmax", 8, "handwritten") == 4
    assert calls == [("softmax", 8, "handwritten")] * 10


@IN_GRAPHS_ANYWAY
@pytest.mark.usefixtures("eagerly")
def test_ways_to_augment_take_turns(benchmark, monkeypatch):
    augmentation = benchmark("augmentation")
    monkeypatch.setattr(augmentation, "TURN", 8)
    monkeypatch.setattr(augmentation, "SHAPE", (8, 8, 1))
    training = augmentation.training(4, 1, "softmax", (8, 8, 1))
    for ways in (augmentation.ways(4), augmentation.kinds(4), training):
        rows = augmentation.in_turns(ways, 2, 8)
        assert next(iter(rows.values()))["times faster"] == 1
        assert "zoo, projective" in rows
        assert all(row["images a second"] > 0 and row["low"] > 0 for row in rows.values())


def test_what_benchmarks_measure_in_graphs_runs_in_graphs(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark("augmentation"), "TURN", 4)
    benchmark("augmentation").ways(4)["TensorFlow's kernel"]()
    seconds = benchmark("copies").grouped_convolutions(2, turns=1)
    assert seconds.keys() == {"one by one", "in groups"}


def test_turns_go_both_ways_and_are_compared_turn_by_turn(benchmark):
    measure = benchmark("measure")
    order = []

    def way(name, seconds):
        return lambda: order.append(name) or seconds

    turns = measure.take_turns({"slow": way("slow", 4.0), "fast": way("fast", 2.0)}, 3)
    first, second = ["slow", "fast"], ["fast", "slow"]
    assert order == [*first, *first, *second, *first]  # the first pair is the warm-up
    assert turns == {"slow": [4.0] * 3, "fast": [2.0] * 3}
    fast = measure.rows_of(turns, "slow")["fast"]
    assert fast == {"seconds": 2.0, "times faster": 2.0, "low": 2.0, "high": 2.0}
    compared = measure.compare([1, 1, 2], [1, 3, 4])
    assert compared == {"seconds": 1, "times faster": 2.0, "low": 1.5, "high": 2.5}


def test_the_ceilings_are_measured(benchmark):
    measure = benchmark("measure")
    limits = measure.rates(measure.take_turns(measure.ceilings(quick=True), 2, warm_up=0))
    assert len(limits) == 5
    assert min(limits.values()) > 0


def test_no_product_of_a_ceiling_is_left_out(benchmark):
    graph = benchmark("measure").products("bfloat16", (2, 3, 4), 7).get_concrete_function().graph
    nodes = graph.as_graph_def().node
    inputs = [tuple(node.input) for node in nodes if node.op == "MatMul"]
    assert len(set(inputs)) == len(inputs) == 7
    (total,) = (node for node in nodes if node.op == "AddN")
    assert len(total.input) == 7


def test_the_operations_of_dense_layers_are_counted(benchmark):
    model = zoo.build("deep_mlp", input_shape=(4, 5, 1), num_classes=3, hidden=(7, 6))
    # One product forward, one for the gradient of the kernel, and one for the gradient of the
    # input, which the first layer does not need.
    operations = 2 * (2 * 20 * 7 + 3 * 7 * 6 + 3 * 6 * 3)
    assert benchmark("fits").dense_operations(model) == operations


def test_pytorch_has_the_same_model(benchmark):
    pytest.importorskip("torch")
    twins = benchmark("torch_twin")
    entries = benchmark("entries")
    names = (*benchmark("fits").REPORT, *(name for name, *_ in entries.ENTRIES))
    for name in dict.fromkeys(name for name in names if name not in entries.NO_TWIN):
        model, rng = zoo.build(name, seed=0, precision="float32"), np.random.default_rng(0)
        for layer in model.layers:  # so that moving averages are not 0 and 1
            if type(layer).__name__ == "BatchNormalization":
                layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
        x = rng.integers(0, 256, (4, *model.input_shape[1:]), dtype=np.uint8)
        answers = twins.predict_by_torch(twins.torch_twin(model).eval(), x, 4, bfloat16=False)
        np.testing.assert_allclose(answers, model.predict(x, verbose=0), atol=2e-6)


def check_rows(results):
    """Zoo is among the contestants, and the first contestant is the reference."""
    rows = results["rows"]
    assert any(name.startswith("zoo") for name in rows)
    first = next(iter(rows.values()))
    assert first["low"] == first["times faster"] == first["high"] == 1
    assert min(row["low"] for row in rows.values()) > 0


def check_growth(results):
    assert set(results) == {"images", "members", "classes", "image side", "ceilings"}


def check_fixed_cost(results):
    assert {"Keras, three fits", "zoo, a first fit", "zoo, a stop"} <= results["rows"].keys()
    assert "a second fit" in results["memory"]


def check_data(results):
    assert results["csv"]["zoo, fer2013 csv"]["seconds"] > 0
    assert results["folders"]["zoo, the first time, cache written"]["seconds"] > 0
    assert len(results["formats"]) == 7
    assert results["stream"]["peak MiB"] > results["stream"]["TensorFlow's"]


def check_label_errors(results):
    assert {"zoo, self_confidence", "zoo, normalized_margin", "chance"} <= results["rows"].keys()
    assert all("average precision" in row for row in results["rows"].values())
    assert results["images"] > 0


def check_memory(results):
    assert all(row["MiB"] > 0 for row in results["memory"].values())
    assert all(row["s"] > 0 for row in results["start"].values())


def check_sweep(results):
    check_rows(results)
    for rows in results["tables"].values():
        trials = [row for name, row in rows.items() if "2 rates" in name]
        assert min(row["of plain copies"] for row in trials) > 0
    assert all(row["seconds"] > 0 for row in results["rounds"])
    assert len(results["rounds"]) == 2


def check_entries(results):
    for tasks in results["rows"].values():
        for task, rows in tasks.items():
            ways = ["Keras", "zoo"] if task == "training" else ["Keras", "Keras, predict", "zoo"]
            assert [name for name in rows if "PyTorch" not in name] == [
                f"{way}, {precision}" for precision in ("float32", "bfloat16") for way in ways
            ]
            assert min(row["images a second"] for row in rows.values()) > 0


def check_convolutions(results):
    assert len(results["rows"]) == 4
    assert min(row["billion operations a second"] for row in results["rows"].values()) > 0


def check_sets(results):
    rows = results["rows"]
    members = {name: row["members"] for name, row in rows.items()}
    assert members == {"fer2013-small": 4, "fer2013-small/mini_* and fer2013-small/vgg-*": 4}
    assert min(row[kind] for row in rows.values() for kind in ("float32", "mixed_bfloat16")) > 0
    assert [*results["views"]] == ["the image alone", "flip", "ten_crop"]
    assert results["views"]["the image alone"]["times as long"] == 1
    assert min(row["images a second"] for row in results["views"].values()) > 0


def check_exported(results):
    (rows,) = results["tables"].values()
    assert [*rows] == ["Keras's export", "zoo"]
    assert min(row["images a second"] for row in rows.values()) > 0


def check_transfer(results):
    for row in results["rows"].values():
        assert 0 < row["an epoch, s"] < row["the whole training, s"]


def check_trust(results):
    for network in ("cnn", "lenet"):
        assert 0 <= results[network]["right"] <= 1
        methods = results[network]["methods"]
        assert {row["passes"] for row in methods.values()} <= {"yes", "no"}
        assert methods["guided_backpropagation"]["sanity"] != methods["gradient"]["sanity"]


def check_soak(results):
    assert [len(rows) for rows in results["rows"].values()] == [3, 2]
    for grown in results["grown"].values():
        assert grown["files grown"] < 20
        assert 0 < grown["MB in use at first"] < grown["MB at first"]


def check_spread(results):
    simulated = results["simulation"]
    by_name = [row["times as fast, images by name"] for row in simulated.values()]
    assert [*simulated] == ["10 workers", "100 workers", "1,000 workers"]
    assert 1 < by_name[0] <= 10  # never faster than the workers
    assert by_name == sorted(by_name)
    assert all(row["times as fast, images as arrays"] <= 1_000 for row in simulated.values())


def check_recipe_values(results):
    rows, of_vgg = results["tables"].values()
    assert {"plain", "layer_decay=0.9", 'targets="shares"', 'freeze="features"'} < set(rows)
    assert {*of_vgg} == {"plain", "small_images=0.67"}
    for table in (rows, of_vgg):
        assert table["plain"]["cost"] == 0
        assert min(row["images a second"] for row in table.values()) > 0


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("committee", check_rows),
        ("copies", check_rows),
        ("sweep", check_sweep),
        ("bags", check_rows),
        ("cnn", check_rows),
        ("predict", check_rows),
        ("voting", check_rows),
        ("memory", check_memory),
        ("growth", check_growth),
        ("fixed_cost", check_fixed_cost),
        ("data", check_data),
        ("explain", check_rows),
        ("landscape", check_rows),
        ("trust", check_trust),
        ("label_errors", check_label_errors),
        ("entries", check_entries),
        ("sets", check_sets),
        ("exported", check_exported),
        ("transfer", check_transfer),
        ("convolutions", check_convolutions),
        ("spread", check_spread),
        ("recipe_values", check_recipe_values),
        pytest.param(
            *("soak", check_soak),
            marks=pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
        ),
    ],
)
@IN_GRAPHS_ANYWAY
def test_a_benchmark_runs_from_beginning_to_end(
    name, check, benchmark, tmp_path, monkeypatch, request
):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # for the processes that a benchmark starts
    if name in importlib.import_module("benchmarks.__main__").WITH_TORCH:
        # The optimisers of PyTorch 2.14 end Python where TensorFlow was imported first.
        monkeypatch.setitem(sys.modules, "torch", None)
    if name == "fixed_cost":  # which is about graphs
        monkeypatch.setattr(benchmark(name), "REPORT", ("softmax", "bn_mlp"))
        monkeypatch.setattr(benchmark(name), "IMAGES", 64)
    else:
        request.getfixturevalue("eagerly")
    benchmark(name).main(quick=True)
    results = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert results.pop("measured on")["cores"] > 0
    check(results)


def test_labels_of_people_are_compared_face_by_face(benchmark):
    label_errors = benchmark("label_errors")
    pixels = np.arange(4, dtype="uint8").reshape(4, 1, 1, 1)
    faces = zoo.datasets.as_split(pixels, [0, 1, 1, 0], class_names=("happy", "sad"))
    names = ("contempt", "happiness", "sadness")
    votes = zoo.datasets.as_split(pixels[[3, 0, 1]], [0, 1, 1], class_names=names)
    np.testing.assert_array_equal(label_errors.labels_of_people(faces, votes), [0, 0, -2, -1])


def test_a_ranking_with_the_wrong_labels_first_is_perfect(benchmark):
    wrong = np.arange(40) < 10
    found = benchmark("label_errors").agreement(1.0 * wrong, wrong, resamples=5, first=10)
    assert [estimate.value for estimate in found.values()] == [1, 1]
    assert list(found) == ["average precision", "precision at 10"]
