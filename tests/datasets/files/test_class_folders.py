import pytest

from zoo.datasets.files.class_folders import class_folders
from zoo.datasets.files.tree import open_tree
from zoo.errors import DataError


@pytest.fixture(params=["tree", "tree.zip"])
def layout(request, write):
    def layout(*paths):
        with open_tree(write(request.param, dict.fromkeys(paths, b""))) as tree:
            return class_folders(tree)

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


def test_other_files_and_loose_images_are_left_alone(layout):
    found = layout("cat/1.png", "dog/1.png", "dog/Thumbs.db", "README.md", "cover.png", "cat/a.svg")
    assert found == {"train": {"cat": ["cat/1.png"], "dog": ["dog/1.png"]}}


# paths, what the message has to say
BAD_LAYOUTS = [
    (["1.png"], "Received: no folder"),
    (["cat/1.png"], "at least two classes. Received: cat"),
    (["a/b/cat/1.png", "a/b/dog/1.png"], "at least two classes. Received: b"),
    (["cat/1.png", "dog/notes.txt"], "dog in "),
    (["train/cat/1.png", "train/dog/1.png", "test/1.png"], "test must hold"),
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


def test_images_in_other_formats_are_left_out_with_a_warning(layout):
    with pytest.warns(UserWarning, match=r"2 images such as cat/2\.gif are left out"):
        found = layout("cat/1.png", "cat/2.gif", "dog/1.png", "dog/3.TIFF", "dog/notes.txt")
    assert found["train"] == {"cat": ["cat/1.png"], "dog": ["dog/1.png"]}
