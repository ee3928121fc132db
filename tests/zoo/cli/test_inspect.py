import pytest

import zoo


def test_a_run_folder_gives_a_page_with_its_curves(zoo_command, trained, read_page, tmp_path):
    code, out, err = zoo_command("inspect", trained[0] / "my run", "-o", "page.html", "-q")
    html = (tmp_path / "page.html").read_text("utf-8")
    page = read_page(html)
    assert (code, err) == (0, "")
    assert "Learning curves" in out
    assert "2 epochs" in out
    assert "left out" not in out
    assert "Saved: page.html (" in out
    assert "digits" in page.text
    command = f"zoo inspect '{trained[0] / 'my run'}' --output page.html"
    assert command in page.text


def test_the_page_of_a_model_without_a_run_lies_beside_it(zoo_command, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.inspect.page_parts.making.PARTS", ())  # the other test makes them
    zoo.build("softmax", input_shape=(8, 8, 1)).save(tmp_path / "mine.keras")
    code, out, _ = zoo_command(
        "inspect", "mine.keras", "--data", "digits", "--classes", "3,8", "--quiet"
    )
    assert code == 2  # the model knows ten classes
    code, out, _ = zoo_command("inspect", "mine.keras", "--data", "digits", "--quiet")
    assert code == 0
    assert "Saved: mine.html" in out
    assert "zoo inspect mine.keras --data digits" in (tmp_path / "mine.html").read_text("utf-8")


def test_the_page_of_a_run_lies_in_its_folder(zoo_command, trained, monkeypatch):
    monkeypatch.setattr("zoo.inspect.page_parts.making.PARTS", ())
    folder = trained[0] / "my run"
    for model in (folder, folder / "committee.keras"):
        code, out, _ = zoo_command("inspect", model, "-q")
        assert (code, "inspect.html" in out) == (0, True)
        (folder / "inspect.html").unlink()


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["gone"], "The model must be saved as a .keras file"),
        (["empty"], "empty, which holds no committee.keras"),
        (["gone.keras", "-o", "page.pdf"], "--output must end in .html"),
        (["gone.keras", "-o", "notes.html"], "--output must be a new file, or a page that Zoo"),
        (["gone.keras"], "gone.keras, which does not exist"),
    ],
)
def test_errors_are_said_before_tensorflow_starts(zoo_command, tmp_path, monkeypatch, words, fault):
    def start(**options):
        raise AssertionError("TensorFlow starts")

    monkeypatch.setattr("zoo.cli.inspect.start_tensorflow", start)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.html").write_text("mine", "utf-8")
    code, _, err = zoo_command("inspect", *words)
    assert code == 2
    assert fault in err
    assert err.count("\n") == 1
