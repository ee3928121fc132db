"""The code in README.md and docs/*.md runs, and prints the text that the page shows.

Blocks marked `python` run in order, in one namespace for each page. A block marked `text` right
below a block is the text that the block prints. Commands in blocks marked `sh` run on the tutorial
page only. `python no-run` is refused: every block of Python runs. Scores of the trained weights are
those of their papers.
"""

import contextlib
import importlib
import io
import itertools
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import zoo.datasets.sources  # noqa: F401  registers the data sets before a page adds its own
from zoo.cli import main
from zoo.datasets import registry
from zoo.weights.catalogue import WeightSet, weight_sets
from zoo.weights.paper import Scores

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md")])

# The site's build writes these indexes from the code; tests/test_site.py tests that it does.
WRITTEN_BY_THE_SITE = {ROOT / "docs" / "models" / "index.md", ROOT / "docs" / "api" / "index.rst"}

FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<body>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")


# On the page of FER2013 an hour of training on real faces. Here smaller members see noise once.
# Elsewhere fewer epochs and smaller members, where the page prints the same with these.
SMALLER = {
    "README.md": {
        '"logs/digits")': '"logs/digits", epochs=1)',
        '"lasso_mlp", "deep_mlp"': '"softmax"',
    },
    "ensembles.md": {
        "epochs=6": "epochs=3",
        'Member("mlp", {"hidden": (64,)}, quick)': 'Member("softmax", recipe=quick)',
    },
    # Other processes are tried in tests/zoo/training/pieces.
    "spreading.md": {"n_jobs=2, ": "", "epochs=5": "epochs=1"},
    "tutorial.md": {"verbose=0)": "verbose=0, epochs=1)", '"lasso_mlp", "deep_mlp"': '"softmax"'},
    "curves.md": {
        "(0.01, 0.03, 0.1, 0.3, 1.0, 3.0)": "(0.01, 0.3)",
        "epochs=15": "epochs=2",
        "copies=5": "copies=2",
        "(5, 15) (15,) (15,)": "(2, 2) (2,) (2,)",
        "[0.01 0.03 0.1  0.3  1.   3.  ] [5 5 5 5 5 5]": "[0.01 0.3 ] [2 2]",
    },
    "gallery.md": {
        "epochs=20": "epochs=1",
        'Member("cnn", recipe=recipe)': 'Member("cnn", {"filters": (4, 4), "hidden": 8}, recipe)',
        "steps=128": "steps=2",
    },
    "scikit-learn.md": {"copies=3, batch_size=16, epochs=30": "copies=2, batch_size=16, epochs=5"},
    "fer2013.md": {
        '"conv_bn"': '"softmax"',
        "epochs=24": "epochs=1",
    },
}


class Block(NamedTuple):
    line: int
    code: str
    prints: str | None


def commands(text: str) -> list[list[str]]:
    """The words of each command in the blocks marked sh."""
    scripts = [fence["body"] for fence in FENCE.finditer(text) if fence["info"].strip() == "sh"]
    lines = "".join(scripts).replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def blocks(text: str) -> tuple[list[Block], int]:
    """The blocks to run, and how many are marked not to be."""
    fences = list(FENCE.finditer(text))
    run, skipped = [], 0
    for fence, following in itertools.pairwise([*fences, None]):
        match fence["info"].split():
            case ["python"]:
                answered = following and following["info"].strip() == "text"
                adjacent = answered and not text[fence.end() : following.start()].strip()
                line = text.count("\n", 0, fence.start("body"))
                run.append(Block(line, fence["body"], following["body"] if adjacent else None))
            case ["python", "no-run"]:
                skipped += 1
            case ["python", *words]:
                raise ValueError(f"Nobody knows what `python {' '.join(words)}` means.")
    return run, skipped


