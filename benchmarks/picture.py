"""Draws docs/speed.png from the results of the benchmarks `committee` and `copies`."""

import json
from pathlib import Path

from benchmarks.measure import RESULTS, bars

PICTURE = Path(__file__).parents[1] / "docs" / "speed.png"
NAMES = ("committee", "copies")


def main() -> None:
    """Draw the picture; where results are missing, say which benchmarks to run."""
    missing = [name for name in NAMES if not (RESULTS / f"{name}.json").exists()]
    if missing:
        print(f"For the picture, run python -m benchmarks {' '.join(missing)}")
        return
    results = [json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in NAMES]
    figure = bars({result["title"]: result["rows"] for result in results}, "seconds")
    figure.savefig(PICTURE, dpi=110)
