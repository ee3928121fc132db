"""Resident memory of a training on all of FER2013, and how long commands take to start (Linux)."""

import functools
import statistics
import subprocess
import sys

from benchmarks.measure import Row, bars, keep, show, show_ceilings, take_turns

TRAIN = """
import sys
import tensorflow
def kibibytes(field):
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith(field))
    return int(line.split()[1])
before = kibibytes("VmRSS")
from benchmarks.fits import committee_fit, fer2013, random_images
quick = sys.argv[2] == "quick"
split = random_images(100, 8, 3)[0] if quick else fer2013(classes=None)[0]
committee_fit(sys.argv[1].split(","), split, "auto", 1, batch_size=int(sys.argv[3]))
print((kibibytes("VmHWM") - before) / 1024, len(split))
"""
STARTS = {
    "python": ["-c", "pass"],
    "import zoo": ["-c", "import zoo"],
    "zoo models": ["-m", "zoo", "models"],
    "zoo --help": ["-m", "zoo", "--help"],
}


def peak(entries: str, batch: int, *, quick: bool) -> tuple[float, int]:
    """Measure the peak memory of an epoch in a process of its own.

    Returns:
        MiB above the same process before training, when it had only imported TensorFlow; and the
        number of images.
    """
    words = [sys.executable, "-c", TRAIN, entries, "quick" if quick else "all", str(batch)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    mebibytes, images = done.stdout.split()[-2:]
    return float(mebibytes), int(images)


def start(words: list[str]) -> None:
    """Run Python with these words, until the process ends."""
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def main(*, quick: bool = False) -> None:
    """Measure, print the tables, and write results/memory.json."""
    runs = {"softmax": 32} if quick else {"bn_mlp,lasso_mlp,deep_mlp": 256, "cnn": 32}
    memory = {}
    for entries, batch in runs.items():
        peaks = [peak(entries, batch, quick=quick) for _ in range(1 if quick else 3)]
        found = [mebibytes for mebibytes, _ in peaks]
        memory[entries] = {"MiB": statistics.median(found), "highest": max(found),
                           "images": peaks[0][1], "at most": 1024}  # fmt: skip
    show("Peak resident memory above TensorFlow's", memory,
         {"MiB": ".0f", "highest": ".0f", "images": ",", "at most": ""})  # fmt: skip
    turns = take_turns(
        {name: functools.partial(start, words) for name, words in STARTS.items()},
        2 if quick else 9,
        warm_up=0 if quick else 1,
    )
    starts: dict[str, Row] = {
        name: dict(zip(("low", "s", "high"), statistics.quantiles(seconds, n=4), strict=True))
        for name, seconds in turns.items()
    }
    bare = starts["python"]["s"]
    starts["import zoo"] = {key: value - bare for key, value in starts["import zoo"].items()}
    starts["import zoo"]["at most"], starts["zoo models"]["at most"] = 0.05, 0.3
    show("Start", starts, {"s": ".3f", "low": ".3f", "high": ".3f", "at most": ""})
    started = {f"zoo: {name}": row for name, row in starts.items() if name != "python"}
    figure = bars({"Start of a process": started}, "seconds", "s")
    results = {"memory": memory, "start": starts}
    keep("memory", {**results, "ceilings": {} if quick else show_ceilings()}, figure)
