"""README's picture, docs/speed.png, from the results that are there."""

import json
from pathlib import Path

from benchmarks.measure import RESULTS, bars

PICTURE = Path(__file__).parents[1] / "docs" / "speed.png"
TITLES = {
    "committee": "A committee of three networks, an epoch of 20,137 faces",
    "copies": "Sixteen copies of lasso_mlp, an epoch of 20,137 faces",
}


def main() -> None:
    """Draw it; without results, say which benchmark to run."""
    missing = [name for name in TITLES if not (RESULTS / f"{name}.json").exists()]
    if missing:
        print(f"For the picture, run python -m benchmarks {' '.join(missing)}")
        return
    panels = {
        title: json.loads((RESULTS / f"{name}.json").read_text("utf-8"))["rows"]
        for name, title in TITLES.items()
    }
    bars(panels, "seconds").savefig(PICTURE, dpi=110)
