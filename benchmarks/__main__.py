"""`python -m benchmarks NAME` measures and prints; without a name it lists what there is."""

import importlib
import sys

NAMES = ("gradients", "backpropagation", "augmentation")


def main() -> None:
    """Run the benchmark that the command line names."""
    if len(sys.argv) != 2 or sys.argv[1] not in NAMES:
        sys.exit(f"Usage: python -m benchmarks NAME, one of {', '.join(NAMES)}")
    importlib.import_module(f"benchmarks.{sys.argv[1]}").main()


main()
