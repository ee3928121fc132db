import json
import os
import shutil
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.ensembles import Committee, Member, evaluate
from zoo.ensembles.evaluate import check_files, evaluate_file
from zoo.ensembles.loading import names
from zoo.errors import ArgumentError, DataError
from zoo.recipes import Recipe


def test_classes_and_image_size_may_be_text(monkeypatch, trained_committee, test_split, tmp_path):
    asked = {}

    def load(data, root, **arguments):
        asked.update(arguments)
        return SimpleNamespace(splits={"test": test_split})

    monkeypatch.setattr(evaluate, "load", load)
    file = tmp_path / "a.keras"
    trained_committee.save(file)
    evaluate_file(file, "digits", classes="left, right,top", image_size="6x8")
    assert (asked["classes"], asked["image_size"]) == (["left", "right", "top"], (6, 8))
    evaluate_file(file, "digits", classes=["left", "right"], image_size="6")
    assert (asked["classes"], asked["image_size"]) == (["left", "right"], (6, 6))


def test_a_saved_model_does_not_choose_what_is_fetched(monkeypatch, trained_committee, test_split):
    asked = {}

    def load(data, root, **arguments):
        asked.update(arguments)
        return SimpleNamespace(splits={"test": test_split})

    monkeypatch.setattr(evaluate, "load", load)
    settings = {"name": "digits", "root": None, "seed": 5, "download": True, "cache": False}
    monkeypatch.setattr(Committee, "data_settings", settings)
    evaluate._images(trained_committee, "digits", None, None, {}, "test")
    assert asked["seed"] == 5
    assert not {"download", "cache"} & {*asked}


def test_the_test_part_needs_no_data_set_that_said_what_to_hold_out(
    monkeypatch, trained_committee, test_split
):
    def load(data, root, *, validation, **_):
        if validation == "gone":
            raise DataError("no files")
        return SimpleNamespace(splits={"test": test_split, "validation": test_split})

    monkeypatch.setattr(evaluate, "load", load)
    settings = {"name": "digits", "root": None, "validation": "gone"}
    monkeypatch.setattr(Committee, "data_settings", settings)
    for split in ("test", None):
        images, _ = evaluate._images(trained_committee, "digits", None, None, {}, split)
        assert len(images) == len(test_split)
    with pytest.raises(DataError, match="no files"):
        evaluate._images(trained_committee, "digits", None, None, {}, "validation")


def test_size_and_colour_come_from_the_model_where_the_training_left_them_open(
    monkeypatch, trained_committee, test_split
):
    asked = {}

    def load(data, root, **arguments):
        asked.update(arguments)
        return SimpleNamespace(splits={"test": test_split})

    monkeypatch.setattr(evaluate, "load", load)
    settings = {"name": "digits", "root": None, "image_size": None, "color": None}
    monkeypatch.setattr(Committee, "data_settings", settings)
    evaluate._images(trained_committee, "digits", None, None, {}, "test")
    height, width, channels = trained_committee.input_shape[1:]
    assert asked["image_size"] == (height, width)
    assert asked["color"] == {1: "grayscale", 3: "rgb"}[channels]


