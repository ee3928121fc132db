"""README's picture, docs/speed.png, from the results that are there."""

import json
from pathlib import Path

from benchmarks.measure import RESULTS, bars

PICTURE = Path(__file__).parents[1] / "docs" / "speed.png"
NAMES = ("committee", "copies")


def main() -> None:
    """Draw it; without results, say which benchmark to run."""
    missing = [name for name in NAMES if not (RESULTS / f"{name}.json").exists()]
    if missing:
        print(f"For the picture, run python -m benchmarks {' '.join(missing)}")
        return
    results = [json.loads((RESULTS / f"{name}.json").read_text("utf-8")) for name in NAMES]
    bars({one["title"]: one["rows"] for one in results}, "seconds").savefig(PICTURE, dpi=110)
