import re
import shlex

import pytest

import zoo
from zoo.datasets import load
from zoo.inspect.page_parts import making
from zoo.inspect.page_parts.contents import PARTS


@pytest.fixture
def few_parts(monkeypatch):
    """Only the parts that need no gradients, so that a page takes little time."""
    kept = [part for part in PARTS if part.key in ("report", "curves", "confusion", "disputed")]
    monkeypatch.setattr(making, "PARTS", kept)


def test_a_run_folder_gets_a_page(zoo_command_in, trained, read_page, few_parts):
    folder = trained[0]
    code, out, err = zoo_command_in(folder, "inspect", "my run", "--quiet")
    page_file = folder / "my run" / "inspect.html"
    assert (code, err) == (0, "")
    found = read_page(page_file.read_text("utf-8"))
    assert "Inside a committee of 2" in found.text
    assert "digits" in found.text
    assert "my run/committee.keras" in found.text
    assert "zoo inspect 'my run' --output 'my run/inspect.html'" in found.text
    assert re.search(r"Learning curves +2 epochs", out)
    assert out.splitlines()[-1].startswith("Saved: my run/inspect.html (0.")
    assert [tag["id"] for tag in found.named("h2")] == [
        "report", "curves", "confusion", "disputed"
    ]  # fmt: skip


def test_a_model_gets_a_page_beside_it(zoo_command, tmp_path, read_page, few_parts):
    zoo.build("softmax", input_shape=(8, 8, 1), num_classes=2, seed=0).save(tmp_path / "m.keras")
    words = shlex.split("inspect m.keras --data digits --classes 3,5 --split train -q")
    code, out, _ = zoo_command(*words)
    assert code == 0
    text = read_page((tmp_path / "m.html").read_text("utf-8")).text
    count = len(load("digits", classes=["3", "5"]).train)
    assert f"{count} of the split 'train', 8×8×1" in text
    assert "zoo inspect m.keras --data digits --split train --classes 3,5 --output m.html" in text
    assert "left out: A single model has no members" in " ".join(out.split())
    assert zoo_command(*words)[0] == 0  # a page of Zoo is replaced


def test_another_file_is_never_replaced_and_nothing_is_loaded_before(zoo_command, tmp_path):
    (tmp_path / "m.keras").write_bytes(b"no model")
    (tmp_path / "m.html").write_text("mine", "utf-8")
    code, out, err = zoo_command("inspect", "m.keras", "--data", "digits")
    assert (code, out) == (2, "")
    assert "--output must be a new file, or a page that Zoo wrote. Received: m.html, which" in err
    assert (tmp_path / "m.html").read_text("utf-8") == "mine"
    assert "must end in .html" in zoo_command("inspect", "m.keras", "-o", "page.pdf")[2]


def test_a_folder_without_a_model_says_what_is_missing(zoo_command, tmp_path):
    code, _, err = zoo_command("inspect", tmp_path)
    assert code == 2
    assert "The model must be a saved model, .keras, or a run folder that holds one." in err
    assert "which holds no committee.keras" in err


@pytest.mark.filterwarnings("default:The part")
def test_a_part_that_fails_is_a_note(zoo_command_in, trained, monkeypatch, tmp_path, few_parts):
    def broken(subject):
        raise ValueError("no luck")

    monkeypatch.setattr(making, "PARTS", [making.PARTS[0], PARTS[1]._replace(show=broken)])
    words = ("inspect", "my run", "-q", "-o", tmp_path / "again.html")
    code, out, err = zoo_command_in(trained[0], *words)
    assert code == 0
    assert (
        "Note: The part 'Learning curves' of the page could not be made (ValueError: no luck)"
        in err
    )
    assert "failed: ValueError: no luck" in " ".join(out.split())


def test_the_report_is_written_as_a_page(zoo_command_in, trained, tmp_path, read_page):
    path = tmp_path / "report.html"
    words = ("evaluate", "my run/committee.keras", "-o", path)
    assert zoo_command_in(trained[0], *words)[0] == 0
    assert "Committee report: test" in read_page(path.read_text("utf-8")).text
