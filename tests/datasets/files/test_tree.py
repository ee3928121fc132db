import io
import os
import tarfile
import zipfile

import pytest

from zoo.datasets.cache.fingerprint import ListedFiles
from zoo.datasets.files import checks as files
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError


class _WithoutFlag(zipfile.ZipInfo):
    """An item of a zip archive whose name has an encoding, but no flag that says so."""

    def __init__(self, name, encoding="utf-8"):
        super().__init__(name)
        self.encoding = encoding

    def _encodeFilenameFlags(self):
        return self.filename.encode(self.encoding), self.flag_bits


FILES = {"a/1.png": b"one", "a/more/2.png": b"two", "b/3.txt": b"three"}
HIDDEN = {".git/x": b"", "__MACOSX/a/._1.png": b"", "a/.DS_Store": b"", "a/Icon\r": b""}


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_folder_and_archive_look_alike(write, name):
    with open_tree(write(name, FILES | HIDDEN)) as found:
        assert found.sizes == {path: len(content) for path, content in FILES.items()}
        assert found.folders == {"a", "a/more", "b"}
        assert {path: found.read(path) for path in found.sizes} == FILES


def test_members_that_point_outside_are_left_alone(write):
    with open_tree(write("tree.zip", FILES | {"../up.png": b"", "/root//a.png": b"a"})) as found:
        assert found.sizes.keys() == {*FILES, "root/a.png"}


ARCHIVES = ["tree.zip", "tree.tar", "tree"]


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("file", ["a\nb/4.png", "a/\x1b[31m/4.png"])
def test_folders_whose_names_have_control_characters_are_refused(write, name, file):
    message = r"must hold folders that have a name in UTF-8 without control characters\. Received: "
    with pytest.raises(DataError, match=message + r"'a[^\n\x1b]*'\. Rename or remove it\.$"):
        open_tree(write(name, FILES | {file: b"five"})).__enter__()


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_file_whose_name_has_control_characters_cannot_be_read(write, name):
    path = write(name, FILES | {"a/\x1b[31m.png": b"five"})
    with open_tree(path) as tree:
        assert tree.read("a/1.png") == b"one"
        message = (
            r"^a/\\x1b\[31m.png in .* must have a name in .* Received: 'a/\\x1b\[31m\.png'\. Re"
        )
        with pytest.raises(DataError, match=message):
            tree.read("a/\x1b[31m.png")


def test_names_in_utf_8_are_read_where_the_zip_archive_does_not_say_so(tmp_path):
    names = ["Müller/1.png", "наталья/2.png", "猫/3.png", "plain/4.png"]
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(_WithoutFlag(name), b"x")
    with open_tree(path) as tree:
        assert {*tree.sizes} == {*names}
        assert tree.read("Müller/1.png") == b"x"


def test_names_in_another_code_page_stay_as_they_are(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(_WithoutFlag("M\x81ller/1.png", "latin-1"), b"x")
    with open_tree(tmp_path / "a.zip") as tree:
        assert {*tree.sizes} == {"Müller/1.png"}


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_an_archive_of_the_folder_dot_is_read(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
        item = tarfile.TarInfo(".")
        item.type = tarfile.DIRTYPE
        archive.addfile(item)
        for name, content in FILES.items():
            item = tarfile.TarInfo(f"./{name}")
            item.size = len(content)
            archive.addfile(item, io.BytesIO(content))
    with open_tree(path) as tree:
        assert {name: tree.read(name) for name in tree.sizes} == FILES
        assert tree.folders == {"a", "a/more", "b"}


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
        with open_tree(path) as found:
            assert "empty" in found.folders


def test_linked_folders_are_followed_but_not_in_circles(write):
    folder = write("tree", FILES)
    (folder / "linked").symlink_to(write("elsewhere", {"4.png": b"four"}))
    (folder / "a" / "circle").symlink_to(folder)
    with open_tree(folder) as found:
        assert found.read("linked/4.png") == b"four"
        assert not any("circle" in path for path in found.sizes)


@pytest.mark.parametrize("target", ["nowhere", "gone.png"])
def test_a_link_that_leads_nowhere_is_a_file_that_cannot_be_read(write, target):
    folder = write("tree", FILES)
    (folder / "a" / "gone.png").symlink_to(target)
    with open_tree(folder) as found:
        assert found.read("a/1.png") == b"one"
        with pytest.raises(DataError, match=r"a/gone\.png in .* must be a readable file"):
            found.read("a/gone.png")


def test_corrupt_member_is_named(write):
    path = write("tree.zip", FILES)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"three", b"thrEe"))
    with open_tree(path) as found:
        assert found.read("a/1.png") == b"one"
        with pytest.raises(DataError, match=r"b/3\.txt in .*tree\.zip must be .*Bad CRC-32"):
            found.read("b/3.txt")


def test_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"not a zip")
    with pytest.raises(DataError, match=r"x\.zip must be a folder or a readable archive"):
        open_tree(tmp_path / "x.zip").__enter__()
    with pytest.raises(DataError, match="Received: No such file or directory"):
        open_tree(tmp_path / "y.zip").__enter__()


def test_truncated_archive_is_refused(write):
    path = write("tree.zip", FILES)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"readable archive \(zip or tar\)"):
        open_tree(path).__enter__()


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_oversized_file_is_not_read(write, name):
    expected = pytest.raises(DataError, match=r"b/3\.txt in .* at most 4 bytes\. Received: 5")
    with open_tree(write(name, FILES)) as found, expected:
        found.read("b/3.txt", 4)


def test_links_to_one_folder_are_refused_before_they_multiply(write):
    """Thirty folders, each with two links to the next one, would be a thousand million."""
    folder = write("tree", {f"{number}/a.png": b"" for number in range(30)})
    for number in range(29):
        for name in "xy":
            (folder / str(number) / name).symlink_to(folder / str(number + 1))
    with pytest.raises(DataError, match="must have links to different folders"), open_tree(folder):
        pass


def test_more_files_than_can_be_listed_are_refused(write, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 2)
    for name in ("tree", "tree.zip", "tree.tar"):
        with pytest.raises(DataError, match="at most 2 files"), open_tree(write(name, FILES)):
            pass


def test_pipes_are_not_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for use in (ListedFiles, lambda path: open_tree(path).__enter__()):
        with pytest.raises(
            DataError, match=r"pipe must be a folder or a file\. Received: a device"
        ):
            use(path)


def test_the_names_in_an_archive_of_the_folder_itself_are_those_below_it(write, tmp_path):
    folder = write("pets", {"cat/1.png": b"one", ".hidden": b"", "notes.txt": b""})
    with tarfile.open(tmp_path / "pets.tar", "w") as archive:
        archive.add(folder, ".")
    with open_tree(tmp_path / "pets.tar") as tree:
        assert sorted(tree.sizes) == ["cat/1.png", "notes.txt"]
        assert tree.folders == {"cat"}
