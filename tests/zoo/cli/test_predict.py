import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.cli import predict as module
from zoo.ensembles import Committee
from zoo.ensembles.answering import pictures
from zoo.text import json_text


@pytest.fixture(scope="module")
def model():
    """File of a committee that takes 6×6 grey, and knows left, right and top."""
    return Path(__file__).parents[2] / "saved" / "majority.keras"


@pytest.fixture(scope="module")
def committee(model):
    return Committee.load(model)


@pytest.fixture
def faces(tmp_path, test_split):
    """Files of the test images, in two folders."""
    for number, image in enumerate(test_split.images[:7]):
        folder = tmp_path / "faces" / ("new" if number > 4 else ".")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{number}.png")
    return tmp_path / "faces"


def test_a_table_has_class_probability_uncertainty_and_every_vote(
    zoo_command, model, faces, committee, test_split
):
    code, out, err = zoo_command("predict", model, "faces")
    assert (code, err) == (0, "")
    header, *rows = out.splitlines()
    titles = ["picture", "class", "share", "of", "votes", "uncertainty"]
    assert header.split() == [*titles, *committee.member_names]
    answers = committee.classify(test_split.images[:7])
    for row, answer in zip(rows, answers, strict=True):
        share = f"{100 * answer.probability:.1f}"
        expected = [answer.class_name, share, "%", f"{answer.uncertainty:.2f}"]
        assert row.split()[1:] == [*expected, *answer.votes.values()]
    assert rows[5].startswith("faces/new/5.png ")


def test_a_run_folder_stands_for_its_committee(zoo_command, model, faces, tmp_path):
    expected = zoo_command("predict", model, "faces")
    code, _, err = zoo_command("predict", tmp_path, "faces")
    assert code == 2
    assert "a run folder that holds one" in err
    (tmp_path / "run").mkdir()
    shutil.copy(model, tmp_path / "run" / "committee.keras")
    assert zoo_command("predict", "run", "faces") == expected


@pytest.mark.parametrize("views", ["flip", "ten_crop"])
def test_views_of_each_picture_are_averaged(
    zoo_command, model, faces, committee, test_split, views
):
    code, out, err = zoo_command("predict", model, "faces", "--views", views, "--json")
    assert (code, err) == (0, "")
    lines = [json.loads(line) for line in out.splitlines()]
    expected = committee.classify(test_split.images[:7], augmentation=views)
    assert [without_source(line) for line in lines] == [
        without_source(json.loads(json_text(answer.to_dict()))) for answer in expected
    ]
    plain = zoo_command("predict", model, "faces", "--json").out.splitlines()
    assert [json.loads(line)["uncertainty"] for line in plain] != [
        line["uncertainty"] for line in lines
    ]


def without_source(answer):
    """An answer without the name of its picture."""
    return {key: value for key, value in answer.items() if key != "source"}


@pytest.mark.usefixtures("tiny_weights")
def test_trained_weights_answer_in_another_precision(zoo_command, faces):
    answers = {}
    for precision in (None, "float32", "mixed_bfloat16"):
        option = ("--precision", precision) if precision else ()
        code, out, err = zoo_command("predict", "tiny/vgg-0", "faces", "--json", *option)
        assert (code, err) == (0, "")
        answers[precision] = [json.loads(line)["probability"] for line in out.splitlines()]
    assert answers[None] == answers["float32"]
    assert answers[None] != answers["mixed_bfloat16"]
    assert np.allclose(answers[None], answers["mixed_bfloat16"], atol=0.05)
    code, _, err = zoo_command("predict", "tiny/vgg-0", "faces", "--precision", "float7")
    assert code == 2
    assert err.startswith("--precision must be a Keras dtype policy such as 'float32'")


def test_json_lines_and_csv_hold_the_same_answers(zoo_command, model, faces):
    _, lines, _ = zoo_command("predict", model, "faces/*.png", "--json")
    answers = [json.loads(line) for line in lines.splitlines()]
    assert [answer["source"] for answer in answers] == [f"faces/{k}.png" for k in range(5)]
    code, out, err = zoo_command("predict", model, "faces/*.png", "--csv")
    assert (code, err) == (0, "")
    for row, answer in zip(csv.DictReader(io.StringIO(out)), answers, strict=True):
        assert row.pop("source") == answer["source"]
        assert row.pop("class") == answer["class"]
        assert float(row.pop("probability")) == pytest.approx(answer["probability"], abs=1e-5)
        assert float(row.pop("uncertainty")) == pytest.approx(answer["uncertainty"], abs=1e-5)
        assert row == answer["votes"]


def test_answers_are_averaged_over_views(zoo_command, model, faces, committee, test_split):
    code, out, err = zoo_command("predict", model, "faces/*.png", "--json", "--views", "flip")
    assert (code, err) == (0, "")
    answers = committee.classify(test_split.images[:5], augmentation="flip")
    for line, answer in zip(out.splitlines(), answers, strict=True):
        assert json.loads(line)["probability"] == pytest.approx(answer.probability, abs=1e-5)


def test_blocks_are_printed_as_one_table(zoo_command, model, faces, monkeypatch):
    _, whole, _ = zoo_command("predict", model, "faces")
    monkeypatch.setattr(pictures, "BLOCK", 2)
    assert zoo_command("predict", model, "faces")[1] == whole


@pytest.mark.filterwarnings("default:.*cannot be read")
def test_a_damaged_picture_stops_or_is_skipped(zoo_command, model, faces):
    (faces / "broken.png").write_bytes(b"no picture")
    code, out, err = zoo_command("predict", model, "faces")
    assert (code, out) == (2, "")
    assert "faces/broken.png" in err
    code, out, err = zoo_command("predict", model, "faces", "--on-error", "skip", "--json")
    assert code == 1
    assert len(out.splitlines()) == 7
    skipped = "faces/broken.png (content of another kind)"
    assert err == f"1 of 8 pictures cannot be read and were skipped: {skipped}\n"


