from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import zoo.datasets
from zoo.ensembles import Committee, Member, evaluate
from zoo.ensembles.evaluate import check_files, evaluate_file
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


@pytest.mark.parametrize(
    "folders", [("test/cat", "test/dog", "test/owl"), ("Testing/owl", "Testing/cat")]
)
def test_a_folder_with_a_test_part_only_is_judged_whole(trained, tmp_path, folders):
    new = write_photos(tmp_path / "new", folders, 5, seed=1)
    report = evaluate_file(trained[0], root=new)
    assert report.leaderboard.n == 5 * len(folders)
    assert report.class_names == ("cat", "dog", "owl")


def test_of_new_pictures_with_a_train_part_the_test_part_is_judged(trained, tmp_path):
    for part, count in (("train", 6), ("test", 4)):
        write_photos(tmp_path / "new" / part, ("cat", "dog", "owl"), count, seed=count)
    assert evaluate_file(trained[0], root=tmp_path / "new").leaderboard.n == 12
    assert evaluate_file(trained[0], root=tmp_path / "new", split="train").leaderboard.n == 18


def test_classes_are_told_by_their_names_and_unknown_classes_are_left_out(trained, tmp_path):
    new = write_photos(tmp_path / "new", ("ant", "owl", "dog"), 5, seed=1)
    with pytest.warns(UserWarning, match=r"5 of 15 images are left out: .* \(ant\)"):
        report = evaluate_file(trained[0], root=new)
    assert [score.support for score in report.classes] == [0, 5, 5]
    other = write_photos(tmp_path / "other", ("ant", "bee"), 2, seed=1)
    with pytest.raises(DataError, match=r"cat, dog, owl\. Received: ant, bee\. Rename"):
        evaluate_file(trained[0], root=other)


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
