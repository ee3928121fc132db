"""Commands, options, help and errors; nothing here imports TensorFlow."""

import os
import re
import signal
import sys
import warnings
from importlib.metadata import version

import pytest

from tests.zoo.cli.conftest import command_names
from zoo import registry
from zoo.cli import app, main
from zoo.datasets import list_datasets
from zoo.starting import interrupts

LONG = "n" * 5000
"""A word that is longer than a path can be."""

OPTIONS = {
    "models": ["--tag", "--import"],
    "describe": ["--import"],
    "data": [],
    "data show": [
        *("--output", "-o", "--log-dir", "--root", "--classes", "--image-size", "--color"),
        *("--drop-duplicates", "--parts", "--validation", "--test", "--resize", "--on-error"),
    ],
    "data get": ["--root", "--classes", "--parts"],
    "data cache": ["--clear"],
    "train": [
        *("--data", "-d", "--root", "--classes", "--image-size", "--color", "--drop-duplicates"),
        *("--parts", "--validation", "--test", "--resize", "--on-error"),
        *("--epochs", "--batch-size", "--learning-rate"),
        *(
            "--optimizer",
            "--optimizer-set",
            "--patience",
            "--augmentation",
            "--precision",
            "--standardize",
        ),
        *("--class-weight", "--seed", "--log-dir", "--resume", "--quiet", "-q"),
        *("--weights", "--set", "--import", "--recipe", "--targets", "--augment"),
        *("--label-smoothing", "--warm-up", "--plateau", "--plateau-factor"),
        *("--weight-decay-of", "--ema", "--schedule"),
        *("--freeze", "--unfreeze-at", "--layer-decay", "--small-images", "--full-size-at"),
        *("--teacher", "--teacher-temperature", "--teacher-share"),
        *("--histograms", "--saliency", "--features"),
    ],
    "logs": ["--serve", "--port", "--json"],
    "evaluate": [
        *("--data", "-d", "--root", "--classes", "--image-size", "--color", "--drop-duplicates"),
        *("--on-error", "--split", "--views", "--precision", "--output", "-o", "--json"),
        "--import",
    ],
    "inspect": [
        *("--data", "-d", "--root", "--classes", "--image-size", "--color", "--drop-duplicates"),
        *("--on-error", "--split", "--output", "-o", "--quiet", "-q", "--import"),
    ],
    "predict": ["--json", "--csv", "--on-error", "--views", "--precision", "--import"],
    "reproduce": [
        *("--root", "--log-dir", "--quick", "--all", "--list", "--quiet", "-q", "--json"),
        *("--jobs", "--scheduler"),
    ],
    "gradcheck": [
        *("--mode", "--gradients", "--input-shape", "--set", "--second-order", "--seed"),
        *("--json", "--import"),
    ],
}
OPTIONS["weights"] = []
OPTIONS["committee"] = [
    *("--copies", "--snapshots", "--voting", "--together", "--apart", "--resampling"),
    *("--jobs", "--scheduler"),
    *OPTIONS["train"],
]
OPTIONS["tune"] = [
    *("--vary", "--trials", "--sampler", "--pruner", "--seeds", "--metric", "--round-size"),
    *("--confirm", "--storage", "--study-name", "--json", "--jobs", "--scheduler"),
    *(
        word
        for word in OPTIONS["train"]
        if word not in ("--histograms", "--saliency", "--features")
        and not word.startswith("--teacher")
    ),
]
ROW = re.compile(r"^│ [* ]*(\S.*?)(?:  |$)", re.MULTILINE)
"""The first column of the help's tables."""


def test_the_options_of_all_commands_are_known():
    assert sorted(OPTIONS) == sorted(command_names())


