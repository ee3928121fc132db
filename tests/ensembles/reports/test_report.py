import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from zoo.datasets.split import as_split
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.combining.voting import committee_probabilities
from zoo.ensembles.measures.significance import mcnemar
from zoo.ensembles.provenance import Overlap
from zoo.ensembles.reports.report import log_report, make_report
from zoo.errors import ArgumentError, DataError, RunError
from zoo.metrics import Accuracy
from zoo.plots import figure_pixels

NAMES = ("one", "two", "three")


@pytest.fixture
def probabilities(test_split):
    """Three members that are right 7, 6 and 5 times in 10, independently."""
    rng = np.random.default_rng(0)
    values = rng.dirichlet(np.ones(3), (3, len(test_split)))
    for member, skill in enumerate((0.7, 0.6, 0.5)):
        knows = rng.random(len(test_split)) < skill
        values[member, knows] = 0.1
        values[member, knows, test_split.labels[knows]] = 0.8
    return values.astype("float32")


@pytest.fixture
def report(test_split, probabilities):
    return make_report(test_split, NAMES, probabilities, validation_accuracy=(0.5, 0.6, 0.4))


def test_scores_agree_with_scikit_learn(report, test_split, probabilities):
    labels = test_split.labels
    decision = committee_probabilities(probabilities).argmax(axis=1)
    predictions = [*probabilities.argmax(axis=-1), decision]
    for score, predicted in zip(report.scores, predictions, strict=True):
        assert score.accuracy.value == pytest.approx(accuracy_score(labels, predicted))
        assert score.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
        assert score.accuracy.n == len(labels)
    expected = precision_recall_fscore_support(labels, decision)
    classes = [(row.precision, row.recall, row.f1, row.support) for row in report.classes]
    np.testing.assert_allclose(np.transpose(classes), expected)
    assert report.confusion.sum() == len(labels)


def test_the_rival_is_the_best_on_validation_not_on_the_test_images(
    report, test_split, probabilities
):
    accuracies = [score.accuracy.value for score in report.members]
    assert np.argmax(accuracies) == 0
    assert (report.best_member, report.chosen_on) == ("two", "validation")
    decision = committee_probabilities(probabilities).argmax(axis=1)
    rival = probabilities[1].argmax(axis=1)
    assert report.comparison == mcnemar(test_split.labels, decision, rival)
    assert "the best member on the validation images" in report.verdict()


def test_without_validation_the_verdict_names_the_bias(test_split, probabilities):
    report = make_report(test_split, NAMES, probabilities)
    assert (report.best_member, report.chosen_on) == ("one", "these images")
    assert "on these very images, which favours the member" in report.verdict()


def test_the_report_and_its_leaderboard_hold_the_same_verdict(report):
    values = report.to_dict()
    assert report.verdict() == report.leaderboard.verdict.sentence()
    assert values["verdict"] == values["leaderboard"]["sentence"] == report.verdict()
    assert values["comparison"] == values["leaderboard"]["comparison"]
    assert values["comparison"]["beyond_chance"] is values["leaderboard"]["beyond_chance"]
    assert values["best_member"] == values["leaderboard"]["best_member"] == "two"


def test_soft_voting_and_weights_count(test_split, probabilities):
    only_last = make_report(test_split, NAMES, probabilities, rule=Rule(weights=(0, 0, 1)))
    assert only_last.committee.accuracy == only_last.members[2].accuracy
    soft = make_report(test_split, NAMES, probabilities, rule=Rule("soft"))
    expected = probabilities.mean(axis=0).argmax(axis=1) == test_split.labels
    assert soft.committee.accuracy.value == pytest.approx(expected.mean())


def test_a_model_alone_has_no_committee_beside_it(test_split, probabilities):
    report = make_report(test_split, NAMES[:1], probabilities[:1], rule=Rule("soft"))
    assert [score.name for score in report.scores] == ["one"]
    assert report.comparison is None
    right = int((probabilities[0].argmax(axis=1) == test_split.labels).sum())
    assert report.verdict().startswith(f"one recognises {right} of 60 images: ")
    for text in (report.to_markdown(), str(report)):
        assert "committee" not in text.lower()
        assert "vote" not in text
        assert "member" not in text
    assert report.to_markdown().startswith("# Report: test\n")
    assert {label.get_text() for label in report.plot().axes[0].get_yticklabels()} == {"one"}


