import pytest

from zoo.errors import ArgumentError
from zoo.inspect.page_parts.paths import check_page_path
from zoo.pages.frame import whole_page


def test_a_new_file_and_a_page_of_zoo_may_be_written(tmp_path):
    path = tmp_path / "page.html"
    assert check_page_path(str(path)) == path
    path.write_text(whole_page("Report", []), "utf-8")
    assert check_page_path(path) == path


@pytest.mark.parametrize("contents", [b"", b"<!DOCTYPE html><title>mine</title>", b"\xff\xfe"])
def test_another_file_is_kept(tmp_path, contents):
    path = tmp_path / "page.html"
    path.write_bytes(contents)
    with pytest.raises(ArgumentError, match="output must be a new file, or a page that Zoo wrote"):
        check_page_path(path, "output")
    assert path.read_bytes() == contents


def test_a_folder_is_kept(tmp_path):
    folder = tmp_path / "page.html"
    folder.mkdir()
    with pytest.raises(ArgumentError, match=r"Received: .*page\.html, which is a folder"):
        check_page_path(folder)


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"path must end in \.html\. Received: .*page\.pdf"):
        check_page_path(tmp_path / "page.pdf")
