from dataclasses import replace

import pytest

from zoo.experiments.results import HEADER
from zoo.metrics import accuracy_interval
from zoo.text import as_plain_text


def test_the_table_has_published_and_measured_values_with_a_verdict(digits_run):
    results, _ = digits_run
    rows = {(row.result, row.split): row for row in results.rows}
    assert set(rows) == {(name, "test") for name in ("softmax_0.01", "softmax_0.1", "committee")}
    assert rows["softmax_0.01", "test"].published is None
    assert rows["softmax_0.01", "test"].verdict is None
    assert rows["softmax_0.1", "test"].verdict.word == "above"
    text = as_plain_text(results, 200)
    assert all(name in text for name in HEADER)
    assert "50 %, n = 400" in text
    assert "99 %, n not given" in text
    assert results.to_markdown().count("\n| ") == 5


def test_notes_say_what_weakens_the_comparison(digits_run):
    results, _ = digits_run
    notes = " ".join(results.notes())
    assert "does not give the number of images" in notes
    assert "on the test images" in notes
    assert "One seed" not in notes
    single = replace(results, seeds=results.seeds[:1])
    assert any("One seed" in note for note in single.notes())


def test_other_images_than_those_of_the_file_are_told(digits_run):
    results, _ = digits_run
    data = replace(results.experiment.data, fingerprint=results.seeds[0].fingerprint)
    same = replace(results, experiment=replace(results.experiment, data=data))
    assert not any("checksums" in note for note in same.notes())
    data = replace(data, fingerprint={"test": "00000000"})
    other = replace(results, experiment=replace(results.experiment, data=data))
    assert any("checksums" in note for note in other.notes())


def test_the_interval_of_several_seeds_holds_images_and_seeds(digits_run):
    results, _ = digits_run
    row = results.rows[0]
    low, high = row.interval
    alone = accuracy_interval(round(row.mean * row.n), row.n)
    assert low <= alone[0] + 0.002
    assert high >= alone[1] - 0.002
    same = replace(row, values=(0.5,), image_interval=accuracy_interval(50, 100))
    assert same.interval == pytest.approx(accuracy_interval(50, 100))
