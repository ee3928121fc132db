"""Pieces, tried again when they fail. joblib's workers are played by this process here; real
workers are in tests/zoo/training/pieces/test_in_trainer.py."""

import sys
import types
import warnings

import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.errors import RunError
from zoo.files import errors_as_warnings
from zoo.files.packing import pack
from zoo.spreading import Piece, listening, rounds, run_pieces
from zoo.spreading.worker import Stopped

TRIED = []
"""The names of the pieces that were tried, in order."""


def add(task):
    TRIED.append("add")
    task.send("told", [1, 2])
    images = sum(len(split) for split in task.splits.values() if split is not None)
    return {"sum": sum(task.settings["numbers"]), "images": images}, task.payloads


def fail(task):
    TRIED.append("fail")
    raise ValueError("no luck")


def fail_twice(task):
    TRIED.append("fail_twice")
    if TRIED.count("fail_twice") < 3:
        raise ValueError("no luck yet")
    return None, ()


def stop(task):
    TRIED.append("stop")
    raise Stopped(b"so far")


def warn(task):
    with errors_as_warnings("The picture"):
        raise ValueError("no ink")
    warnings.warn("mind this", UserWarning, stacklevel=1)
    return None, ()


@pytest.fixture
def run(work_here, monkeypatch):
    """Run pieces by the names of the functions above, and give them with what was said."""

    def die(task):
        TRIED.append("die")
        raise work_here.Death

    module = types.ModuleType("pieces_of_tests")
    for function in (add, fail, fail_twice, die, stop, warn):
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "pieces_of_tests", module)
    TRIED.clear()
    data = as_split(np.zeros((6, 2, 2, 1), "uint8"), [0, 1, 0, 1, 0, 1])

    def run_names(*names, is_stopped=lambda: False, record=None):
        pieces = [
            Piece(name, f"pieces_of_tests:{name}", {"numbers": [1, 2, 3]}, (b"payload",))
            for name in names
        ]
        said, recorded = [], []
        splits = {"train": data, "validation": None}
        run_pieces(
            pieces, splits, 2, say=said.append, is_stopped=is_stopped,
            record=record or (lambda piece, message: recorded.append((piece.name, message.values))),
        )  # fmt: skip
        return pieces, said, recorded

    return run_names


def test_warnings_of_a_piece_are_told_also_those_of_what_could_not_be_drawn(run):
    _, _, recorded = run("warn")
    assert [text.partition(" (")[0] for _, text in recorded] == [
        "The picture could not be written",
        "mind this",
    ]


def test_a_piece_gives_a_result_and_tells_how_it_goes_on(run):
    (piece,), said, recorded = run("add")
    assert piece.result.values == {"sum": 6, "images": 6}
    assert piece.result.payloads == (b"payload",)
    assert recorded == [("add", [1, 2])]
    assert "TensorFlow computes with" in said[0]


def test_workers_of_other_machines_ask_for_arrays_once(run, monkeypatch):
    place = rounds.Place(2, None, "127.0.0.1", is_here=False)
    monkeypatch.setattr(rounds, "find_place", lambda n_jobs: place)
    packed = []
    monkeypatch.setattr(listening, "pack", lambda arrays: packed.append({*arrays}) or pack(arrays))
    pieces, _, _ = run("add", "fail_twice")
    assert pieces[0].result.values["images"] == 6
    assert packed == [{"0", "1"}]  # pixels and labels


def test_a_piece_that_fails_is_tried_three_times_while_others_go_on(run):
    (failing, lucky, fine), said, _ = run("fail", "fail_twice", "add")
    assert failing.result is None
    assert len(failing.failures) == 3
    assert "in fail\n    raise ValueError" in failing.failures[-1]
    assert lucky.result is not None
    assert fine.result is not None
    assert TRIED == ["fail", "fail_twice", "add", "fail", "fail_twice", "fail", "fail_twice"]
    assert any(line.startswith("fail failed in process") for line in said)


def test_a_piece_whose_worker_dies_is_tried_three_times_while_others_go_on(run):
    (deadly, fine), said, _ = run("die", "add")
    assert TRIED.count("die") == 3
    assert deadly.result is None
    assert "died" in deadly.failures[-1]
    assert fine.result is not None
    assert sum("its worker" in line for line in said) == 3


def test_a_stopped_piece_says_how_far_it_has_come(run):
    (piece,), _, _ = run("stop", is_stopped=lambda: "stop" in TRIED)
    assert piece.result is None
    assert piece.stopped.payloads == (b"so far",)
    assert TRIED == ["stop"]


def test_nothing_begins_after_a_stop(run):
    (piece,), _, _ = run("add", is_stopped=lambda: True)
    assert (piece.result, TRIED) == (None, [])


def test_a_backend_that_runs_nothing_is_an_error(run, work_here, monkeypatch):
    def refuse(self, tasks):
        raise OSError("no such cluster")

    monkeypatch.setattr(work_here, "__call__", refuse)
    with pytest.raises(RunError, match=r"Received: OSError: no such cluster\. See"):
        run("add")


def test_an_error_while_a_message_is_taken_reaches_the_caller(run):
    def record(piece, message):
        raise RunError("the disk is full")

    with pytest.raises(RunError, match="the disk is full"):
        run("add", "fail", record=record)
    assert "fail" not in TRIED