def write_photos(root, folders, count, seed):
    """Write noise, brighter for each class, as PNG files into class folders."""
    rng = np.random.default_rng(seed)
    for level, name in enumerate(folders):
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 90, (9, 8)) + 60 * (level % 3)
            Image.fromarray(pixels.astype("uint8")).save(folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that was trained on a folder of 60 photos, 8×9 and crop: file, and photos."""
    home = tmp_path_factory.mktemp("trained")
    photos = write_photos(home / "photos", ("cat", "dog", "owl"), 20, seed=0)
    data = zoo.datasets.load(
        "folder", photos, image_size=(6, 5), resize="crop", seed=3, test=0.3, validation=4,
        drop_duplicates=True, cache=False,
    )  # fmt: skip
    committee = Committee(Member("softmax", recipe=Recipe(batch_size=16, epochs=1)), voting="soft")
    committee.fit(data.train, verbose=0)
    committee.save(home / "m.keras")
    return home / "m.keras", photos, data


def test_the_data_and_how_it_was_loaded_come_from_the_saved_model(trained):
    file, photos, data = trained
    assert check_files(file) == ("folder", str(photos))
    for split, images in data.splits.items():
        report = evaluate_file(file, split=split)
        assert report.leaderboard.n == len(images)
        assert report.trained_on == (len(images) if split == "train" else 0)
    assert evaluate_file(file).split == "test"


def test_a_folder_of_new_pictures_is_judged_whole(trained, tmp_path):
    new = write_photos(tmp_path / "new", ("cat", "dog", "owl"), 20, seed=1)
    report = evaluate_file(trained[0], root=new)
    assert (report.split, report.leaderboard.n) == ("all images", 60)
    assert evaluate_file(trained[0], "folder", root=new).to_dict() == report.to_dict()
    with pytest.raises(ArgumentError, match=r"split must be .*: train\. Received: 'test'"):
        evaluate_file(trained[0], root=new, split="test")


FOLDERS = {
    "class folders": ["cat", "dog", "owl"],
    "test alone": ["test/cat", "test/dog", "test/owl"],
    "test with two classes": ["Testing/owl", "Testing/cat"],
    "validation alone": ["validation/cat", "validation/dog"],
    "train alone": ["train/dog"],
    "train and validation, without test": ["train/cat", "train/owl", "val/cat"],
    "one class": ["dog"],
    "test with one class": ["test/dog"],
    "one class in a folder": ["mine/pictures/dog"],
    "one class in more folders": ["dog/summer"],
}


@pytest.fixture
def committee():
    """What is asked of a committee that was trained on other pictures."""
    return SimpleNamespace(
        data_settings=None,
        input_shape=(None, 6, 5, 1),
        class_names=("cat", "dog", "owl"),
        trained_on=np.array([], np.uint64),
    )


@pytest.mark.parametrize("pack", [None, "zip", "gztar"])
@pytest.mark.parametrize("folders", FOLDERS.values(), ids=FOLDERS)
def test_new_pictures_in_any_folders_are_judged_whole(committee, tmp_path, folders, pack):
    new = write_photos(tmp_path / "new", folders, 3, seed=1)
    if pack:
        new = shutil.make_archive(tmp_path / "packed", pack, new)
    if folders == ["mine/pictures/dog"]:
        with pytest.raises(DataError, match=r"cat, dog, owl\. Received: pictures\. Rename or"):
            evaluate._images(committee, "folder", new, None, {}, None)
        return
    split = evaluate._images(committee, "folder", new, None, {}, None)[0]
    classes = [name for folder in folders for name in folder.split("/") if name in "cat dog owl"]
    assert (split.name, len(split)) == ("all images", 3 * len(folders))
    assert split.class_names == ("cat", "dog", "owl")
    assert split.class_counts == {name: 3 * classes.count(name) for name in ("cat", "dog", "owl")}


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_split_that_is_alone_can_be_named(committee, tmp_path, part):
    new = write_photos(tmp_path / "new", [f"{part}/owl"], 2, seed=1)
    assert len(evaluate._images(committee, "folder", new, None, {}, part)[0]) == 2
    with pytest.raises(ArgumentError, match=rf"must be a split of folder: {part}\. Received: 'tr"):
        evaluate._images(committee, "folder", new, None, {}, "train")


def test_a_report_on_one_class_is_whole(trained, tmp_path):
    new = write_photos(tmp_path / "new", ["owl"], 6, seed=1)
    report = evaluate_file(trained[0], root=new)
    assert [score.support for score in report.classes] == [0, 0, 6]
    assert report.to_dict()["committee"]["accuracy"]["n"] == 6
    assert "owl" in str(report)
    for name in ("report.json", "report.md", "report.png"):
        report.save(tmp_path / name)


@pytest.mark.parametrize("classes", ["owl,cat", "owl,dog,cat"])
def test_classes_of_the_training_data_are_told_by_their_names(trained, classes):
    report = evaluate_file(trained[0], classes=classes)
    counts = {score.name: score.support for score in report.classes}
    (_, _, data), wanted = trained, classes.split(",")
    assert counts == {name: data.test.class_counts[name] * (name in wanted) for name in counts}
    assert list(counts) == ["cat", "dog", "owl"]


def test_of_new_pictures_with_a_train_part_the_test_part_is_judged(trained, tmp_path):
    for part, count in (("train", 6), ("test", 4)):
        write_photos(tmp_path / "new" / part, ("cat", "dog", "owl"), count, seed=count)
    assert evaluate_file(trained[0], root=tmp_path / "new").leaderboard.n == 12
    assert evaluate_file(trained[0], root=tmp_path / "new", split="train").leaderboard.n == 18


def test_classes_are_told_by_their_names_and_unknown_classes_are_refused(committee, tmp_path):
    new = write_photos(tmp_path / "new", ("ant", "owl", "dog"), 5, seed=1)
    expected = r"that the model knows: cat, dog, owl\. Received: ant\. Rename or .* pass classes="
    with pytest.raises(DataError, match=expected):
        evaluate._images(committee, "folder", new, None, {}, None)
    taken = evaluate._images(committee, "folder", new, ["dog", "owl"], {}, None)[0]
    assert taken.class_counts == {"cat": 0, "dog": 5, "owl": 5}
    for classes in (["cat"], ["owl", "bee"]):
        with pytest.raises(DataError, match="the model knows: cat, dog, owl"):
            evaluate._images(committee, "folder", new, classes, {}, None)
    with pytest.raises(DataError, match=r"to take: cat, .*Received: images of ant, dog, owl\."):
        evaluate._images(committee, "folder", new, ["cat"], {}, None)


def test_pictures_without_class_folders_cannot_be_judged(committee, tmp_path):
    new = write_photos(tmp_path / "new", ["test"], 2, seed=1)
    with pytest.raises(DataError, match=r"test/<class>/<image>\. Received: 2 images outside"):
        evaluate._images(committee, "folder", new, None, {}, None)


def test_duplicates_among_new_pictures_are_dropped_if_asked(committee, tmp_path):
    for name in ("test/cat", "train/cat", "train/dog"):
        write_photos(tmp_path / "new", [name], 3, seed=1)
    new = tmp_path / "new"
    assert len(evaluate._images(committee, "folder", new, None, {}, "train")[0]) == 6
    assert (
        len(evaluate._images(committee, "folder", new, None, {"drop_duplicates": True}, "test")[0])
        == 3
    )
    with pytest.raises(DataError, match="names of the classes"):
        evaluate._images(committee, "folder", new, None, {"drop_duplicates": True}, "train")


def test_damaged_new_pictures_are_skipped_if_asked(trained, tmp_path):
    new = write_photos(tmp_path / "new", ("cat", "dog"), 3, seed=1)
    (new / "cat" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png .* must be a readable image"):
        evaluate_file(trained[0], "folder", root=new)
    with pytest.warns(UserWarning, match=r"broken\.png"):
        report = evaluate_file(trained[0], "folder", root=new, on_error="skip")
    assert report.leaderboard.n == 6


def test_data_that_has_moved_is_known_by_its_images(trained, tmp_path):
    file, photos, data = trained
    moved = photos.rename(photos.parent / "moved")
    try:
        expected = r"must still be there\. Received: .*photos, which does not exist\. Pass root="
        with pytest.raises(DataError, match=expected):
            check_files(file)
        report = evaluate_file(file, root=moved)
    finally:
        moved.rename(photos)
    assert (report.split, report.leaderboard.n, report.trained_on) == ("test", len(data.test), 0)


def test_a_model_without_data_needs_the_name_of_the_data(trained_committee, tmp_path):
    trained_committee.save(tmp_path / "arrays.keras")
    with pytest.raises(ArgumentError, match=r"data= must name a data set\. Received: none"):
        evaluate_file(tmp_path / "arrays.keras")


@pytest.mark.parametrize(
    ("data", "root", "expected"),
    [
        ("digit", None, "did you mean 'digits'"),
        ("mnist", "gone", "gone, which does not exist"),
        ("folder", "gone", "gone, which does not exist"),
    ],
)
def test_missing_data_is_an_error_before_tensorflow_is_imported(trained, data, root, expected):
    with pytest.raises(DataError, match=expected):
        check_files(trained[0], data, root)


def saved_by_a_stranger(path, root):
    """Write a saved model that names a place, as far as it is looked at before TensorFlow."""
    config = {"config": {"data_settings": {"name": "folder", "root": root}}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    return path


@pytest.mark.parametrize(
    "place",
    [
        *("//server/share", "\\\\server\\share", "/\\server/share", "https://example.org/a.zip"),
        *("file:///etc", "photos", "~/photos", "../photos", "/net/server/share", "/dev/tty"),
        *("/home/../proc/self", "/sys", "/tmp/\x1b[2J", "/tmp/a\nb", 5, ["/tmp"], ""),
    ],
)
def test_a_saved_model_cannot_name_an_address_or_a_device(tmp_path, monkeypatch, place):
    file = saved_by_a_stranger(tmp_path / "stranger.keras", place)
    description = json.loads(zipfile.ZipFile(file).read("config.json"))
    monkeypatch.setattr(names, "saved_description", lambda file: description)

    def only_at_the_model(look):
        return lambda path: look(path) if path == file else pytest.fail(f"looked at {path}")

    for touch in ("exists", "isfile", "isdir", "realpath"):
        monkeypatch.setattr(f"os.path.{touch}", only_at_the_model(getattr(os.path, touch)))
    with pytest.raises(DataError, match=r"must be the path of a file or folder on this machine\."):
        check_files(file)
    assert evaluate.place_of_training(file, root="elsewhere") is None
    assert evaluate.place_of_training(file, "digits") is None


@pytest.mark.parametrize("settings", [None, 5, [], {"name": 5}, {"name": "folder", "root": None}])
def test_damaged_settings_of_a_saved_model_are_an_error_of_zoo(tmp_path, monkeypatch, settings):
    file = tmp_path / "m.keras"
    description = {"config": {"data_settings": settings}}
    monkeypatch.setattr(names, "saved_description", lambda file: description)
    with pytest.raises((ArgumentError, DataError)):
        check_files(file)


def test_a_saved_model_cannot_lead_to_a_pipe_or_by_a_link_to_a_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev")
    for name in ("pipe", "link"):
        file = saved_by_a_stranger(tmp_path / "m.keras", str(tmp_path / name))
        with pytest.raises(DataError, match=rf"{name}, which is no file or folder\. Pass root="):
            check_files(file)


def test_an_error_does_not_say_what_is_at_a_place_that_the_model_names(
    committee, tmp_path, monkeypatch
):
    root = str(write_photos(tmp_path / "secret", ["diary", "letters"], 2, seed=1))
    committee.data_settings = {"name": "folder", "root": root}
    monkeypatch.setattr(Committee, "load", lambda file: committee)
    file = saved_by_a_stranger(tmp_path / "m.keras", root)
    with pytest.raises(DataError, match=r"secret, which .*\. Name the place yourself") as raised:
        evaluate_file(file)
    assert "diary" not in str(raised.value)
    assert raised.value.__suppress_context__
    with pytest.raises(DataError, match="diary"):
        evaluate_file(file, root=root)
