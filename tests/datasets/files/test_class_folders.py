import pytest

from zoo.datasets.files.class_folders import class_folders, class_folders_to_judge
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError

SUFFIXES = (".jpg", ".png", ".webp")


@pytest.fixture(params=["tree", "tree.zip"])
def layout(request, write):
    def layout(*paths):
        with open_tree(write(request.param, dict.fromkeys(paths, b""))) as tree:
            images = [name for name in sorted(tree.sizes) if name.lower().endswith(SUFFIXES)]
            return class_folders(tree, images)

    return layout


def test_classes_side_by_side(layout):
    assert layout("dog/b.png", "cat/a.JPG", "dog/a.webp") == {
        "train": {"cat": ["cat/a.JPG"], "dog": ["dog/a.webp", "dog/b.png"]}
    }


@pytest.mark.parametrize("train", ["train", "Training"])
@pytest.mark.parametrize("validation", ["validation", "valid", "VAL"])
@pytest.mark.parametrize("test", ["test", "testing"])
def test_splits_by_any_of_their_names(layout, train, validation, test):
    folders = {"train": train, "validation": validation, "test": test}
    found = layout(*(f"{folder}/{name}/1.png" for folder in folders.values() for name in "ab"))
    assert list(found) == ["train", "validation", "test"]
    for split, folder in folders.items():
        assert found[split] == {"a": [f"{folder}/a/1.png"], "b": [f"{folder}/b/1.png"]}


def test_one_top_folder_above_classes_is_looked_through(layout):
    assert layout("pets/cat/1.png", "pets/dog/1.png")["train"].keys() == {"cat", "dog"}


def test_one_top_folder_above_splits_is_looked_through(layout):
    found = layout("pets/train/cat/1.png", "pets/train/dog/1.png")
    assert found == {"train": {"cat": ["pets/train/cat/1.png"], "dog": ["pets/train/dog/1.png"]}}


def test_images_below_class_folders_belong_to_the_class(layout):
    found = layout("cat/2019/may/1.png", "cat/1.png", "dog/1.png")
    assert found["train"]["cat"] == ["cat/1.png", "cat/2019/may/1.png"]


def test_a_class_has_the_same_name_from_macos_and_from_other_systems(layout):
    apart, composed = "Mu\u0308ller", "M\u00fcller"
    found = layout(
        "train/cat/1.png", f"train/{apart}/1.png", "test/cat/1.png", f"test/{composed}/2.png"
    )
    assert found["train"][composed] == [f"train/{apart}/1.png"]
    assert found["test"][composed] == [f"test/{composed}/2.png"]


def test_files_that_are_left_out_are_named(layout):
    with pytest.warns(UserWarning, match="left out") as warned:
        found = layout("cat/1.png", "dog/1.png", "dog/notes.txt", "README.md", "cover.png", "cat/a")
    assert found == {"train": {"cat": ["cat/1.png"], "dog": ["dog/1.png"]}}
    loose, others = [str(warning.message) for warning in warned]
    assert "cover.png is left out. Reason: they are images outside" in loose
    assert "2 files such as cat/a are left out. Reason: they are no images" in others


@pytest.mark.parametrize("folder", ["@eaDir", ".thumbnails", "__MACOSX", "#recycle"])
def test_what_systems_make_for_themselves_is_no_image_and_no_class(layout, folder):
    files = ("cat/1.png", "dog/1.png", "dog/Thumbs.db", "dog/.DS_Store", "dog/.hidden.png")
    thumbnails = (f"{folder}/cat/1.png", f"cat/{folder}/1.png/thumbnail.jpg", f"{folder}/2.png")
    found = layout(*files, *thumbnails)
    assert found == {"train": {"cat": ["cat/1.png"], "dog": ["dog/1.png"]}}


@pytest.mark.parametrize("test", [("test/1.png",), ("test/unknown/1.png",)])
def test_a_test_folder_without_classes_is_left_out(layout, test):
    with pytest.warns(UserWarning, match=r"/test holds 1 images .*`zoo predict MODEL .*/test`"):
        found = layout("train/cat/1.png", "train/dog/1.png", *test)
    assert found == {"train": {"cat": ["train/cat/1.png"], "dog": ["train/dog/1.png"]}}


