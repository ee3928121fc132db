import pytest

from zoo.text import did_you_mean, percent, unknown_name

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
