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
    assert "one of gradients, backpropagation, augmentation" in done.stderr


@pytest.fixture(scope="module")
def gradients():
    code = """
import json
from benchmarks.gradients import LIBRARIES, layer_step, memory_of_steps, take_turns, training_step
steps = [training_step("softmax", 8, library) for library in LIBRARIES]
layers = [layer_step("Dense", {"units": 3}, (4, 5), {}, library) for library in LIBRARIES]
print(json.dumps({
    "losses": [[float(step()) for step in steps] for _ in range(3)],
    "layers": [[float(g) for g in step()][:1] for step in layers],
    "turns": take_turns(steps, 4),
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


def test_turns_give_medians_and_quartiles(gradients):
    turns = gradients["turns"]
    assert turns["low"] <= turns["ratio"] <= turns["high"]
    assert min(turns["keras"], turns["by hand"]) > 0


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
    augmentation.take_turns(ways, 3, 8),
    augmentation.take_turns(training, 3, 8),
]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for rows in json.loads(done.stdout.splitlines()[-1]):
        assert next(iter(rows.values()))["ratio"] == 1
        assert "projective" in rows
        for row in rows.values():
            assert row["images a second"] > 0
            assert row["low"] <= row["ratio"] <= row["high"]
