import pytest

from zoo.errors import ArgumentError
from zoo.inspect import ModelPage
from zoo.inspect.page_parts.paths import check_page_path
from zoo.pages.frame import whole_page


def test_a_page_replaces_a_page_and_nothing_else(tmp_path):
    file = tmp_path / "a.html"
    first, second = (ModelPage(whole_page(title, []), {}) for title in ("first", "second"))
    assert first.save(file) == file
    second.save(file)
    assert file.read_text("utf-8") == second.html
    file.write_text("my own notes", "utf-8")
    with pytest.raises(ArgumentError, match="must be a new file, or a page that Zoo wrote"):
        first.save(file)
    assert file.read_text("utf-8") == "my own notes"


@pytest.mark.parametrize(("name", "fault"), [("a.htm", "must end in .html"), ("", "path")])
def test_other_paths_are_refused(tmp_path, monkeypatch, name, fault):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match=fault):
        check_page_path(name, "path")


def test_a_folder_is_no_page(tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ArgumentError, match="which is something else"):
        check_page_path(tmp_path / "folder.html")