def difference(said: str, printed: str) -> str | None:
    """What is not as said.

    Words and whole numbers count as they stand, others to two units of their last digit. Numbers
    with an exponent are errors in these pages: they may be smaller, or up to 100 times as large,
    since rounding is not the same everywhere.
    """
    words, others = (NUMBER.sub("#", text).split() for text in (said, printed))
    if words != others:
        return f"The page says\n{said}\nand the code prints\n{printed}"
    for a, b in zip(NUMBER.findall(said), NUMBER.findall(printed), strict=True):
        x, y = (float(one.replace(",", "")) for one in (a, b))
        if "e" in a:
            close = abs(y) <= 100 * max(abs(x), 1e-16)
        elif "." in a:
            close = abs(x - y) <= 2.1 * 10.0 ** -len(a.partition(".")[2])
        else:
            close = x == y
        if not close:
            return f"The page says {a} where the code prints {b}, in\n{printed}"
    return None


@pytest.fixture
def faces(tmp_path):
    """FER2013 as far as form goes."""
    rng = np.random.default_rng(0)
    rows = ["emotion,pixels,Usage"]
    for number in range(70):
        pixels = " ".join(map(str, rng.integers(0, 256, 48 * 48)))
        rows.append(f"{number % 7},{pixels},{'PublicTest' if number < 28 else 'Training'}")
    (tmp_path / "fer2013").mkdir()
    (tmp_path / "fer2013" / "fer2013.csv").write_text("\n".join(rows) + "\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_prints_what_it_says(page, tmp_path, monkeypatch, faces):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT)  # for `import benchmarks`
    monkeypatch.setattr(registry, "_datasets", dict(registry._datasets))
    text = page.read_text(encoding="utf-8")
    for words, others in SMALLER.get(page.name, {}).items():
        assert words in text
        text = text.replace(words, others)
    run, _ = blocks(text)
    namespace = {"__name__": "__main__"}
    for block in run:
        # As many empty lines as stand above it, so that a traceback names the page's own line.
        code = compile("\n" * block.line + block.code, page, "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, namespace)
        if block.prints is not None:
            wrong = difference(block.prints, out.getvalue())
            assert wrong is None, f"{page.name}, line {block.line}: {wrong}"


def test_the_commands_of_the_tutorial_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    draw_pictures, *_ = blocks(text)[0]
    exec(draw_pictures.code, {"__name__": "__main__"})
    Path("new").mkdir()
    shutil.copy("shapes/square/000.png", "new/0.jpg")
    shorter = text
    for words, others in {
        "logs/cli\n": "logs/cli --epochs 1\n",
        "lasso_mlp deep_mlp": "softmax",
    }.items():
        assert words in shorter
        shorter = shorter.replace(words, others)
    for program, *words in commands(shorter):
        assert program == "zoo"
        monkeypatch.setattr(sys, "argv", ["zoo", *words])
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("zoo", run_name="__main__")
        assert not ended.value.code, capsys.readouterr().err
    assert (tmp_path / "sheet.png").stat().st_size > 0
    assert (tmp_path / "report.png").stat().st_size > 0
    assert (tmp_path / "logs" / "cli" / "report.json").exists()


def test_the_check_at_chosen_weights_is_that_on_mnist_too(monkeypatch, real_file):
    text = (ROOT / "docs" / "gradients.md").read_text(encoding="utf-8")
    monkeypatch.setenv("ZOO_DATA", str(real_file("train-images-idx3-ubyte.gz").parent))
    namespace = {"__name__": "__main__"}
    for block in blocks(text)[0]:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(block.code.replace('load("digits")', 'load("mnist")'), namespace)
        if 'load("digits")' in block.code:
            break
    said = next(one["body"] for one in FENCE.finditer(text[text.index('`load("mnist"') :]))
    assert difference(said, out.getvalue()) is None


def test_the_table_of_the_sets_is_what_the_command_prints(capsys):
    text = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    said = next(one["body"] for one in FENCE.finditer(text[text.index("`zoo weights` prints") :]))
    with pytest.raises(SystemExit):
        main(["weights"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in printed] == said.splitlines()


def scores_of(label: str, weights: WeightSet) -> list[Scores]:
    """The scores that a row of the table of scores is the mean of, by the label of the row."""
    if "together" in label:
        assert weights.committee is not None
        return [weights.committee.scores["test"]]
    *_, word = re.findall(r"`([\w-]+)`", label)
    names = [name for name in weights.members if word in (name, name.rpartition("-")[0])]
    return [one.paper.scores["test"] for one in weights.weights if one.member in names]


def number_in(label: str) -> int:
    """The number of networks that a label names; 1 if it names no number."""
    return next((NUMBERS.index(word) for word in label.split() if word in NUMBERS), 1)


def test_the_scores_of_the_sets_are_those_of_their_papers():
    text = (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)`, (.+?) \| (.+?) \| (.+?) \| (.+?) \|", text, re.MULTILINE)
    sets = {weights.name: weights for weights in weight_sets()}
    assert {name for name, *_ in rows} == sets.keys()
    for name, label, accuracy, *others in rows:
        scores = scores_of(label, sets[name])
        members = len(sets[name].members) if "together" in label else len(scores)
        assert members == number_in(label), f"{name}, {label}: {members} networks"
        places = len(accuracy.partition(" ")[0].partition(".")[2])
        share = np.mean([one.correct / one.n for one in scores])
        expected = f"{100 * share:.{places}f} %"
        if "[" in accuracy:
            [whole] = scores
            low, high = (100 * end for end in (whole.accuracy.low, whole.accuracy.high))
            expected += f" [{low:.{places}f}, {high:.{places}f}]"
        loss = np.mean([one.negative_log_likelihood for one in scores])
        error = np.mean([one.calibration_error for one in scores])
        assert [accuracy, *others] == [expected, f"{loss:.3f}", f"{error:.3f}"], f"{name}, {label}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_block_is_passed_over(page):
    _, passed_over = blocks(page.read_text(encoding="utf-8"))
    assert passed_over == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_points_at_is_there(page):
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and page.parent / target not in WRITTEN_BY_THE_SITE:
            assert (page.parent / target).exists(), target


def test_every_function_in_the_tables_of_statistics_is_where_the_page_says():
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    sections = re.split(r"^(?=\*\*`zoo)", text, flags=re.MULTILINE)[1:]
    assert len(sections) == 8
    for section in sections:
        modules = [
            importlib.import_module(name) for name in re.findall(r"\*\*`(zoo[.\w]+)`", section)
        ]
        listed = re.findall(r"^\| (`.+?) \|", section, flags=re.MULTILINE)
        for name in re.findall(r"`(\w+)`", " ".join(listed)):
            assert any(hasattr(module, name) for module in modules), name


def test_commands_are_split_to_words():
    text = "```sh\nzoo data  # all\n\nzoo train cnn \\\n    --epochs 5\n```\n```python\nx\n```\n"
    assert commands(text) == [["zoo", "data"], ["zoo", "train", "cnn", "--epochs", "5"]]


def test_blocks_are_told_apart():
    text = (
        "```python\nprint(1)\n```\n\n```text\n1\n```\n"
        "```sh\nls\n```\n```python\nx\n```\nwords\n```text\n2\n```\n```python no-run\ny\n```\n"
    )
    assert blocks(text) == ([Block(1, "print(1)\n", "1\n"), Block(11, "x\n", None)], 1)
    with pytest.raises(ValueError, match="python norun"):
        blocks("```python norun\n```\n")


@pytest.mark.parametrize(
    ("said", "printed", "same"),
    [
        ("error 3e-11", "error 8.1e-11", True),
        ("error 3e-11", "error 0e+00", True),
        ("error 0e+00", "error 1e-16", True),
        ("error 3e-11", "error 4e-9", False),
        ("loss 0.1234", "loss  0.1235\n", True),
        ("loss 0.1234", "loss 0.1244", False),
        ("12 paths", "13 paths", False),
        ("1,364 paths", "1,364 paths", True),
        ("True", "False", False),
    ],
)
def test_numbers_may_differ_by_rounding_and_words_not_at_all(said, printed, same):
    assert (difference(said, printed) is None) is same
