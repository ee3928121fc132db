"""`python -m benchmarks NAME` runs a benchmark; without a name it lists the names."""

import contextlib
import importlib
import inspect
import sys

NAMES = (
    *("committee", "copies", "sweep", "cnn", "augmentation", "predict", "voting", "memory"),
    *("growth", "fixed_cost", "data", "gradients", "backpropagation", "picture"),
    *("explain", "landscape", "label_errors", "trust", "watching", "bags", "recipe_values"),
    *("entries", "sets", "exported", "transfer", "convolutions", "soak", "determinism", "spread"),
)

WITH_TORCH = {"committee", "copies", "entries"}
"""The benchmarks that run PyTorch too. PyTorch has to be imported before TensorFlow: imported after
it, version 2.14 ends Python where a PyTorch optimiser is made."""


def main() -> None:
    """Run the benchmarks that the command line names; `--quick` runs them with little work."""
    names = [word for word in sys.argv[1:] if word != "--quick"]
    if not names or not {*names} <= {*NAMES, "all"}:
        sys.exit(f"Usage: python -m benchmarks NAME, one of {', '.join(NAMES)}, or all")
    if "all" in names or WITH_TORCH & {*names}:
        with contextlib.suppress(ImportError):
            importlib.import_module("torch._dynamo")
    if "--quick" in sys.argv:  # A quick run measures nothing: keep it apart from the results.
        measure = importlib.import_module("benchmarks.measure")
        measure.RESULTS = measure.RESULTS / "quick"
    for name in NAMES if "all" in names else names:
        run = importlib.import_module(f"benchmarks.{name}").main
        if "--quick" not in sys.argv:
            run()
        elif "quick" in inspect.signature(run).parameters:
            run(quick=True)
        else:
            print(f"{name} has no quick run.")


if __name__ == "__main__":
    main()