# paths, what the message has to say
BAD_LAYOUTS = [
    (["1.png"], "Received: no folder"),
    (["cat/1.png"], "at least two classes. Received: cat"),
    (["a/b/cat/1.png", "a/b/dog/1.png"], "at least two classes. Received: b"),
    (["cat/1.png", "dog/notes.txt"], "dog in "),
    (["train/cat/1.png", "train/dog/1.png", "test/cat/1.png"], "test must hold"),
    (["train/cat/1.png", "train/dog/1.png", "more/dog/1.png"], "folders more, train"),
    (["test/cat/1.png", "test/dog/1.png"], "folders test"),
    (["train/a/1.png", "train/b/1.png", "val/a/1.png", "valid/b/1.png"], "each once"),
    (
        ["train/cat/1.png", "train/dog/1.png", "test/cat/1.png", "test/owl/1.png"],
        "the same classes in train and test. Received: dog, owl in only one",
    ),
]


@pytest.mark.parametrize(("paths", "message"), BAD_LAYOUTS)
def test_what_cannot_be_told_apart_is_refused(layout, paths, message):
    with pytest.raises(DataError) as raised:
        layout(*paths)
    assert message in str(raised.value)
    assert "tree" in str(raised.value)


@pytest.fixture(params=["tree", "tree.zip"])
def to_judge(request, write):
    def to_judge(*paths, known=("a", "b", "c")):
        with open_tree(write(request.param, dict.fromkeys(paths, b""))) as tree:
            images = [name for name in sorted(tree.sizes) if name.endswith(".png")]
            return class_folders_to_judge(tree, images, known)

    return to_judge


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("top", ["", "new/"])
def test_to_judge_a_split_may_be_alone(to_judge, split, top):
    assert to_judge(f"{top}{split}/a/1.png") == {split: {"a": [f"{top}{split}/a/1.png"]}}


def test_to_judge_every_split_has_all_classes(to_judge):
    found = to_judge("train/a/1.png", "test/b/1.png", "test/b/2.png")
    assert found == {
        "train": {"a": ["train/a/1.png"], "b": []},
        "test": {"a": [], "b": ["test/b/1.png", "test/b/2.png"]},
    }


def test_to_judge_a_single_folder_is_a_class_if_the_model_knows_it(to_judge):
    path = "b/summer/1.png"
    assert to_judge(path) == {"train": {"b": [path]}}
    assert to_judge(path, known=()) == {"train": {"summer": [path]}}


def test_to_judge_images_outside_of_class_folders_are_left_out(to_judge):
    with pytest.warns(UserWarning, match=r"test/1\.png is left out\. Reason: they are images out"):
        assert list(to_judge("train/a/1.png", "test/1.png")) == ["train"]


@pytest.mark.parametrize("path", ["1.png", "test/1.png", "test/a/notes.txt"])
def test_to_judge_some_images_must_be_in_class_folders(to_judge, path):
    with pytest.raises(DataError, match=r"hold <class>/<image>, or test/<class>/<image>"):
        to_judge(path)


@pytest.mark.parametrize("paths", [("a/1.png", "test/a/1.png"), ("val/a/1.png", "valid/a/1.png")])
def test_to_judge_folders_of_splits_stand_alone(to_judge, paths):
    with pytest.raises(DataError, match="each once"):
        to_judge(*paths)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0"


@pytest.mark.parametrize("name", ["tree", "tree.zip"])
def test_files_of_a_kind_that_is_not_read_are_named(write, name):
    files = {"cat/1.HEIC": HEIC, "cat/2.HEIC": HEIC, "dog/1.png": b""}
    convert = "Convert those that are pictures to JPEG or PNG"
    with open_tree(write(name, files)) as tree:
        received = r"2 files such as cat/1\.HEIC, a HEIC file, which is not read"
        with pytest.raises(DataError, match=rf"cat in .* Received: {received}\. {convert}"):
            class_folders(tree, ["dog/1.png"])
        received = r"3 files such as cat/1\.HEIC, a HEIC file, which is not read"
        with pytest.raises(DataError, match=rf"hold <class>.* Received: {received}\. {convert}"):
            class_folders_to_judge(tree, [], ["cat", "dog"])


def test_a_class_without_files_is_told_to_be_empty(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    with open_tree(tmp_path) as tree, pytest.raises(DataError, match=r"Received: none\. Add some"):
        class_folders(tree, [])
