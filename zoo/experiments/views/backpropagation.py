"""The cost of a gradient: path by path, by products of Jacobians, and by backpropagation.

The network has N layers of K units, `y_l = tanh(y_{l-1} W_l)`, and the loss `½ Σ (y_N - t)²`. With
δ_l, the derivative of the loss by the input of the tanh of layer l, `∂L/∂W_l = y_{l-1}ᵀ δ_l`. There
are three ways to δ_1 … δ_N, for a single sample:

- path by path: for each unit, a walk along every path from the unit to the outputs; slopes are
  multiplied along a path, and paths are summed: K + K² + … + K^N paths, O(K^N) for K above 1;
- Jacobians: `J_{l-1} = W_l D_l J_l`, matrix by matrix, where D_l holds the slopes of tanh: O(N K³);
- backpropagation: `δ_{l-1} = (W_l δ_l) ⊙ tanh'`, matrix by vector: O(N K²).

The experiment `csc411-backpropagation` and `python -m benchmarks backpropagation` measure them.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.plots import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Way = Callable[[Sequence[np.ndarray], Sequence[np.ndarray], np.ndarray], list[np.ndarray]]


def network(depth: int, width: int, seed: int = 0) -> tuple[list, list, np.ndarray]:
    """Make weights, the activations of a sample, and the target of the sample.

    Args:
        depth: Number of layers N.
        width: Units of each layer K.
        seed: Of weights, sample and target.

    Returns:
        N matrices [K, K]; N + 1 vectors [K], the sample first; a vector [K].
    """
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, width**-0.5, (width, width)) for _ in range(depth)]
    activations = [rng.normal(size=width)]
    for kernel in weights:
        activations.append(np.tanh(activations[-1] @ kernel))
    return weights, activations, rng.normal(size=width)


def by_paths(
    weights: Sequence[np.ndarray], activations: Sequence[np.ndarray], target: np.ndarray
) -> list[np.ndarray]:
    """Walk every path from every unit to the outputs.

    Returns:
        The δ of each layer.
    """
    depth, units = len(weights), range(len(target))
    # Plain numbers, since indexing an array one by one is slow.
    kernels = [kernel.tolist() for kernel in weights]
    slopes = [(1 - y**2).tolist() for y in activations]
    errors = (activations[-1] - target).tolist()

    def walk(layer: int, unit: int) -> float:
        """Sum over all paths from the input of a unit's tanh to the loss."""
        if layer == depth:
            return slopes[layer][unit] * errors[unit]
        ahead = kernels[layer][unit]
        return slopes[layer][unit] * sum(ahead[k] * walk(layer + 1, k) for k in units)

    return [np.array([walk(layer, unit) for unit in units]) for layer in range(1, depth + 1)]


def by_jacobians(
    weights: Sequence[np.ndarray], activations: Sequence[np.ndarray], target: np.ndarray
) -> list[np.ndarray]:
    """Multiply the Jacobians of the layers first and the gradient of the loss last.

    Returns:
        The δ of each layer.
    """
    error = activations[-1] - target
    jacobian = np.eye(len(target))  # of the outputs by y_l: [units of layer l, outputs]
    deltas = []
    for kernel, y in zip(weights[::-1], activations[:0:-1], strict=True):
        jacobian = (1 - y**2)[:, None] * jacobian
        deltas.append(jacobian @ error)
        jacobian = kernel @ jacobian
    return deltas[::-1]


def by_backpropagation(
    weights: Sequence[np.ndarray], activations: Sequence[np.ndarray], target: np.ndarray
) -> list[np.ndarray]:
    """Send the gradient of the loss back, layer by layer.

    Returns:
        The δ of each layer.
    """
    upstream = activations[-1] - target
    deltas = []
    for kernel, y in zip(weights[::-1], activations[:0:-1], strict=True):
        deltas.append((1 - y**2) * upstream)
        upstream = kernel @ deltas[-1]
    return deltas[::-1]


