"""What an experiment ran with: versions, cores, the commit of a checkout, and the images."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from zoo.datasets import ImageData
from zoo.weights.paper import checksum_of

PACKAGES = ("committee-zoo", "keras", "tensorflow", "numpy", "scikit-learn")


def describe_environment() -> dict[str, Any]:
    """Describe the machine and the software as JSON values.

    Example:
        >>> sorted(describe_environment())
        ['commit', 'cores', 'machine', 'versions']
    """
    usable = getattr(os, "sched_getaffinity", None)
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        "cores": len(usable(0)) if usable else os.cpu_count(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": _commit(),
    }


def fingerprints(data: ImageData) -> dict[str, str]:
    """Compute a checksum of the pixels and the labels of each split.

    Args:
        data: The data set.

    Returns:
        Name of the split → eight hexadecimal digits.

    Example:
        >>> import zoo.datasets
        >>> sorted(fingerprints(zoo.datasets.load("digits")))
        ['test', 'train', 'validation']
    """
    return {name: checksum_of(split) for name, split in data.splits.items()}


def _commit() -> str | None:
    """Give the commit of the checkout that the package lies in; None for an installed package."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return None
    try:
        words = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40"]
        found = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