def test_a_model_of_any_size_answers_pictures_of_several_sizes(zoo_command, tmp_path, faces):
    import keras

    inputs = keras.Input((None, None, 1))
    outputs = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling2D()(inputs))
    keras.Model(inputs, outputs).save(tmp_path / "any.keras")
    Image.new("L", (9, 4)).save(faces / "wide.png")
    (faces / "broken.png").write_bytes(b"no picture")
    words = "predict", "any.keras", "faces", "--csv"
    code, out, err = zoo_command(*words, "--on-error", "skip")
    assert code == 1
    rows = [row["source"] for row in csv.DictReader(io.StringIO(out))]
    assert rows == [*(f"faces/{k}.png" for k in range(5)), "faces/new/5.png", "faces/new/6.png",
                    "faces/wide.png"]  # fmt: skip
    assert "1 of 9 pictures cannot be read and were skipped: faces/broken.png" in err


def test_a_picture_whose_name_has_a_line_break_is_skipped(zoo_command, model, faces):
    (faces / "0.png").rename(faces / "two\nlines.png")
    code, out, err = zoo_command("predict", model, "faces")
    assert (code, out) == (2, "")
    assert r"faces/two\nlines.png must have a name in UTF-8 without control characters" in err
    code, out, err = zoo_command("predict", model, "faces", "--on-error", "skip")
    assert (code, len(out.splitlines())) == (1, 7)
    assert r"1 of 7 pictures cannot be read and were skipped: faces/two\nlines.png (must" in err
    assert err.count("\n") == 1


def test_a_damaged_model_is_told_before_tensorflow_starts(zoo_command, model, faces, tmp_path):
    (tmp_path / "half.keras").write_bytes(Path(model).read_bytes()[:2000])
    code, out, err = zoo_command("predict", "half.keras", "faces")
    assert (code, out) == (2, "")
    assert err.startswith("The file must be an undamaged .keras model. Received: half.keras, which")


@pytest.mark.filterwarnings("default:.*left out")
def test_files_of_a_folder_that_are_no_pictures_are_told(zoo_command, model, faces):
    (faces / "anim.gif").write_bytes(b"GIF89a")
    code, out, err = zoo_command("predict", model, "faces", "--csv")
    assert (code, len(out.splitlines())) == (0, 8)
    assert "faces: anim.gif is left out. Reason: they are no images of a format" in err


def test_a_single_model_shows_no_votes(zoo_command, tmp_path, faces):
    zoo.build("softmax", input_shape=(6, 6, 1), num_classes=3).save(tmp_path / "m.keras")
    header, row = zoo_command("predict", "m.keras", "faces/0.png")[1].splitlines()
    assert header.split() == ["picture", "class", "probability", "uncertainty"]
    assert row.split()[1] in "012"


def test_where_the_terminal_is_narrow_the_votes_are_counted(committee, faces, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "74")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setattr(committee, "class_names", ("l" * 6, "r" * 6, "t" * 6))
    monkeypatch.chdir(faces)
    files = [Path("0.png")]
    write = module._table_writer(committee, files)
    write(committee.classify(files))
    header, row = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert "votes" in header.split()
    assert committee.member_names[0] not in header
    assert row.split()[-2] in {"1", "2", "3"} or "," in row


def test_where_the_terminal_is_narrower_answers_are_a_list(committee, faces, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.chdir(faces)
    long_path = Path("0.png").absolute()
    answers = committee.classify([long_path, Path("1.png")])
    module._table_writer(committee, [long_path, Path("1.png")])(answers)
    first, *others = re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert first == str(long_path)
    text = " ".join(line.strip() for line in others[: others.index("1.png")])
    assert text.startswith(f"class: {answers[0].class_name}; share of votes: ")
    assert all(vote in text for vote in answers[0].votes.values())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("gone.keras", "faces"), "gone.keras, which does not exist"),
        (("faces/0.png", "faces"), "which is not a .keras file"),
        (("MODEL", "gone.jpg", "gone/*.png"), "gone.jpg, gone/*.png, where there is no picture"),
        (("MODEL",), "must be followed by FILES"),
        (("MODEL", "faces", "--json", "--csv"), "--json or --csv"),
    ],
)
def test_what_is_missing_is_one_line_and_said_before_tensorflow_is_imported(
    zoo_command, model, faces, monkeypatch, words, expected
):
    monkeypatch.setattr(module, "start_tensorflow", lambda **_: pytest.fail("too early"))
    words = [model if word == "MODEL" else word for word in words]
    code, out, err = zoo_command("predict", *words)
    assert (code, out) == (2, "")
    assert expected in err
    assert err.count("\n") == 1


def test_tensorflow_says_nothing(model, faces):
    words = [sys.executable, "-m", "zoo", "predict", model, faces / "0.png", "--json"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["source"] == f"{faces}/0.png"


def test_a_trained_model_knows_size_colour_and_classes(zoo_command, photos, tmp_path):
    data = zoo.datasets.load("folder", photos, image_size=(7, 9), color="grayscale")
    committee = Committee("softmax", voting="soft")
    committee.fit(data.train, epochs=1, verbose=0)
    committee.save(tmp_path / "m.keras")
    Image.fromarray(np.full((40, 30, 4), 200, "uint8")).save(tmp_path / "large.png")
    answer = json.loads(zoo_command("predict", "m.keras", "large.png", "--json")[1])
    assert answer["class"] in ("cat", "dog", "odd")
