"""Messages name options: for each option of each command, and for texts of many forms."""

import re

import pytest

import zoo
from zoo.cli import app
from zoo.cli.words.wording import in_options

OPTIONS = {
    name: f"--{name.replace('_', '-')}"
    for name in ("image_size", "classes", "copies", "snapshots", "patience", "resume", "log_dir")
} | {
    "optimizer_arguments": "--optimizer-set",
    "mixup": "--augment mixup",
    "crop_padding": "--augment crop_padding",
}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("classes must be names. Pass classes=.", "--classes must be names. Pass --classes."),
        ("Sorry. classes must be names.", "Sorry. --classes must be names."),
        ("The classes must be names.", "The classes must be names."),
        ("With copies=, snapshots must be None", "With --copies, snapshots must be left out"),
        ("copies or snapshots must be None: no", "--copies or --snapshots must be left out: no"),
        ("Received: copies=3, patience=0.5.", "Received: --copies 3, --patience 0.5."),
        ("Received: image_size=(8, 9).", "Received: --image-size (8, 9)."),
        ("Received: log_dir=None. Go on", "Received: no --log-dir. Go on"),
        ("Pass patience=None in the recipe", "Pass no --patience in the recipe"),
        ("resume=True", "--resume"),
        ('Pass classes="cat" to', "Pass --classes cat to"),
        ("Pass classes='a b' to", "Pass --classes 'a b' to"),
        ("Received: None. Pass", "Received: nothing. Pass"),
        ("Pass None to keep all", "Leave the option out to keep all"),
        ("Leave classes out for all", "Leave --classes out for all"),
        ("path must be a model saved as x", "The model must be saved as x"),
        ("path must be an undamaged .keras model.", "The file must be an undamaged .keras model."),
        ("with zoo.datasets.load(classes=...).", "with --classes."),
        ("zoo.datasets.load(image_size=..., classes=...) to", "--image-size, --classes to"),
        ("Recipe(patience=2), zoo.Recipe()", "--patience 2, zoo.Recipe()"),
        ("if image_size is odd", "if --image-size is odd"),
        ("fetch it with download=True", "fetch it with `zoo data get`"),
        ("Leave out patience, or pass", "Leave out --patience, or pass"),
        ("Leave out copies or snapshots.", "Leave out --copies or --snapshots."),
        (
            "Pass fewer as copies, or more as snapshots.",
            "Pass fewer as --copies, or more as --snapshots.",
        ),
        (
            "Pass optimizer_arguments={'momentum': 0.9, 'nesterov': True}, for example.",
            "Pass --optimizer-set momentum=0.9 --optimizer-set nesterov=True, for example.",
        ),
        ("optimizer_arguments={...}", "--optimizer-set {...}"),
        ("mixup must be 0 with mixup=0.2.", "--augment mixup must be 0 with --augment mixup=0.2."),
        ("crop_padding (pixels) must be 0.", "--augment crop_padding (pixels) must be 0."),
        ("Choose among crop_padding, mixup.", "Choose among crop_padding, mixup."),
        # Not arguments: words in quotes, parts of paths and of longer names.
        ("Received: 'image_size'.", "Received: 'image_size'."),
        ("Received: /tmp/image_size/a, which", "Received: /tmp/image_size/a, which"),
        ("recipes.mlp.patience was 3", "recipes.mlp.patience was 3"),
        ("other_classes=3", "other_classes=3"),
        ("zoo.datasets.load(classes=..., seed=3)", "zoo.datasets.load(--classes, seed=3)"),
    ],
)
def test_arguments_are_written_as_options(message, expected):
    assert in_options(message, OPTIONS) == expected


COMMANDS = {
    "train": ["softmax", "--epochs", "1"],
    "committee": ["softmax", "mlp", "--epochs", "1"],
    "evaluate": ["m.keras", "--data=digits"],
    "models": [],
    "describe": ["cnn"],
    "gradcheck": ["Dense"],
    "predict": ["m.keras", "file"],
    "data show": ["digits"],
    "data get": ["digits"],
    "data cache": [],
    "logs": ["."],
    "inspect": ["m.keras", "--data=digits"],
    "tune": ["softmax", "--vary", "learning_rate=0.1,0.2"],
    "reproduce": ["csc411-faces", "--quick"],
    "weights": [],
}
"""Commands with the words that they need."""

BAD = {
    "--classes": "x",
    "--data": "digit",
    "--import": "gone_module",
    "--log-dir": "file",
    "--optimizer": "sdg",
    "--output": "sheet.gif",
    "--parts": "train=x",
    "--precision": "float7",
    "--root": "gone",
    "--tag": "x",
    "--voting": "loud",
}
"""Values that are wrong although they have the form of the option."""


def options_of(command):
    """The options of a command, and whether each takes a value."""
    arguments = app.parse_commands(command.split())[1][-1].assemble_argument_collection()
    return {
        argument.name: argument.hint is not bool
        and bool not in getattr(argument.hint, "__args__", ())
        for argument in arguments
        if argument.name.startswith("--") and argument.parameter.show is not False
    }


TAKES_ANY_TEXT = ("--storage", "--study-name")
"""Options for which no text is wrong."""

CASES = [
    (command, option, takes_value)
    for command in COMMANDS
    for option, takes_value in options_of(command).items()
    if option not in TAKES_ANY_TEXT
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a saved model and a file."""
    folder = tmp_path_factory.mktemp("folder")
    zoo.build("softmax", input_shape=(8, 8, 1)).save(folder / "m.keras")
    (folder / "file").touch()
    return folder


@pytest.mark.parametrize(("command", "option", "takes_value"), CASES)
def test_the_error_for_a_bad_value_names_the_option(
    zoo_command_in, folder, command, option, takes_value
):
    value = BAD.get(option, "bad") if takes_value else "bad"
    code, _, err = zoo_command_in(folder, *command.split(), *COMMANDS[command], f"{option}={value}")
    lines = [line for line in err.splitlines() if not line.startswith("TensorFlow")]
    assert code == 2
    assert len(lines) == 1
    assert option in lines[0].split("See `")[0]
    words = re.sub("train=|groups=|cutmix=|weight_decay=|--vary dropout=", "", lines[0])
    assert not re.search(r"\b[a-z]\w*=(?!…)", words)


def test_every_command_is_tested():
    names = {name for name in app if not name.startswith("-")} - {"data"}
    names |= {f"data {name}" for name in app["data"] if not name.startswith("-")}
    assert names == {*COMMANDS}
