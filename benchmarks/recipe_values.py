"""What each value of a recipe costs: images a second of training, with and without the value.

`lasso_mlp` trains as sixteen copies that run as one wide model, where the value allows it, `cnn`
and `vgg` by themselves, of which only `vgg` takes small images. An epoch counts from the second on.
"""

import functools
import statistics
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.fits import committee_fit, random_images
from benchmarks.measure import compare, keep, show, take_turns

DECAY = {"optimizer": "adamw", "optimizer_arguments": {"weight_decay": 0.001}}
PLAIN, SMALL = "plain", "small_images=0.67"
VALUES: dict[str, dict[str, Any]] = {
    PLAIN: {},
    "label_smoothing=0.1": {"label_smoothing": 0.1},
    "warm_up=1": {"warm_up": 1},
    'weight_decay_of="kernels"': {"weight_decay_of": "kernels"},
    "ema=0.999": {"ema": 0.999},
    "layer_decay=0.9": {"layer_decay": 0.9},
    'targets="shares"': {"targets": "shares"},
    'freeze="features"': {"freeze": "features"},
    SMALL: {"small_images": 0.67},
}
NETWORKS = {
    "16 copies of lasso_mlp": ("lasso_mlp", 16),
    "cnn": ("cnn", None),
    "vgg": ("vgg", None),
}


def main(*, quick: bool = False) -> None:
    """Measure, print the table, and write results/recipe_values.json."""
    turns, epochs = (1, 2) if quick else (5, 3)
    quickly = {"2 copies of lasso_mlp": ("lasso_mlp", 2), "vgg": ("vgg", None)}
    networks = quickly if quick else NETWORKS
    tables = {}
    for title, (entry, copies) in networks.items():
        images, side = 8192 if copies else 512, 48
        if quick:
            images, side = (64, 8) if copies else (16, 32)
        split, _ = random_images(images, side, 7)
        split = replace(split, label_shares=np.eye(7, dtype=np.float32)[split.labels])
        ways = {
            name: functools.partial(seconds_of, entry, split, epochs, copies, value)
            for name, value in VALUES.items()
            if (name != SMALL or entry == "vgg") and (name in (PLAIN, SMALL) or copies or not quick)
        }
        seconds = take_turns(ways, turns, warm_up=0)
        tables[title] = {
            name: {
                "images a second": len(split) / statistics.median(times),
                "cost": 1 / compare(times, seconds[PLAIN])["times faster"] - 1,
            }
            for name, times in seconds.items()
        }
        show(title, tables[title], {"images a second": ",.0f", "cost": "+.1%"})
    keep("recipe_values", {"tables": tables})


def seconds_of(entry: str, split: Any, epochs: int, copies: Any, value: Any) -> float:
    """Train with a value of the recipe: seconds of an epoch. Small images are measured alone."""
    changes = {"learning_rate": 0.001, **DECAY, **value}
    if "small_images" in value:
        changes["full_size_at"] = epochs
    seconds, _ = committee_fit([entry], split, "float32", epochs + 1, copies, epochs, **changes)
    return seconds
