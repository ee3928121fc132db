import pytest
from PIL import Image

from zoo.ensembles.answering.files import picture_files
from zoo.errors import ArgumentError, DataError


@pytest.fixture
def photos(tmp_path):
    """Pictures in folders, beside a text, a hidden picture, and a name with brackets."""
    for name in ("b.PNG", "a.jpg", "new/c.webp", "new/deep/d.bmp", ".e.jpg", "new/.f/g.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2)).save(path, format="png")
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    Image.new("L", (2, 2)).save(tmp_path / "photos" / "[1].png")
    return tmp_path / "photos"


def names(files, photos):
    return [file.relative_to(photos).as_posix() for file in files]


def test_a_folder_means_the_visible_pictures_in_it_and_in_its_folders(photos):
    with pytest.warns(
        UserWarning, match=r"photos: notes\.txt is left out\. Reason: they are no im"
    ):
        found = picture_files([photos])
    assert names(found, photos) == ["[1].png", "a.jpg", "b.PNG", "new/c.webp", "new/deep/d.bmp"]


@pytest.mark.filterwarnings("default:.*left out")  # a pattern may mean folders
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["a.jpg"]),
        ("?.*", ["a.jpg", "b.PNG"]),
        ("n*", ["new/c.webp", "new/deep/d.bmp"]),  # a folder, and a text
        ("**/*.bmp", ["new/deep/d.bmp"]),
        ("**", ["[1].png", "a.jpg", "b.PNG", "new/c.webp", "new/deep/d.bmp"]),
    ],
)
def test_a_pattern_that_the_shell_left_is_expanded(photos, pattern, expected):
    assert names(picture_files([f"{photos}/{pattern}"]), photos) == expected


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("*.*", r"photos/\*\.\*: \S+/notes\.txt is"), ("**", r"photos: notes\.txt is")],
)
def test_a_pattern_that_means_other_files_says_so_once(photos, pattern, told):
    with pytest.warns(UserWarning, match=rf"{told} left out\. Reason: they are no im") as caught:
        picture_files([f"{photos}/{pattern}"])
    assert len(caught) == 1


def test_a_file_is_meant_by_its_name_whatever_its_suffix_and_letters(photos):
    paths = [photos / "notes.txt", str(photos / "[1].png"), photos / "a.jpg"]
    assert names(picture_files(paths), photos) == ["notes.txt", "[1].png", "a.jpg"]


def test_a_broken_link_is_left_to_those_who_read_it(photos):
    (photos / "broken.png").symlink_to("gone.png")
    assert names(picture_files([photos / "broken.png"]), photos) == ["broken.png"]


def test_all_paths_without_a_picture_are_named(photos):
    (photos / "empty").mkdir()
    missing = [f"gone{k}.jpg" for k in range(5)]
    with pytest.raises(DataError, match=r"empty, gone0\.jpg.* and 2 more, where there is no pic"):
        picture_files([photos / "empty", photos / "a.jpg", *missing, f"{photos}/*.gif"])


def test_a_picture_in_a_folder_that_must_not_be_entered_is_no_traceback(locked):
    with pytest.raises(DataError, match=r"a\.jpg, where there is no picture .*Check the paths"):
        picture_files([locked / "a.jpg"])


def test_what_is_no_path_is_refused():
    with pytest.raises(ArgumentError, match="must be a path"):
        picture_files([3])
