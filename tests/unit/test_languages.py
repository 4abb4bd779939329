"""Which language a person reads."""

import pytest

from auth_service.languages import LANGUAGES, wished, words


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", ""),
        ("en", "en"),
        ("EN-gb,en;q=0.9", "en"),
        ("tlh, en;q=0.1", "en"),
        ("en;q=0", ""),
        ("en;q=nonsense", ""),
        ("*", ""),
        (";;;,,=", ""),
        ("x" * 100_000 + ",en", ""),
    ],
)
def test_a_header_names_the_best_language_we_have_or_none(header: str, language: str) -> None:
    assert wished(header) == language


def test_a_language_that_nobody_has_written_is_english() -> None:
    assert words("tlh").language == "en"
    assert words("tlh").say("Sign in") == "Sign in"
    assert words("tlh").count("%(n)d day", "%(n)d days", 2) == "%(n)d days"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_knows_its_direction(language: str) -> None:
    assert words(language).direction in {"ltr", "rtl"}
