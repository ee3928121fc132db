"""Files that Zoo wrote are read, or named as damaged."""

import pytest

from zoo.errors import ArgumentError, RunError
from zoo.files import read_json, values_of_file


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 9999])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json, which is damaged \(.*Start anew"):
        read_json(tmp_path / "run.json", "Start anew.")


def test_a_missing_file_is_the_callers_matter(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "run.json", "Start anew.")


deep: list = []
for _ in range(100_000):
    deep = [deep]


@pytest.mark.parametrize(
    "use",
    [
        lambda: {}["epochs"],
        lambda: [][0],
        lambda: 3 + None,
        lambda: int("x"),
        lambda: [].items(),
        lambda: repr(deep),
    ],
)
def test_values_that_zoo_did_not_write_are_damage(use):
    message = r"run\.json, which is damaged \(\w+Error: .*Start anew"
    with pytest.raises(RunError, match=message), values_of_file("logs/run.json", "Start anew."):
        use()


def test_errors_of_zoo_about_values_stay_as_they_are():
    error = pytest.raises(ArgumentError, match="another run")
    with error, values_of_file("logs/run.json", "Start anew."):
        raise ArgumentError("another run")