def test_accuracies_on_validation_images_stand_beside_those_on_the_test(test_split, probabilities):
    scores = {"one": Accuracy(0.5, 0.4, 0.6, 90), "committee": Accuracy(0.75, 0.65, 0.85, 90)}
    report = make_report(test_split, NAMES, probabilities, validation=scores)
    for text in (str(report), report.to_markdown()):
        assert "validation, n = 90" in text
        assert "75.0 % [65.0, 85.0]" in text
    assert report.to_dict()["validation"]["one"] == {"value": 0.5, "low": 0.4, "high": 0.6, "n": 90}
    without_counts = make_report(test_split, NAMES, probabilities, validation_accuracy=(0.5, 1, 0))
    header, _, *rows = without_counts.to_markdown().split("\n\n")[4].splitlines()
    assert header.endswith("| validation |")
    cells = [row.split(" | ")[-1] for row in rows]
    assert cells == ["50.0 % |", "100.0 % |", "0.0 % |", "– |"]


def test_probabilities_that_are_not_numbers_name_the_member(test_split, probabilities):
    probabilities[1, 5, 0] = np.nan
    with pytest.raises(DataError, match=r"must be numbers\. Received: nan or inf from two"):
        make_report(test_split, NAMES, probabilities)


def test_the_terminal_shows_every_row_with_interval_and_count(report):
    text = str(report)
    for score in report.scores:
        line = next(x for x in text.splitlines() if x.split()[:1] == [score.name])
        assert f"{100 * score.accuracy.value:.1f} %" in line
        assert f"{100 * score.accuracy.low:.1f} – {100 * score.accuracy.high:.1f}" in line
        assert "60" in line.split()
    assert "classification rate" in text
    console = Console(width=60, file=io.StringIO())
    console.print(report)
    assert "McNemar" in console.file.getvalue()


def test_json_holds_scores_confusion_and_comparison(report, tmp_path):
    values = json.loads(report.save(tmp_path / "report.json").read_text("utf-8"))
    assert values["committee"]["accuracy"]["value"] == report.committee.accuracy.value
    assert values["confusion"] == report.confusion.tolist()
    assert values["comparison"]["p_value"] == report.comparison.p_value
    assert [row["name"] for row in values["classes"]] == list(report.class_names)


KEYS = {
    "": {
        "split", "voting", "members", "committee", "class_names", "confusion", "classes",
        "best_member", "chosen_on", "comparison", "leaderboard", "analysis", "trained_on",
        "tuned_on", "verdict",
    },
    "committee": {"name", "accuracy", "macro_f1"},
    "comparison": {
        "n", "only_first", "only_second", "difference", "p_value", "beyond_chance",
    },
    "leaderboard": {
        "entries", "n", "committee", "best_member", "chosen_on", "comparison", "difference",
        "cochran", "trained_on", "tuned_on", "beyond_chance", "sentence",
    },
    "analysis": {
        "member_names", "diversity", "leave_one_out", "shapley", "reliability", "risk",
        "coverage_accuracy", "predictive_entropy", "expected_entropy", "mutual_information",
        "detection", "diversity means",
    },
}  # fmt: skip
"""Keys of JSON reports that programs read since the first version; keys may be added."""


def test_json_has_the_keys_of_earlier_versions(report):
    values = report.to_dict()
    for name, keys in KEYS.items():
        assert keys <= set(values[name] if name else values)
    for member in values["members"]:
        assert KEYS["committee"] <= set(member)
    row = {
        "name", "kind", "accuracy", "negative_log_likelihood", "brier", "calibration_error",
        "calibration_error_mass", "p_value",
    }  # fmt: skip
    assert all(row <= set(entry) for entry in values["leaderboard"]["entries"])


def test_markdown_tables_have_a_cell_for_each_column(report, tmp_path):
    text = report.save(tmp_path / "report.md").read_text("utf-8")
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 8
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert report.verdict() in text


def test_a_class_name_with_a_bar_does_not_break_the_table(test_split, probabilities):
    names = ("a|b", "c", "d")
    split = as_split(test_split.images, test_split.labels, class_names=names)
    text = make_report(split, NAMES, probabilities).to_markdown()
    assert "| a\\|b |" in text
    assert "|  | a\\|b | c | d |" in text


def test_class_names_are_no_markup(test_split, probabilities):
    split = as_split(test_split.images, test_split.labels, class_names=("[red]d", "[/]", "f"))
    text = str(make_report(split, NAMES, probabilities))
    assert text.count("[red]d") == 3  # class by class, and both axes of the matrix
    assert text.count("[/]") == 3


def test_with_many_classes_the_terminal_shows_the_commonest_confusions():
    labels = np.repeat(np.arange(30), 2)
    predicted = np.where(labels == 7, 9, labels)
    names = [f"a class with a long name {k}" for k in range(30)]
    split = as_split(np.zeros((60, 2, 2, 1), "uint8"), labels, class_names=names)
    report = make_report(split, ["one"], np.eye(30)[predicted][None], rule=Rule("soft"))
    text = str(report)
    (line,) = (line for line in text.splitlines() if "name 7 " in line and "name 9 " in line)
    assert line.split()[-1] == "2"
    assert max(map(len, text.splitlines())) <= 100
    assert len(report.to_dict()["confusion"]) == 30


