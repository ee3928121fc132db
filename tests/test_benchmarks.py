"""The benchmarks run, and compare what they say they compare; how fast is for `make bench`."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]


def test_without_a_name_the_benchmarks_are_listed():
    words = [sys.executable, "-m", "benchmarks"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "one of committee, copies" in done.stderr


@pytest.fixture(scope="module")
def gradients():
    code = """
import json
from benchmarks.gradients import LIBRARIES, in_turns, layer_step, memory_of_steps, training_step
steps = [training_step("softmax", 8, library) for library in LIBRARIES]
layers = [layer_step("Dense", {"units": 3}, (4, 5), {}, library) for library in LIBRARIES]
print(json.dumps({
    "losses": [[float(step()) for step in steps] for _ in range(3)],
    "layers": [[float(g) for g in step()][:1] for step in layers],
    "turns": in_turns(steps, 4),
    "memory": memory_of_steps("softmax", 8, "handwritten"),
}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_both_sides_train_the_same_model(gradients):
    for keras_own, by_hand in gradients["losses"]:
        np.testing.assert_allclose(by_hand, keras_own, rtol=1e-5)


def test_turns_are_timed(gradients):
    turns = gradients["turns"]
    assert min(turns["keras"], turns["by hand"], turns["low"]) > 0


def test_memory_is_measured(gradients):
    assert gradients["memory"] >= 0


def test_every_way_gives_the_same_gradient_and_differences_agree():
    code = """
import numpy as np
from benchmarks.backpropagation import DEPTHS, WAYS, WIDTHS, draw, gradient, measure, network, paths
weights, activations, target = network(3, 4)
def loss():
    y = activations[0]
    for kernel in weights:
        y = np.tanh(y @ kernel)
    return 0.5 * np.sum((y - target) ** 2)
numeric = [np.zeros_like(kernel) for kernel in weights]
for kernel, slopes in zip(weights, numeric):
    for index in np.ndindex(kernel.shape):
        kernel[index] += 1e-5
        slopes[index] = loss()
        kernel[index] -= 2e-5
        slopes[index] = (slopes[index] - loss()) / 2e-5
        kernel[index] += 1e-5
for way, _ in WAYS.values():
    deltas = way(weights, activations, target)
    np.testing.assert_allclose(gradient(activations, deltas), numeric, atol=1e-9)
assert paths(3, 4) == 4 + 16 + 64
times = measure([(2, 3), (30, 3)], budget=0)
assert np.isnan(times["path by path"]).tolist() == [False, True]
assert min(times["backpropagation"]) > 0
left, right = draw(*({way: np.ones(len(sizes)) for way in WAYS} for sizes in (DEPTHS, WIDTHS))).axes
assert left.get_yscale() == right.get_yscale() == "log"
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_ways_to_augment_take_turns():
    code = """
import json
from benchmarks import augmentation
augmentation.TURN = 8
augmentation.SHAPE = (8, 8, 1)
ways = augmentation.ways(4)
training = augmentation.training(4, 2, "softmax", (8, 8, 1))
print(json.dumps([
    augmentation.in_turns(ways, 3, 8),
    augmentation.in_turns(training, 3, 8),
]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for rows in json.loads(done.stdout.splitlines()[-1]):
        assert next(iter(rows.values()))["times faster"] == 1
        assert "zoo, projective" in rows
        for row in rows.values():
            assert row["images a second"] > 0
            assert row["low"] > 0


def run(code):
    """What code prints that imports benchmarks, in a process of its own."""
    words = [sys.executable, "-c", code]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_turns_go_both_ways_and_are_compared_turn_by_turn():
    code = """
import json
from benchmarks.measure import compare, rows_of, take_turns
order = []
def way(name, seconds):
    return lambda: order.append(name) or seconds
turns = take_turns({"slow": way("slow", 4.0), "fast": way("fast", 2.0)}, 3)
print(json.dumps([order, turns, rows_of(turns, "slow")["fast"], compare([1, 1, 2], [1, 3, 4])]))
"""
    order, turns, fast, compared = json.loads(run(code).splitlines()[-1])
    first, second = ["slow", "fast"], ["fast", "slow"]
    assert order == [*first, *first, *second, *first]
    assert turns == {"slow": [4.0] * 3, "fast": [2.0] * 3}
    assert fast == {"seconds": 2.0, "times faster": 2.0, "low": 2.0, "high": 2.0}
    assert compared == {"seconds": 1, "times faster": 2.0, "low": 1.5, "high": 2.5}


def test_the_ceilings_and_the_operations_are_counted():
    code = """
import json, zoo
from benchmarks.fits import dense_operations
from benchmarks.measure import ceilings, rates, take_turns
model = zoo.build("deep_mlp", input_shape=(4, 5, 1), num_classes=3, hidden=(7, 6))
limits = rates(take_turns(ceilings(), 2, warm_up=0))
print(json.dumps([dense_operations(model), limits]))
"""
    operations, limits = json.loads(run(code).splitlines()[-1])
    # Forward and the kernel's gradient each a product; the input's gradient but for the first.
    assert operations == 2 * (2 * 20 * 7 + 3 * 7 * 6 + 3 * 6 * 3)
    assert len(limits) == 5
    assert min(limits.values()) > 0
    # No product may be left out: a small one is not faster than a large one.
    for kind in ("float32", "bfloat16"):
        small, large = (limits[f"{kind} {what}, GFLOP/s"] for what in ("256×2304·300", "square"))
        assert small < 2 * large


def test_pytorch_has_the_same_model():
    pytest.importorskip("torch")
    code = """
import json, keras, numpy as np, torch, zoo
from benchmarks.fits import REPORT, torch_module
x = np.random.default_rng(0).integers(0, 256, (6, 5, 5, 1)).astype("uint8")
errors = []
for k, entry in enumerate(REPORT):
    model = zoo.build(entry, input_shape=(5, 5, 1), num_classes=3, seed=k)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(x, np.arange(6) % 3, verbose=0)  # so that moving averages are not 0 and 1
    pixels = torch.from_numpy(x).flatten(1).float() / 255
    theirs = torch_module(model).eval()(pixels).softmax(-1).detach().numpy()
    errors.append(float(abs(theirs - model.predict(x, verbose=0)).max()))
print(json.dumps(errors))
"""
    assert max(json.loads(run(code).splitlines()[-1])) < 1e-6


@pytest.mark.parametrize(
    "name",
    ["committee", "copies", "cnn", "predict", "voting", "memory", "growth", "data"],
)
def test_a_benchmark_runs_from_beginning_to_end(name, tmp_path):
    code = f"""
import importlib, pathlib
from benchmarks import measure
measure.RESULTS = pathlib.Path({str(tmp_path)!r})
importlib.import_module("benchmarks.{name}").main(quick=True)
"""
    run(code)
    results = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))
    assert results.pop("measured on")["cores"] > 0
    if name == "growth":
        assert set(results) == {"images", "members", "classes", "image side", "ceilings"}
    elif name == "data":
        assert results["csv"]["zoo, fer2013 csv"]["seconds"] > 0
        assert len(results["formats"]) == 7
        assert results["stream"]["peak MiB"] > results["stream"]["TensorFlow's"]
    elif name == "memory":
        assert all(row["MiB"] > 0 for row in results["memory"].values())
        assert all(row["s"] > 0 for row in results["start"].values())
    else:
        rows = results["rows"]
        assert any(row.startswith("zoo") for row in rows)
        # The first is what the others are compared with.
        first = next(iter(rows.values()))
        assert first["low"] == first["times faster"] == first["high"] == 1
        assert min(row["low"] for row in rows.values()) > 0
