"""The catalogues, brought up to date: `python -m tests.integration.catalogues` puts what is new into every language.

What is said no longer is taken out. What only changed a little keeps its old translation, marked as fuzzy, until
somebody has looked at it. It prints what is left to do; the tests ask for the same.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import auth_service
from auth_service.languages import ENGLISH, LANGUAGES
from auth_service.languages.catalogues import catalogue_file

PACKAGE = Path(auth_service.__file__).parent
TRANSLATED = [language for language in LANGUAGES if language != ENGLISH]
_METHODS = [
    ("**/templates/**", "jinja2"),
    ("**.py", "python"),
]
# Templates are read as they are filled in; one that cannot be read stops this, for its messages would be lost.
_OPTIONS = {"**/templates/**": {"trimmed": "true", "newstyle_gettext": "true", "silent": "false", "encoding": "utf-8"}}
_KEYWORDS: Mapping[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "say": None,
    "count": (1, 2),
    "later": None,
    "counted": (1, 2),
}


def said() -> Catalog:
    """Return every message that stands in the templates and in the code."""
    found = Catalog()
    for file, _line, message, _comments, _context in extract_from_dir(
        PACKAGE, _METHODS, _OPTIONS, keywords=_KEYWORDS, comment_tags=()
    ):
        found.add(message, locations=[(file, 1)])
    return found


def catalogue(language: str) -> Catalog:
    """Return the catalogue of a language as it is in its file."""
    with catalogue_file(language).open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, messages: Catalog) -> Catalog:
    """Return the catalogue of a language with what is said now, and nothing else."""
    found = catalogue(language)
    # Else the time of every update would be a change.
    messages.creation_date = found.creation_date
    found.update(messages, update_creation_date=False)
    found.obsolete.clear()
    return found


def written(found: Catalog) -> bytes:
    """Return the file of a catalogue: in the order of the files that say it, without the lines, which change daily."""
    file = BytesIO()
    write_po(file, found, width=100, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def undone(found: Catalog) -> list[str]:
    """Return the messages of a catalogue that nobody has written yet, or that nobody has looked at again."""
    messages = (message for message in found if message.id)
    return [_english(message.id) for message in messages if message.fuzzy or not _is_whole(message.string)]


def _english(identity: object) -> str:
    return str(identity[0] if isinstance(identity, (tuple, list)) else identity)


def _is_whole(said: str | Sequence[str] | None) -> bool:
    return bool(said) if said is None or isinstance(said, str) else all(said)


def main() -> None:
    """Update all of them."""
    messages = said()
    for language in TRANSLATED:
        found = updated(language, messages)
        catalogue_file(language).write_bytes(written(found))
        left = undone(found)
        print(f"{catalogue_file(language)}: {len(messages)} messages, {len(left)} to do")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
