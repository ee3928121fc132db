"""Files that Zoo wrote are read, or named as damaged."""

import pytest

from zoo.errors import RunError
from zoo.files import read_json


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff", b"[" * 9999])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, content):
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError, match=r"run\.json, which is damaged \(.*Start anew"):
        read_json(tmp_path / "run.json", "Start anew.")


def test_a_missing_file_is_the_callers_matter(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "run.json", "Start anew.")
