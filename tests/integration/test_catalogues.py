"""The catalogues are whole: every message, in every language, with everything that is filled in."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Catalog, Message
from jinja2 import TemplateSyntaxError

from auth_service.languages import LANGUAGES, later, words
from auth_service.languages.catalogues import CATALOGUES, catalogue_file

from . import catalogues
from .catalogues import TRANSLATED, said, undone

RUN = "run: python -m tests.integration.catalogues, and write what it leaves to do"
_PLACEHOLDER = re.compile(r"%(?:\([^)]*\))?.|%$")
_ALONE = {"br", "img", "wbr"}


@pytest.fixture(scope="module")
def messages() -> Catalog:
    return said()


@pytest.fixture(scope="module", params=TRANSLATED)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return catalogues.catalogue(request.param)


class _Tags(HTMLParser):
    """Follows what is opened and closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(f"{tag} {sorted(name for name, _ in attrs)}")
        if tag not in _ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def _placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


def _said(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _forms(message: Message) -> list[tuple[str, str]]:
    """Return what is said in English beside what is said here, for each plural form."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return [(message.id[1], form) for form in message.string or ()]


def _faults(catalogue: Catalog) -> list[str]:
    """Return what is wrong with the placeholders and the markup of a catalogue's messages."""
    found = []
    for message in _said(catalogue):
        for form, (english, text) in enumerate(_forms(message)):
            wanted = _placeholders(english)
            # Where a form is for one number alone, that number may be a word: "an hour", "two hours".
            if message.pluralizable and _is_of_one_number(catalogue, form):
                wanted = [each for each in wanted if each != "%(number)s" or each in text]
            if _placeholders(text) != wanted:
                found.append(f"placeholders: {text}")
            told, ours = _Tags(english), _Tags(text)
            if ours.open or ours.faults or sorted(told.seen) != sorted(ours.seen):
                found.append(f"markup: {text}")
    return found


def _is_of_one_number(catalogue: Catalog, form: int) -> bool:
    plural = words(str(catalogue.locale)).translations.plural  # type: ignore[attr-defined]
    return [plural(number) for number in range(1_000)].count(form) == 1


def test_no_message_is_missing_and_none_is_left_over(catalogue: Catalog, messages: Catalog) -> None:
    assert {message.id for message in _said(catalogue)} == {message.id for message in _said(messages)}, RUN
    assert not catalogue.obsolete, RUN


def test_every_message_is_written_and_looked_at(catalogue: Catalog) -> None:
    assert undone(catalogue) == [], RUN


def test_every_message_has_the_placeholders_and_the_markup_of_the_english_one(catalogue: Catalog) -> None:
    assert _faults(catalogue) == []


def test_every_message_can_be_filled_in(catalogue: Catalog) -> None:
    for message in _said(catalogue):
        for english, text in _forms(message):
            if names := re.findall(r"%\((.*?)\)", english):
                assert "%(" not in text % dict.fromkeys(names, "x")


def test_there_are_as_many_plural_forms_as_the_language_has_and_each_is_used(catalogue: Catalog) -> None:
    usual = Catalog(locale=catalogue.locale)
    assert (catalogue.num_plurals, catalogue.plural_expr) == (usual.num_plurals, usual.plural_expr)
    counted = [message for message in _said(catalogue) if message.pluralizable]
    assert counted
    assert {len(message.string or ()) for message in counted} == {catalogue.num_plurals}
    plural = words(str(catalogue.locale)).translations.plural  # type: ignore[attr-defined]
    assert {plural(number) for number in range(200)} == set(range(catalogue.num_plurals))


def test_every_catalogue_says_how_people_are_addressed(catalogue: Catalog) -> None:
    first, second, *_ = catalogue.header_comment.splitlines()
    assert first.startswith("# What the pages and mails of auth-service say in ")
    assert len(second) > len("# Formal: Sie.")


def test_the_files_are_as_the_command_writes_them(catalogue: Catalog, messages: Catalog) -> None:
    language = str(catalogue.locale)
    assert catalogues.written(catalogues.updated(language, messages)) == catalogue_file(language).read_bytes(), RUN


def test_there_is_a_catalogue_for_every_language_and_no_other() -> None:
    assert {folder.name for folder in CATALOGUES.iterdir() if folder.is_dir()} - {"__pycache__"} == set(TRANSLATED)
    assert set(TRANSLATED) == {*LANGUAGES} - {"en"}


def test_messages_are_found_in_templates_and_in_code(messages: Catalog) -> None:
    assert messages.get("Choose a new password") is not None
    assert messages.get(later("an iPhone")) is not None
    counted = messages.get("%(number)s day after this mail was sent")
    assert counted is not None
    assert counted.pluralizable


@pytest.mark.parametrize(
    ("english", "text"),
    [
        ("Hello %(name)s", "Hallo"),
        ("Hello %(name)s", "Hallo %(nmae)s"),
        ("Hello %(name)s", "Hallo %(name)"),
        ("Hello %(name)s", "Hallo %(name)s %(name)s"),
        ("Hello", "Hallo %s"),
        ("A <b>word</b>", "Ein Wort"),
        ("A <b>word</b>", "Ein <b>Wort"),
        ("A <b>word</b>", "Ein <b>Wort</i>"),
        ('<a href="x">y</a>', '<a onclick="x">y</a>'),
        (("%(number)s day", "%(number)s days"), ("ein Tag", "%(number)s Tage %(name)s")),
        (("%(number)s day", "%(number)s days"), ("ein Tag", "einige Tage")),
    ],
)
def test_a_slip_in_a_translation_is_seen(english: str | tuple[str, ...], text: str | tuple[str, ...]) -> None:
    spoilt = Catalog(locale="de")
    spoilt.add(english, string=text)
    assert len(_faults(spoilt)) == 1


def test_what_is_empty_or_fuzzy_is_seen() -> None:
    spoilt = Catalog(locale="de")
    spoilt.add("empty")
    spoilt.add("fuzzy", string="da", flags=["fuzzy"])
    spoilt.add(("one", "several"), string=("eins", ""))
    spoilt.add("good", string="gut")
    assert undone(spoilt) == ["empty", "fuzzy", "one"]


def test_a_template_that_cannot_be_read_stops_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("{% trans %}Hello")
    monkeypatch.setattr(catalogues, "PACKAGE", tmp_path)
    with pytest.raises(TemplateSyntaxError):
        said()
