import numpy as np
import pytest

from zoo.datasets import as_split
from zoo.ensembles.combining.rules import Rule
from zoo.ensembles.reports.html_sections import MOST_ROWS, confusion_part
from zoo.ensembles.reports.report import make_report

HOSTILE = (
    '<script>alert("1")</script>',
    "a\n\x1b[31mred\x1b[0m&\udcff",
    "long $x$ " + "name" * 750,
)


def report_of(members, classes=3, n=60, rule=None):
    """The report of members that are right four times in five, and have hostile names."""
    rng = np.random.default_rng(0)
    names = [*HOSTILE, *map(str, range(classes - 3))]
    split = as_split(
        np.zeros((n, 4, 4, 1), "uint8"), np.arange(n) % classes, class_names=names, name="test"
    )
    answers = np.where(
        rng.random((members, n)) < 0.8, split.labels, rng.integers(0, classes, (members, n))
    )
    names = [f"<b>{member}" + 20 * " member" for member in range(members)]
    return make_report(split, names, np.eye(classes)[answers], rule=rule or Rule())


@pytest.fixture(scope="module")
def report():
    return report_of(3)


@pytest.fixture(scope="module")
def found(report, read_page):
    return read_page(report.to_html())


def test_the_page_of_a_report_has_the_verdict_and_all_tables(report, found):
    text = " ".join(found.text.split())
    assert "Committee report: test" in text
    assert report.verdict() in text
    for table in report._own_tables()[:2] + report.leaderboard.tables() + report.analysis.tables():
        assert table.title in text
    cells = [cell for row in report.leaderboard.tables()[0].rows for cell in row[1:] if cell]
    assert all(cell in text for cell in cells)


def test_the_committee_is_in_bold(report, found):
    bold = [tag for tag in found.named("tr") if tag.get("class") == "bold"]
    assert len(bold) == 1 + len(report.leaderboard.tables())


def test_names_of_classes_are_short_in_markdown_and_whole_in_json(report):
    markdown = report.to_markdown()
    assert r"a\n\x1b[31mred\x1b[0m&\udcff" in markdown
    assert "name" * 20 in markdown
    assert "name" * 30 not in markdown
    assert "name" * 750 in report.to_json()


def test_hostile_names_of_classes_and_members_are_text(report, found):
    assert '<script>alert("1")</script>' in found.text
    assert r"a\n\x1b[31mred\x1b[0m&\udcff" in found.text
    assert "name" * 40 not in report.to_html()
    assert "<b>0" in found.text


def test_the_confusion_matrix_has_the_counts(report, found):
    titles = [tag["id"] for tag in found.named("h2")]
    assert titles == ["report", "classes", "confusion", "leaderboard", "confidence", "members"]
    matrix = next(section for section in report.html_sections() if section.key == "confusion")
    counts = [int(part.partition("<")[0]) for part in matrix.parts[0].split("<span>")[1:]]
    assert counts == report.confusion.ravel().tolist()
    assert "<button" not in matrix.parts[0]


def test_a_single_model_has_no_words_about_a_committee(read_page):
    found = read_page(report_of(1, rule=Rule("soft")).to_html())
    assert "committee" not in found.text.lower()
    assert "How good is the model?" in found.text
    assert [tag["id"] for tag in found.named("h2")][-1] == "confidence"


def test_a_page_of_thirty_members_and_a_hundred_classes_is_small(read_page):
    html = report_of(30, classes=100, n=300).to_html()
    read_page(html)
    assert len(html) < 2e6


def test_without_confusions_of_many_classes_the_page_says_so():
    assert confusion_part(np.eye(30, dtype=int), [*map(str, range(30))]) == (
        "<p>All images are answered rightly.</p>"
    )


def test_of_many_classes_the_commonest_confusions_are_listed(read_page):
    confusion = np.random.default_rng(0).integers(0, 99, (30, 30))
    part = confusion_part(confusion, [*map(str, range(30))], "More words.")
    found = read_page(part)
    assert len(found.named("tr")) == 1 + MOST_ROWS
    assert "The commonest confusions of 30 classes. More words." in found.text
    wrong = np.where(np.eye(30, dtype=bool), 0, confusion)
    first = part.split("<span>")[1].partition("<")[0]
    assert int(first) == wrong.max()


def test_a_report_is_saved_as_a_page(report, tmp_path):
    path = report.save(tmp_path / "report.html")
    assert path.read_text("utf-8") == report.to_html()


@pytest.mark.parametrize("value", ["report", "leaderboard", "analysis"])
def test_a_notebook_shows_the_tables(report, read_page, value):
    shown = read_page({"report": report}.get(value, getattr(report, value, None))._repr_html_())
    assert shown.tags[0] == ("div", {"class": "zoo fragment"})
    assert shown.named("table")
    assert '<script>alert("1")</script>' in shown.text or value != "report"