@pytest.mark.parametrize("command", OPTIONS)
def test_the_help_of_a_command_lists_its_options(zoo_command, command):
    code, out, err = zoo_command(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"Usage: zoo {command}" in out
    words = " ".join(ROW.findall(out)).split()
    assert sorted(word for word in words if word.startswith("-")) == sorted(OPTIONS[command])


@pytest.mark.parametrize("command", OPTIONS)
def test_the_help_explains_every_argument_and_option(zoo_command, command):
    _, out, _ = zoo_command(*command.split(), "--help")
    rows = re.findall(r"^│ +(?:\* +)?(\S+(?: \S+)*)(.*)│$", out, re.MULTILINE)
    assert all(text.strip() for names, text in rows if names.startswith("-"))
    assert "[default: None]" not in out
    assert "[default: False]" not in out


def test_options_stand_in_groups_with_their_defaults(zoo_command):
    _, out, _ = zoo_command("committee", "--help")
    groups = [line.split()[1] for line in out.splitlines() if line.startswith("╭")]
    assert groups == ["Arguments", "Committee", "Model", "Data", "Recipe", "Teacher", "Run"]
    for default in ("digits", "0.1", "0.2", "majority", "recipe", "0"):
        assert f"[default: {default}]" in " ".join(out.replace("│", " ").split())


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_zoo_alone_shows_the_commands(zoo_command, words):
    code, out, err = zoo_command(*words)
    assert (code, err) == (0, "")
    assert {row.split()[0] for row in ROW.findall(out)} >= {*OPTIONS} - {
        "data show",
        "data get",
        "data cache",
    }
    assert "--debug" in out


def test_the_commands_of_a_beginner_come_first(zoo_command):
    _, out, _ = zoo_command("--help")
    commands = [row.split()[0] for row in ROW.findall(out) if not row.startswith("-")]
    assert [name for name in commands if name in OPTIONS][:3] == ["train", "committee", "predict"]


def test_the_version_is_that_of_the_package(zoo_command):
    assert zoo_command("--version") == (0, f"committee-zoo {version('committee-zoo')}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["modls"], "must be a command. Received: 'modls'; did you mean 'models'?"),
        (
            ["data", "shwo"],
            "must be a command. Received: 'shwo'; did you mean 'show'?",
        ),
        (["describe"], "by NAME. Received: nothing. See `zoo describe --help`."),
        (
            ["describe", "cnn", "mlp"],
            "must not be there. Received: 'mlp'. See",
        ),
        (["describe", "cn"], "did you mean 'cnn'"),
        (["models", "*mpl"], "A pattern must match a registered model. Received: '*mpl'"),
        (
            ["models", "--tga", "conv"],
            "Received: '--tga'; did you mean '--tag'?",
        ),
        (["train", "--name", "softmax"], "must be an option. Received: '--name'"),
        (["train", "softmax", "--no-quiet"], "must be an option. Received: '--no-quiet'"),
        (["train", "softmax", "--epochs"], "--epochs must be followed by a value"),
        (["train", "softmax", "--epochs", "0"], "--epochs must be a whole number of 1 or more"),
        (["train", "softmax", "--epochs", "many"], "1 or more. Received: 'many'"),
        (["train", "softmax", "--data", "digit"], "did you mean 'digits'"),
        (["train", "softmax", "-qd", "digit"], "did you mean 'digits'"),
        (["train", "--data", "cifar10", "-d", "digit", "--", "softmax"], "did you mean 'digits'"),
        (["train", "softmax", "--data", "fer2013", "--root", "nowhere"], "nowhere"),
        (["train", "softmax", "--learning-rate", "-1"], "--learning-rate must be a finite number"),
        (["train", "softmax", "--learning-rate", "fast"], "--learning-rate must be a number"),
        (["train", "softmax", "--validation", "-1"], "--validation must be a fraction"),
        (["train", "softmax", "--seed", "-1"], "--seed must be a whole number of 0 or more"),
        (
            ["train", "softmax", "--augmentation", "keras"],
            "must be one of recipe, none, Image",
        ),
        (["train", "softmax", "--resume"], "--resume must come with --log-dir"),
        (
            ["train", "softmax", "--image-size", "8x"],
            "Write, for example, --image-size 48x64.",
        ),
        (["train", "softmax", "--color", "rgbb"], "did you mean 'rgb'?"),
        (["train", "softmax", "--standardize", "zscore"], "per_image, mean_image"),
        (["train", "softmax", "--class-weight", "balance"], "did you mean 'balanced'?"),
        (["train"], "`zoo train` must be followed by NAME"),
        (["--verison"], "Received: '--verison'; did you mean '--version'?"),
        (["train", "softmax", "--log-dir", ""], "--log-dir must be a path: the text is empty."),
        (["data", "show", "folder", "--root", ""], "--root must be a path: the text is empty."),
        (["data", "show", "folder"], "--root must be the folder or archive of your images. Recei"),
        (["predict", "", "a.jpg"], "MODEL must be a path: the text is empty."),
        (["evaluate", "gone.keras"], "The model must be saved as a .keras file. Received: gone"),
        (["committee", "--resume", "--log-dir", "gone"], "Received: gone, which does not exist."),
        (["committee", "--resume", "--log-dir", "."], "Received: ., which holds no run.json."),
        (["train", "softmax", "--parts", "train=a"], "--parts must be left out, since digits has"),
        (["train", "softmax", "--import", "gone.py"], "Received: 'gone.py', which does not exist"),
        (["train", "softmax", "--import", "./gone"], "Received: './gone', which is no name of a"),
        (["train", "softmax", "--recipe", "x"], "Leave --recipe out for the default recipe."),
        (["train", "gone.keras"], "Received: 'gone.keras', which is no file"),
        (["committee", "softmax", "mlp", "--weights", "a,b"], "Received: 'a,b'"),
        (["committee", "mlp", "--voting", "mean"], "one of majority, soft, geometric. Received"),
        (["committee", "softmax", "--copies", "0"], "--copies must be a whole number"),
        (["committee", "softmax", "mlp", "--resampling", "fold"], "did you mean 'folds'?"),
        (["tune"], "`zoo tune` must be followed by NAME"),
        (["tune", "mlp"], "--vary must be given, for each setting that varies"),
        (["tune", "mlp", "--vary", "dropout"], "--vary must be a setting = its values"),
        (["tune", "mlp", "--vary", "l2=0", "--sampler", "tpee"], "did you mean 'tpe'?"),
        (["tune", "gone.keras", "--vary", "l2=0"], "Received: 'gone.keras', which is no file"),
        (
            ["gradcheck", "Dense", "--mode", "quick"],
            "full, fast. Received: 'quick'",
        ),
        (
            ["gradcheck", "Dense", "--gradients", "none"],
            "must be one of handwritten, auto",
        ),
        (
            ["gradcheck", "Dense", "--input-shape", "5xx"],
            "Write, for example, --input-shape 48,48",
        ),
        (["gradcheck", "Dense", "--set", "units"], "--set must be a name = a value"),
        (["evaluate", f"{LONG}.keras"], "FILE must be a path: File name too long. Rec"),
        (["evaluate", "a.keras", "-o", f"{LONG}.html"], "-o must be a path: File name too long."),
        (["logs", LONG], "FOLDER must be a path: File name too long."),
        (["train", f"{LONG}.keras"], "A member must be a path: File name too long."),
        (["train", "softmax", "--import", f"{LONG}.py"], "--import must be a path: File name too"),
        (["evaluate", "gone.keras", "--split", "best"], "--split must be one of test, validation"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(zoo_command, tmp_path, words, message):
    code, out, err = zoo_command(*words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err
    assert not (tmp_path / "logs").exists()


OUTPUTS = [
    (["evaluate", "gone.keras", "-o", "r.pdf"], "--output must end in .json, .md, .html or .png."),
    (["evaluate", "gone.keras", "-o", "a.md", "-o", "file/a.png"], "file/a.png, where "),
    (["evaluate", "gone.keras", "-o", f"new/{LONG[:300]}.md"], "system says: File name too long."),
    (["evaluate", "gone.keras", "-o", "folder.md"], "folder.md, which is a folder."),
    (["data", "show", "digits", "-o", "d.jpg"], "--output must end in .png. Received: d.jpg."),
    (["data", "show", "digits", "-o", "file/d.png"], "--output must be a file that can be written"),
    (["data", "show", "digits", "--log-dir", "file"], "--log-dir must be a folder that can be"),
    (["train", "softmax", "--log-dir", "file/logs"], "--log-dir must be a folder that can be"),
    (["committee", "softmax", "mlp", "--log-dir", "file"], "file is no folder. Name another path."),
]


@pytest.mark.parametrize(("words", "message"), OUTPUTS)
def test_an_output_that_cannot_be_written_is_told_before_the_work(
    zoo_command, tmp_path, monkeypatch, words, message
):
    def work(*arguments, **options):
        raise AssertionError("the work has begun")

    # This module first: imported later, it would keep the replaced `load` for all other tests.
    monkeypatch.setattr("zoo.ensembles.evaluate.check_files", work)
    monkeypatch.setattr("zoo.datasets.loading.load", work)
    (tmp_path / "file").write_text("a file")
    (tmp_path / "folder.md").mkdir()
    code, out, err = zoo_command(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["logs", "locked/logs"], "FOLDER must be a folder with runs"),
        (["train", "locked/m.keras"], "A member must be a name from"),
        (["inspect", "locked/m.keras"], "--output must be a file that can be written"),
        (["evaluate", "mnist", "-d", "mnist", "--root", "locked/x"], "--root must be the place of"),
        (["reproduce", "inm702-committee", "--root", "locked/data"], "--root must be a file or"),
        (["data", "show", "folder", "--root", "locked/data"], "must be a readable file"),
        (["data", "show", "mnist", "--root", "locked/data"], "none of these files"),
        (["predict", "mnist", "locked/a.png"], "locked/a.png, where there is no picture"),
    ],
)
def test_a_path_in_a_folder_that_must_not_be_entered_is_one_line(
    zoo_command, locked, words, message
):
    code, out, err = zoo_command(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_debug_shows_the_traceback(zoo_command):
    code, _, err = zoo_command("describe", "cn", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("The model must be registered. Received: 'cn'")


def test_a_command_in_a_folder_that_was_deleted_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tmp_path.rmdir()
    with pytest.raises(SystemExit, match="2"):
        main(["logs"])
    assert "must be called in a folder that exists" in capsys.readouterr().err


def test_ctrl_c_is_exit_code_130(zoo_command, monkeypatch):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "describe", interrupted)
    assert zoo_command("describe", "cnn") == (130, "", "stopped\n")


def test_a_command_raises_at_ctrl_c_once_it_runs(zoo_command, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(interrupts, "is_command", lambda: True)
    monkeypatch.setattr(registry, "describe", lambda name: signal.raise_signal(signal.SIGINT))
    try:
        interrupts.end_at_interrupt()
        assert signal.getsignal(signal.SIGINT) is not before
        assert zoo_command("describe", "cnn") == (130, "", "stopped\n")
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL  # the next one ends at once
    finally:
        interrupts.command_runs = False
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("words", [["models"], ["data"], ["describe", "cnn"]], ids=" ".join)
def test_a_pipe_or_file_gets_a_row_of_a_table_in_a_line(zoo_command, monkeypatch, words):
    monkeypatch.setenv("COLUMNS", "40")
    lines = zoo_command(*words)[1].splitlines()
    monkeypatch.setenv("COLUMNS", "200")
    assert lines == zoo_command(*words)[1].splitlines()
    if words == ["data"]:
        assert len(lines) == 1 + len(list_datasets())
        assert all(
            info.source in line for info, line in zip(list_datasets(), lines[1:], strict=True)
        )


PRINTING = [["models"], ["describe", "cnn"], ["logs", ".", "--json"], ["--help"], ["--version"]]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_an_output_on_a_full_disk_is_one_line_and_exit_code_2(zoo_command_in, tmp_path, words):
    with open("/dev/full", "w") as full:
        code, _, err = zoo_command_in(tmp_path, *words, stdout=full)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("Standard output must be writable. Received: No space left on device.")


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_pipe_that_nobody_reads_ends_a_command_in_silence(zoo_command_in, tmp_path, words):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        code, _, err = zoo_command_in(tmp_path, *words, stdout=pipe)
    assert (code, err) == (141, "")


def test_where_standard_error_cannot_be_written_the_exit_code_is_the_same(monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        with pytest.raises(SystemExit) as ended:
            main(["modls"])
    assert ended.value.code == 2


def test_a_closed_output_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        main(["models"])
    sys.stdout.close()
    assert ended.value.code == 0


def test_warnings_for_the_user_are_notes(zoo_command, monkeypatch):
    def warning(name):
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            for _ in range(2):  # printed once
                warnings.warn("Two images are\nthe same.", UserWarning, stacklevel=1)
            warnings.warn("Nothing for users.", DeprecationWarning, stacklevel=1)
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "describe", warning)
    _, _, err = zoo_command("describe", "cnn")
    assert err == "Note: Two images are\nthe same.\nstopped\n"


# Values of options


def options_of(*words):
    """The arguments of the command's function that the words give."""
    _, bound, _ = app.parse_args(list(map(str, words)))
    bound.apply_defaults()
    return bound.arguments


def test_a_negative_number_is_a_value():
    assert options_of("train", "mlp", "--learning-rate", "-1e-3")["recipe"].learning_rate == -0.001


def test_options_are_read_as_values():
    words = "--classes", "angry, happy", "--image-size", "48x64", "--test", 20, "--validation", 0.2
    images = options_of("train", "mlp", *words, "--parts", "train=a+b,test=c")["images"]
    assert images.classes == ["angry", "happy"]
    assert images.image_size == (48, 64)
    assert (images.test, images.validation) == (20, 0.2)
    assert images.parts == {"train": ["a", "b"], "test": ["c"]}


def test_of_a_repeated_option_the_last_counts():
    options = options_of("train", "mlp", "--seed", 1, "--seed=2", "--classes", "a", "--classes=b,c")
    assert options["run"].seed == 2
    assert options["images"].classes == ["b", "c"]


@pytest.mark.parametrize(
    ("words", "value"),
    [([], None), (["--together"], True), (["--apart"], False), (["--together", "--apart"], False)],
)
def test_together_or_apart_or_as_the_recipes_allow(words, value):
    assert options_of("committee", "mlp", "cnn", *words)["together"] is value


def test_some_options_collect_values():
    options = options_of("gradcheck", "Dense", "--set", "a=1", "--set", "b=same", "--set=c=[2]")
    assert options["arguments"] == [("a", 1), ("b", "same"), ("c", [2])]
    options = options_of("gradcheck", "Add", "--input-shape", "3,4", "--input-shape", "(5,)")
    assert options["input_shape"] == [(3, 4), (5,)]
    output = options_of("evaluate", "c.keras", "-o", "a.md", "--output", "b.png")["output"]
    assert list(map(str, output)) == ["a.md", "b.png"]
    assert options_of("models", "--tag", "a", "--tag", "b")["tag"] == ["a", "b"]


def test_words_may_stand_before_or_after_options():
    for words in (["-q", "a", "b"], ["a", "-q", "b"], ["a", "b", "-q"]):
        options = options_of("committee", *words)
        assert options["names"] == ("a", "b")
        assert options["run"].quiet
