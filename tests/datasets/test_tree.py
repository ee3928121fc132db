import os
import zipfile

import pytest

from zoo.datasets.tree import fingerprint, open_tree
from zoo.errors import DataError

FILES = {"a/1.png": b"one", "a/more/2.png": b"two", "b/3.txt": b"three"}
HIDDEN = {".git/x": b"", "__MACOSX/a/._1.png": b"", "a/.DS_Store": b"", "a/Icon\r": b""}


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_folder_and_archive_look_alike(write, name):
    with open_tree(write(name, FILES | HIDDEN)) as tree:
        assert tree.sizes == {path: len(content) for path, content in FILES.items()}
        assert tree.folders == {"a", "a/more", "b"}
        assert {path: tree.read(path) for path in tree.sizes} == FILES


def test_members_that_point_outside_are_left_alone(write):
    with open_tree(write("tree.zip", FILES | {"../up.png": b"", "/root//a.png": b"a"})) as tree:
        assert tree.sizes.keys() == {*FILES, "root/a.png"}


@pytest.mark.parametrize("name", ["tree.zip", "tree.tar", "tree"])
def test_names_with_control_characters_are_refused(write, name):
    with pytest.raises(DataError, match=r"without control characters, got 'a/\\x1b\[31m\.png'"):
        open_tree(write(name, FILES | {"a/\x1b[31m.png": b"five"})).__enter__()


def test_names_with_spaces_and_joiners_are_fit(write):
    names = {"a/\u3000.png": b"", "a/\xa0.png": b"", "a/x\u200d.png": b""}
    with open_tree(write("tree.zip", names)) as tree:
        assert tree.sizes.keys() == names.keys()


def test_empty_folders_are_seen(write, tmp_path):
    folder = write("tree", FILES)
    (folder / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "tree.zip", "w") as archive:
        archive.write(folder / "empty", "empty")
    for path in (folder, tmp_path / "tree.zip"):
        with open_tree(path) as tree:
            assert "empty" in tree.folders


def test_linked_folders_are_followed_but_not_in_circles(write):
    folder = write("tree", FILES)
    (folder / "linked").symlink_to(write("elsewhere", {"4.png": b"four"}))
    (folder / "a" / "circle").symlink_to(folder)
    with open_tree(folder) as tree:
        assert tree.read("linked/4.png") == b"four"
        assert not any("circle" in path for path in tree.sizes)


def test_broken_link_is_named(write):
    folder = write("tree", FILES)
    (folder / "a" / "gone.png").symlink_to(folder / "nowhere")
    with pytest.raises(DataError, match=r"gone\.png"), open_tree(folder):
        pass


def test_corrupt_member_is_named(write):
    path = write("tree.zip", FILES)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"three", b"thrEe"))
    with open_tree(path) as tree:
        assert tree.read("a/1.png") == b"one"
        with pytest.raises(DataError, match=r"b/3\.txt in .*tree\.zip: .*Bad CRC-32"):
            tree.read("b/3.txt")


def test_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"x\.zip: expected a folder or a readable archive"):
        open_tree(tmp_path / "x.zip").__enter__()
    with pytest.raises(DataError, match="FileNotFoundError"):
        open_tree(tmp_path / "y.zip").__enter__()


def test_truncated_archive_is_refused(write):
    path = write("tree.zip", FILES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"readable archive \(zip or tar\)"):
        open_tree(path).__enter__()


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_oversized_file_is_not_read(write, name):
    expected = pytest.raises(DataError, match=r"b/3\.txt in .* at most 4 bytes, got 5")
    with open_tree(write(name, FILES)) as tree, expected:
        tree.read("b/3.txt", 4)


def test_fingerprint_of_an_archive_is_of_its_bytes(write, tmp_path):
    path = write("tree.zip", FILES)
    before = fingerprint(path)
    os.utime(path, ns=(1, 1))
    assert fingerprint(path.rename(tmp_path / "moved.zip")) == before
    assert fingerprint(write("tree.zip", FILES | {"a/1.png": b"ONE"})) != before


def test_fingerprint_of_a_folder_is_of_its_listing(write, tmp_path):
    folder = write("tree", FILES)
    before = fingerprint(folder)
    assert fingerprint(folder.rename(tmp_path / "moved")) == before
    os.utime(tmp_path / "moved" / "a" / "1.png", ns=(1, 1))
    changed = fingerprint(tmp_path / "moved")
    assert changed != before
    (tmp_path / "moved" / "b" / "3.txt").unlink()
    assert fingerprint(tmp_path / "moved") != changed


def test_fingerprint_of_nothing_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.zip"):
        fingerprint(tmp_path / "nothing.zip")