def gradient(activations: Sequence[np.ndarray], deltas: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Compute the derivative of the loss by each matrix [K, K], with K² products a layer."""
    return [np.outer(x, delta) for x, delta in zip(activations[:-1], deltas, strict=True)]


WAYS: dict[str, tuple[Way, str]] = {
    "path by path": (by_paths, "O(K^N)"),
    "Jacobians": (by_jacobians, "O(N K³)"),
    "backpropagation": (by_backpropagation, "O(N K²)"),
}
"""Name of a way → the function, and the order of the number of products."""

COLOURS = ("tab:red", "tab:orange", "tab:blue")
DEPTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16)
WIDTHS = (2, 3, 4, 6, 8, 11, 16, 32, 64, 128, 256, 512)
FIXED_WIDTH, FIXED_DEPTH = 4, 5
MOST_PATHS = 2_000_000


def paths(depth: int, width: int) -> int:
    """Count the paths that lead from all units to the outputs.

    Example:
        >>> paths(depth=3, width=4)
        84
    """
    return sum(width**length for length in range(1, depth + 1))


def products(way: str, depth: int, width: int) -> int:
    """Count the multiplications of a way to the δ of all layers, for a single sample.

    Args:
        way: A name in `WAYS`.
        depth: The number of layers N.
        width: The number of units of each layer K.

    Returns:
        The number of products, without those of the outer products `y_{l-1}ᵀ δ_l`.

    Example:
        >>> [products(way, depth=5, width=4) for way in WAYS]
        [3604, 480, 100]
    """
    if way == "Jacobians":
        # In each layer: slopes times Jacobian, Jacobian times error, kernel times Jacobian.
        return depth * (2 * width**2 + width**3)
    if way == "backpropagation":
        return depth * (width + width**2)
    # From each layer on, every unit of every path is multiplied by its slope, and every unit but
    # the first of a path by the weight that leads to the unit.
    return sum(2 * paths(length, width) - width for length in range(1, depth + 1))


def seconds(way: str, depth: int, width: int, budget: float = 0.2) -> float:
    """Time a way to the δ on a single core.

    Args:
        way: A name in `WAYS`.
        depth: The number of layers N.
        width: The number of units of each layer K.
        budget: As many runs are timed as fit into these seconds, at least three; with 0 a single
            run.

    Returns:
        The seconds of the fastest run; NaN where there are too many paths to walk.
    """
    from threadpoolctl import threadpool_limits

    if way == "path by path" and paths(depth, width) > MOST_PATHS:
        return float("nan")
    function, arguments = WAYS[way][0], network(depth, width)
    best, runs, until = float("inf"), 0, time.perf_counter() + budget
    with threadpool_limits(1):  # a single core, so that seconds are proportional to operations
        while runs < (3 if budget else 1) or time.perf_counter() < until:
            runs += 1
            started = time.perf_counter()
            function(*arguments)
            best = min(best, time.perf_counter() - started)
    return best


def measure(sizes: Sequence[tuple[int, int]], budget: float = 0.2) -> dict[str, list[float]]:
    """Time each way at each size.

    Args:
        sizes: Pairs of depth and width.
        budget: Seconds for each number.

    Returns:
        For each way its seconds for a single sample, as `seconds` gives them.
    """
    return {way: [seconds(way, *size, budget) for size in sizes] for way in WAYS}


def measure_sides(budget: float = 0.2) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Time each way at the depths `DEPTHS`, and at the widths `WIDTHS`.

    Args:
        budget: Seconds for each number.

    Returns:
        The seconds by depth and by width, as `draw` takes them.
    """
    by_depth = measure([(depth, FIXED_WIDTH) for depth in DEPTHS], budget)
    return by_depth, measure([(FIXED_DEPTH, width) for width in WIDTHS], budget)


def draw(by_depth: dict[str, list[float]], by_width: dict[str, list[float]]) -> "Figure":
    """Draw seconds against depth and against width."""
    figure = new_figure(9, 4)
    left, right = figure.subplots(1, 2, sharey=True)
    for (name, (_, cost)), colour in zip(WAYS.items(), COLOURS, strict=True):
        label = f"{name}, {cost}".replace("K^N", "$K^N$")
        left.plot(DEPTHS, by_depth[name], "o-", color=colour, markersize=4, label=label)
        right.plot(WIDTHS, by_width[name], "o-", color=colour, markersize=4)
    # Lines of each power, through the last point of each way.
    powers = {FIXED_DEPTH: "$K^5$", 3: "K³", 2: "K²"}
    for name, (power, text), colour in zip(WAYS, powers.items(), COLOURS, strict=True):
        times = np.array(by_width[name])
        last = np.flatnonzero(np.isfinite(times))[-1]
        ends = np.array([WIDTHS[last - 3], WIDTHS[last]], float)
        guide = times[last] * (ends / ends[1]) ** power
        right.plot(ends, guide, ":", color=colour)
        right.annotate(text, (ends[1], guide[1]), xytext=(6, 0), textcoords="offset points",
                       color=colour, va="center")  # fmt: skip
    left.set_title(f"deeper: {FIXED_WIDTH} units a layer", fontsize="medium")
    left.set_xlabel("layers N")
    left.set_ylabel("seconds for one sample")
    left.legend(frameon=False, fontsize="small", loc="upper left")
    right.set_title(f"wider: {FIXED_DEPTH} layers", fontsize="medium")
    right.set_xlabel("units a layer K")
    right.set_xscale("log", base=2)
    right.xaxis.set_major_formatter("{x:.0f}")
    right.set_xlim(right=900)
    left.set_xticks([1, *range(2, DEPTHS[-1] + 1, 2)])
    for axes in (left, right):
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure
