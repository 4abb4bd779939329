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
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("tlh,fr-CA;q=0.7,en;q=0.6", "fr"),
        ("en;q=0.5, ar", "ar"),
        ("zh-Hans-CN", "zh"),
        ("zh-TW, zh;q=0.9", "zh"),
        ("pt-BR;q=1.0,pt-PT;q=1.0", "pt"),
        ("es;q=nan,pl;q=0.1", "pl"),
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
    assert words(language).direction == ("rtl" if language == "ar" else "ltr")


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "14 November 2023, 22:13 UTC"),
        ("de", "14. November 2023, 22:13 UTC"),
        ("fr", "14 novembre 2023, 22:13 UTC"),
        ("es", "14 de noviembre de 2023, 22:13 UTC"),
        ("pt", "14 de novembro de 2023 22:13 UTC"),
        ("pl", "14 listopada 2023 22:13 UTC"),
        ("ar", "14 نوفمبر 2023، 22:13 UTC"),
        ("zh", "2023年11月14日 22:13 UTC"),
    ],
)
def test_a_moment_is_told_as_each_language_writes_it(language: str, told: str) -> None:
    assert words(language).moment(1_700_000_000.0) == told


def test_a_number_takes_the_form_its_language_has_for_it() -> None:
    one, several = "%(number)s hour after this mail was sent", "%(number)s hours after this mail was sent"

    def forms(language: str, *numbers: int) -> list[str]:
        return [(words(language).count(one, several, number) % {"number": number})[:12] for number in numbers]

    assert forms("pl", 1, 3, 5, 22) == ["1 godzinę po", "3 godziny po", "5 godzin po ", "22 godziny p"]
    assert forms("zh", 1, 2) == ["此邮件发出 1 小时后", "此邮件发出 2 小时后"]
    assert len({words("ar").count(one, several, number) for number in (0, 1, 2, 3)}) == 4
