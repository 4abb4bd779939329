"""Languages: which one a person reads, and what pages and mails say in it.

English stands in the templates and in the code; every other language is a catalogue beside this file. How they are
kept up to date is told in CONTRIBUTING.md.
"""

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

ENGLISH: Final = "en"
# Each in its own words, as its speakers look for it in a list.
LANGUAGES: Final[Mapping[str, str]] = {
    ENGLISH: "English",
    "de": "Deutsch",
    "es": "Español",
    "fr": "Français",
    "pl": "Polski",
    "pt": "Português",
    "ar": "العربية",
    "zh": "简体中文",
}
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_HEADERS_KNOWN: Final = 256
_LONGEST_HEADER: Final = 200


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in one language."""

    language: str
    translations: gettext.NullTranslations

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Which way this language is written: the value of HTML's `dir`."""
        return "rtl" if self.language in _RIGHT_TO_LEFT else "ltr"

    def say(self, message: str) -> str:
        """Return an English message in this language."""
        return self.translations.gettext(message)

    def count(self, one: str, several: str, number: int) -> str:
        """Return the message that goes with a number: languages have up to six forms."""
        return self.translations.ngettext(one, several, number)

    def moment(self, at: float) -> str:
        """Return a time in words, to the minute and in UTC: `14 November 2023, 22:13 UTC`."""
        # Babel is wanted only where something is said.
        from auth_service.languages.times import moment  # noqa: PLC0415

        return moment(self.language, at)


@cache
def words(language: str) -> Words:
    """Return the words of a language; those of a language that nobody has written yet are English."""
    if language == ENGLISH or language not in LANGUAGES:
        return Words(ENGLISH, gettext.NullTranslations())
    from auth_service.languages.catalogues import read_catalogue  # noqa: PLC0415 - as above

    return Words(language, read_catalogue(language))


def learn() -> None:
    """Read every catalogue. Whoever answers people does this first, in a thread: later it would hold others up."""
    for language in LANGUAGES:
        words(language).moment(0)


def later(message: str) -> str:
    """Mark a message that stands in a table, and is said elsewhere: it comes into the catalogues by this."""
    return message


def counted(one: str, several: str) -> tuple[str, str]:
    """Mark a message that goes with a number and stands in a table, as `later` does."""
    return one, several


@lru_cache(_HEADERS_KNOWN)
def wished(accept_language: str) -> str:
    """Return the best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4); nothing where none fits."""
    weighed = []
    for part in accept_language[:_LONGEST_HEADER].split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(weight)
        if language in LANGUAGES and quality > 0:
            weighed.append((quality, language))
    # Of equals the first named is meant.
    return max(weighed, key=lambda pair: pair[0])[1] if weighed else ""


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0
