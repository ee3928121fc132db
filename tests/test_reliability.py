"""The page of promises names tests that there are."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = sorted({*re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)})


@pytest.mark.parametrize(("file", "name"), NAMED, ids="::".join)
def test_a_test_that_a_promise_names_exists(file, name):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_mention_of_a_test_is_checked():
    assert len(NAMED) > 50
    assert PAGE.count("::test_") == len(re.findall(r"`tests/[\w/]+\.py::\w+`", PAGE))


@pytest.mark.parametrize(
    "attack",
    [
        *("2025-1550", "2025-8747", "2025-9905", "2025-9906", "2025-12058", "2025-49655"),
        *("2026-0897", "2026-1462", "2026-1669"),
    ],
)
def test_a_known_attack_is_listed(attack):
    assert f"CVE-{attack} |" in PAGE
