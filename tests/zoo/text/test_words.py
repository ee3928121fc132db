import pytest

from zoo.text import did_you_mean, error_of_traceback, percent, unknown_name

KNOWN = ["cnn", "Deep_MLP", "bn_mlp", "bn_mlp2"]


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("cn", "; did you mean 'cnn'?"),
        ("CNN", "; did you mean 'cnn'?"),  # letter case does not matter
        ("deepmlp", "; did you mean 'Deep_MLP'?"),
        ("bn_ml", "; did you mean 'bn_mlp' or 'bn_mlp2'?"),
        ("transformer", "."),
        ("", "."),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest_names(word, end):
    assert did_you_mean(word, KNOWN) == end


def test_an_unknown_name_lists_the_close_and_all_registered_names():
    message = unknown_name("model", "cn", {"mlp", "cnn"}, "Import your module.")
    assert message == (
        "The model must be registered. Received: 'cn'; did you mean 'cnn'? Registered: cnn, mlp. "
        "Import your module."
    )


def test_an_unknown_name_may_be_no_text():
    assert unknown_name("model", ["cnn"], {"mlp"}, "Import.").startswith(
        "The model must be registered. Received: ['cnn']"
    )


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.4714, "47.1 %"), (0, "0.0 %"), (1, "100.0 %"), (0.9996, "100.0 %")]
)
def test_percentages_have_one_decimal(fraction, text):
    assert percent(fraction) == text


FRAME = 'Traceback (most recent call last):\n  File "layer.py", line 13, in call\n    fail()\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FRAME + "ValueError: no luck\n", "ValueError: no luck"),
        (FRAME + "AssertionError\n", "AssertionError"),
        (
            f"{FRAME}ValueError: Exception encountered when calling Dense.call().\n\n"
            "\x1b[1mno luck\x1b[0m\n\nArguments received by Dense.call():\n  • x=tf.Tensor()\n",
            "ValueError: no luck",
        ),
        (
            f"{FRAME}KeyError: 1\n\nDuring …:\n\n{FRAME}zoo.errors.RunError: 2",
            "zoo.errors.RunError: 2",
        ),
        ("Its worker, process 7 on vm, died.", "Its worker, process 7 on vm, died."),
    ],
)
def test_the_error_of_a_traceback_is_found_below_its_last_frame(text, line):
    assert error_of_traceback(text) == line
