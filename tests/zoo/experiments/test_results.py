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


def test_a_member_is_compared_with_the_others_seed_by_seed(digits_run):
    results, _ = digits_run
    assert results.comparisons() == []
    right = {"softmax_0.1": [90, 80, 85], "softmax_0.01": [70, 65, 75], "committee": [90, 82, 85]}
    seeds = [
        replace(
            results.seeds[0],
            class_names=["a", "b"],
            confusion={
                name: {"test": [[counts[k], 100 - counts[k]], [0, 0]]}
                for name, counts in right.items()
            },
        )
        for k in range(3)
    ]
    experiment = replace(results.experiment, compared="softmax_0.1")
    compared = replace(results, experiment=experiment, seeds=tuple(seeds))
    # The differences 20, 15 and 10: 15 ± t₂ · 5 / √3, with t₂ = 4.3027.
    half = 4.302653 * 5 / 3**0.5
    assert compared.comparisons() == [
        f"softmax_0.1 against softmax_0.01 on the test images: +15.0 points [{15 - half:+.1f}, "
        f"{15 + half:+.1f}] for other seeds (paired, Student's t), better with 3 of 3 seeds.",
        "softmax_0.1 against committee on the test images: -0.7 points [-3.5, +2.2] for other "
        "seeds (paired, Student's t), better with 0 of 3 seeds.",
    ]
    assert compared.comparisons()[0] in compared.notes()
    assert replace(compared, seeds=compared.seeds[:1]).comparisons() == []


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
