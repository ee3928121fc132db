import re

from PIL import Image

import zoo
from zoo.cli.data import data


def rows_of(text):
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


def test_data_alone_lists_the_sets(zoo_command):
    code, out, _ = zoo_command("data")
    assert code == 0
    assert all(name in out for name in ("digits", "fer2013", "folder", "mnist"))


def test_the_help_of_data_lists_its_commands(zoo_command):
    _, out, _ = zoo_command("data", "--help")
    assert all(f"│ {name} " in out for name in data if not name.startswith("-"))


def test_get_fetches_nothing_that_only_people_may(zoo_command, tmp_path):
    code, _, err = zoo_command("data", "get", "fer2013", "--root", tmp_path / "here")
    assert code == 2
    assert "kaggle.com/datasets/msambare/fer2013" in err
    code, _, err = zoo_command("data", "get", "imagenet")
    assert code == 2
    assert "The data set must be registered. Received: 'imagenet'" in err


def test_cache_lists_and_clears(zoo_command, tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
        (tmp_path / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / "pets" / name)
    zoo.datasets.load("folder", tmp_path / "pets", test=0, validation=0)
    _, out, _ = zoo_command("data", "cache")
    assert "train 4" in out
    assert "1 entries" in out
    assert "0 entries" in zoo_command("data", "cache", "mnist", "--clear")[1]
    assert "did you mean 'mnist'" in zoo_command("data", "cache", "mnits")[2]
    assert "deleted from" in zoo_command("data", "cache", "--clear")[1]
    assert "0 entries" in zoo_command("data", "cache")[1]


def test_show_counts_the_images_of_classes(zoo_command):
    _, out, _ = zoo_command("data", "show", "digits", "--classes", "3,5")
    rows = rows_of(out)
    assert rows[0][:3] == ["digits:", "8×8", "pixels,"]
    digits = zoo.datasets.load("digits", classes=["3", "5"])
    counts = [split.class_counts["3"] for split in (digits.train, digits.validation, digits.test)]
    assert rows[2] == ["3", *map(str, counts)]


def test_shares_may_be_numbers_of_images(zoo_command):
    _, out, _ = zoo_command("data", "show", "digits", "--validation", "10", "--test", "20")
    assert [row[2:] for row in rows_of(out) if row[:1] == ["3"]] == [["10", "20"]]


def test_parts_are_only_for_data_sets_that_have_some(zoo_command):
    code, _, err = zoo_command("data", "show", "digits", "--parts", "train=train")
    assert code == 2
    assert "parts" in err


def test_show_prints_that_no_image_is_there_twice(zoo_command):
    code, out, err = zoo_command("data", "show", "digits")
    assert (code, err) == (0, "")
    assert out.rstrip().splitlines()[-1] == "No two images are the same, pixel for pixel."


def test_show_counts_duplicates_or_drops_them(zoo_command, photos):
    show = "data", "show", "folder", "--root", photos
    _, out, _ = zoo_command(*show)
    assert [row[1] for row in rows_of(out) if row[:1] == ["test"]] == ["25"]
    assert "2 of 86 images; 1 set of identical images with different labels" in out
    assert "--drop-duplicates" in out
    _, out, _ = zoo_command(*show, "--drop-duplicates")
    assert "No two images are the same" in out
    assert "--drop-duplicates" not in out


def test_show_draws_and_tells_which_file_it_replaces(zoo_command, tmp_path):
    words = "data", "show", "digits", "--output", "digits.png"
    code, out, err = zoo_command(*words, "--log-dir", "logs of mine")
    assert (code, err) == (0, "")
    assert "Saved: digits.png" in out
    assert re.search(r"tensorboard'? --logdir 'logs of mine'$", out.rstrip())
    with Image.open(tmp_path / "digits.png") as picture:
        assert picture.width > picture.height > 500
    assert list((tmp_path / "logs of mine" / "data").glob("*.tfevents.*"))
    assert "Replaced: digits.png" in zoo_command(*words)[1]


def test_show_draws_png_files_only(zoo_command):
    code, _, err = zoo_command("data", "show", "digits", "-o", "digits.gif")
    assert code == 2
    assert err == "--output must end in .png. Received: digits.gif. Rename it.\n"
    code, _, err = zoo_command("data", "show", "digits", "--log-dir", "/dev/null")
    assert code == 2
    assert "--log-dir must be a folder" in err