def test_images_known_from_training_are_named_everywhere(test_split, probabilities):
    known = Overlap(60, trained_on=7, tuned_on=2)
    report = make_report(test_split, NAMES, probabilities, overlap=known)
    values = report.to_dict()
    for counts in (values, values["leaderboard"]):
        assert (counts["trained_on"], counts["tuned_on"]) == (7, 2)
    assert report.leaderboard.verdict.overlap is known
    for text in (str(report), report.to_markdown(), report.to_json()):
        assert known.warning() in " ".join(text.split())


def test_the_picture_is_a_png_with_a_bar_for_each_class(report, tmp_path):
    with Image.open(report.save(tmp_path / "report.png")) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 300
    accuracies, _, classes = report.plot().axes
    rows = zip(accuracies.get_yticks(), accuracies.get_yticklabels(), strict=True)
    shown = {label.get_text(): height for height, label in rows}
    assert shown == {"one": 3, "two": 2, "three": 1, "committee": 0}
    widths = [bar.get_width() for bar in classes.patches]
    assert widths[:3] == pytest.approx([100 * row.precision for row in report.classes])


def test_names_in_the_picture_are_never_mathematics(test_split, probabilities, tmp_path):
    names = ("$5_and_$10", "a_b^c", "$x")
    split = as_split(test_split.images, test_split.labels, name="$_$", class_names=names)
    report = make_report(split, ("$m_1", "$", "$a_$b"), probabilities)
    report.save(tmp_path / "report.png")
    report.analysis.save(tmp_path / "analysis.png")
    classes = report.plot().axes[2]
    assert [label.get_text() for label in classes.get_yticklabels()] == list(names)


def test_other_formats_are_refused(report, tmp_path):
    expected = r"in \.json, \.md, \.html or \.png\. Received: .*report\.pdf"
    with pytest.raises(ArgumentError, match=expected):
        report.save(tmp_path / "report.pdf")


def test_a_report_that_cannot_be_written_harms_nothing(report, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="must be writable"):
        report.save(tmp_path / "file" / "report.json")
    assert (tmp_path / "file").read_text() == "mine"


def test_tensorboard_gets_scores_and_pictures(report, tmp_path):
    log_report(report, tmp_path, step=12)
    events = EventAccumulator(str(tmp_path / "committee"))
    events.Reload()
    scalars = {*report.committee.values, *report.analysis.uncertainty}
    pictures = {"confusion matrix", "reliability", "risk and coverage", "pairs that disagree"}
    curves = {f"precision and recall/{name}" for name in report.class_names}
    assert set(events.Tags()["tensors"]) == {
        f"test/{tag}" for tag in {*scalars, *pictures, *curves, "report"}
    }
    (accuracy,) = events.Tensors("test/accuracy")
    assert accuracy.step == 12
    value = make_ndarray(accuracy.tensor_proto)
    assert value == pytest.approx(report.committee.accuracy.value)
    of_member = EventAccumulator(str(tmp_path / "models" / "two"))
    of_member.Reload()
    assert {f"test/{tag}" for tag in curves} <= set(of_member.Tags()["tensors"])


def drawn_report(members, classes):
    """The report of a committee whose members are right at random."""
    rng = np.random.default_rng(0)
    labels = np.arange(3 * classes) % classes
    probabilities = rng.dirichlet(np.ones(classes), (members, len(labels)))
    probabilities[:, np.arange(len(labels)), labels] += rng.random((members, len(labels)))
    probabilities /= probabilities.sum(-1, keepdims=True)
    names = [f"class {k}" for k in range(classes)]
    images = np.zeros((len(labels), 1, 1, 1), "uint8")
    split = as_split(images, labels, name="test", class_names=names)
    return make_report(split, [f"member {k}" for k in range(members)], probabilities)


