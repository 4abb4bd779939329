"""The page on security says no more than the tests show: every promise names tests, and each of them is there."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
ROWS = [
    line.strip("|").split(" | ")
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| promise")
]
NAMED = re.compile(r"`(tests/[\w/]+)\.py::([\w:]+)`")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip()[:50])
def test_every_promise_is_shown_by_tests_that_are_there(row: list[str]) -> None:
    promise, shown = row
    named = NAMED.findall(shown)
    assert promise.strip()
    assert named
    assert "<br>".join(f"`{file}.py::{name}`" for file, name in named) == shown.strip()
    for file, name in named:
        *classes, function = name.split("::")
        assert function.startswith("test_")
        assert all(each.startswith("Test") for each in classes)
        assert callable(reduce(getattr, [*classes, function], import_module(file.replace("/", ".")))), name


def test_the_page_has_what_a_reader_looks_for() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    assert headings[:3] == ["Against whom", "How to report", "What is not promised"]
    assert len(headings) == 10
    assert len(ROWS) > 60


def test_every_attack_is_named_on_the_page() -> None:
    attacks = {
        f"tests/integration/attacks/{file.stem}::{name}"
        for file in (ROOT / "tests" / "integration" / "attacks").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    assert attacks - {f"{file}::{name}" for file, name in NAMED.findall(PAGE)} == set()
