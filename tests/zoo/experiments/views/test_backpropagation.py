import numpy as np

from zoo.experiments.views import backpropagation


def test_every_way_gives_the_same_gradient_and_differences_agree():
    weights, activations, target = backpropagation.network(3, 4)

    def loss():
        y = activations[0]
        for kernel in weights:
            y = np.tanh(y @ kernel)
        return 0.5 * np.sum((y - target) ** 2)

    numeric = [np.zeros_like(kernel) for kernel in weights]
    for kernel, slopes in zip(weights, numeric, strict=True):
        for index in np.ndindex(kernel.shape):
            kernel[index] += 1e-5
            slopes[index] = loss()
            kernel[index] -= 2e-5
            slopes[index] = (slopes[index] - loss()) / 2e-5
            kernel[index] += 1e-5
    for way, _ in backpropagation.WAYS.values():
        deltas = way(weights, activations, target)
        np.testing.assert_allclose(
            backpropagation.gradient(activations, deltas), numeric, atol=1e-9
        )


def test_paths_are_counted_and_too_many_are_not_walked():
    assert backpropagation.paths(3, 4) == 4 + 16 + 64
    times = backpropagation.measure([(2, 3), (30, 3)], budget=0)
    assert np.isnan(times["path by path"]).tolist() == [False, True]
    assert min(times["backpropagation"]) > 0


def test_products_are_counted_as_the_ways_multiply():
    # A layer of 3 units: each unit has a slope, and no weight lies before the outputs.
    assert backpropagation.products("path by path", 1, 3) == 3
    # Two layers: as above from the second; 3 slopes, 9 weights and 9 slopes from the first.
    assert backpropagation.products("path by path", 2, 3) == 3 + 21
    assert backpropagation.products("backpropagation", 7, 3) == 7 * 12


def test_the_cost_of_a_gradient_is_drawn_on_logarithmic_axes():
    sizes = (backpropagation.DEPTHS, backpropagation.WIDTHS)
    times = [{way: np.ones(len(numbers)) for way in backpropagation.WAYS} for numbers in sizes]
    left, right = backpropagation.draw(*times).axes
    assert left.get_yscale() == right.get_yscale() == "log"