@pytest.mark.parametrize(("members", "classes"), [(3, 10), (12, 43), (30, 10), (1, 100)])
def test_all_names_and_numbers_of_the_pictures_are_legible(members, classes):
    report = drawn_report(members, classes)
    for figure in (report.plot(), report.analysis.plot()):
        figure_pixels(figure)  # lays the figure out
        width, height = figure.canvas.get_width_height()
        assert max(width, height) < 4500
        for axes in figure.axes:
            columns, rows = (drawn_labels(axis) for axis in (axes.xaxis, axes.yaxis))
            for texts in (rows, columns, axes.texts):
                assert not overlaps(texts)
                assert all(text.get_fontsize() >= 8 for text in texts)
            for text in (*rows, *columns, axes.title):
                box = text.get_window_extent()
                assert (box.x0, box.y0) >= (-1, -1)
                assert box.x1 <= width + 1
                assert box.y1 <= height + 1
    accuracies, confusion, classwise = report.plot().axes
    names = [row.name for row in report.scores]
    assert shown(accuracies.get_yticklabels()) == names
    for labels in (confusion.get_xticklabels(), classwise.get_yticklabels()):
        assert shown(labels) == list(report.class_names)
    if members > 1:
        pairs = report.analysis.plot().axes[2]
        assert shown(pairs.get_xticklabels()) == names[:-1]
        assert len(pairs.texts) == members * (members - 1)


def drawn_labels(axis):
    """The texts beside an axis, without those of ticks beyond its ends."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks if tick.label1.get_text()]


def shown(labels):
    return [label.get_text() for label in labels]


def overlaps(texts):
    """Whether two texts cover one another. Slanted texts are looked at along the slant."""
    boxes = []
    for text in texts:
        box = text.get_window_extent()
        if text.get_rotation() % 90:
            height = text.get_fontsize() * text.get_figure().dpi / 72
            boxes.append((box.x1 - height / 2, 0, box.x1 + height / 2, 1))
        else:
            boxes.append(box.extents)
    low, high = np.hsplit(np.reshape(boxes, (-1, 4)), 2)
    common = (low[:, None] < high - 1).all(-1) & (low < high[:, None] - 1).all(-1)
    return bool((common & ~np.eye(len(boxes), dtype=bool)).any())


@pytest.mark.parametrize("members", [1, 3, 30])
def test_pictures_of_the_analysis_stand_alone_too(members):
    analysis = drawn_report(members, 3).analysis
    pictures = analysis.plot_parts()
    listed = ["pairs that disagree"] if members > 1 else []
    assert list(pictures) == ["reliability", "risk and coverage", *listed]
    for title, draw in pictures.items():
        figure = draw()
        (axes,) = (axes for axes in figure.axes if axes.get_title())
        assert axes.get_title().startswith(title)
        # TensorBoard draws pictures some 350 pixels wide: this keeps their text legible.
        assert title == "pairs that disagree" or figure.get_figwidth() <= 4.5


def test_classes_without_images_are_left_out_of_means_and_have_no_scores(test_split, probabilities):
    labels = np.arange(10) % 2 * 5 + 3  # labels 3 and 8 of ten classes
    split = as_split(np.zeros((10, 6, 6, 1), "uint8"), labels, class_names=list("abcdefghij"))
    votes = np.eye(10)[[labels, np.where(np.arange(10) == 0, 0, labels)]]
    report = make_report(split, ["right", "nearly"], votes, rule=Rule("soft", (2, 1)))
    assert report.members[0].macro_f1 == 1
    assert report.members[1].macro_f1 == pytest.approx((8 / 9 + 1 + 0) / 3)
    assert report.committee.accuracy.value == 1
    rows = report.to_markdown().split("class by class")[1].split("##")[0].splitlines()
    assert "| a | – | – | – | 0 |" in rows
    assert "| d | 100.0 % | 100.0 % | 100.0 % | 5 |" in rows
    assert "| macro F1, 2 of 10 classes |  |  | 100.0 % |  |" in rows
    names = [label.get_text() for label in report.plot().axes[2].get_yticklabels()]
    assert names[0] == "a (no images)"
    assert names[3] == "d"


def test_a_class_that_is_only_answered_has_precision_0_and_no_recall(test_split):
    split = as_split(test_split.images[:2], [0, 0], class_names=["cat", "dog", "fox"])
    report = make_report(split, ["a"], np.eye(3)[[[0, 1]]])
    text = report.to_markdown()
    assert "| dog | 0.0 % | – | 0.0 % | 0 |" in text
    assert "| fox | – | – | – | 0 |" in text
    assert "| macro F1, 2 of 3 classes |  |  | 33.3 % |  |" in text


def test_images_of_a_single_class_make_a_whole_report(test_split, probabilities, tmp_path):
    some = test_split.take(test_split.labels == 1)
    report = make_report(some, NAMES, probabilities[:, test_split.labels == 1])
    assert "nan" not in str(report) + report.to_markdown()
    predicted = report.confusion[1]
    expected = 2 * predicted[1] / (predicted.sum() + predicted[1]) / np.count_nonzero(predicted)
    assert report.committee.macro_f1 == pytest.approx(expected)
    json.loads(report.to_json(), parse_constant=pytest.fail)
    report.save(tmp_path / "report.png")
    report.analysis.save(tmp_path / "analysis.png")
