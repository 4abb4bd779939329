"""Templates filled in: of each kind of mail there is one, and its words are laid out twice, as text and as HTML."""

import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from auth_service.adapters.mail.wording import one_line
from auth_service.appearance import text_on

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_SHIPPED = Path(__file__).with_name("templates")
_ENDINGS = (".jinja", ".txt", ".html")
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")
_log = logging.getLogger("auth_service")


class Composition(NamedTuple):
    """The words of one mail."""

    subject: str
    text: str
    html: str


class Composer:
    """Fills templates in. A file of the operator's takes the place of the shipped one of its name.

    Where theirs fails with what one person's mail is about, the mail is made from the shipped ones: no mail is lost.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._shipped = _Templates(_SHIPPED)
        self._own = None if own is None else _Templates(own, _SHIPPED)

    def compose(self, kind: str, facts: Mapping[str, object]) -> Composition:
        """Return the words of a mail of this kind."""
        if self._own is None:
            return self._shipped.fill(kind, facts)
        try:
            return self._own.fill(kind, facts)
        except Exception as error:  # noqa: BLE001 - a template may do anything
            # Without the way there: the place says more, and a traceback may name somebody.
            _log.error(
                "A mail of the kind '%s' is made from the shipped templates, for those in TEMPLATES_DIR fail: %s",
                kind,
                told(error),
            )
            return self._shipped.fill(kind, facts)

    def rehearse(self, kind: str, facts: Mapping[str, object]) -> None:
        """Fill a template in and throw that away. Raises `ValueError` with its file and line where it cannot be."""
        if self._own is None:
            return
        try:
            made = self._own.fill(kind, facts)
        except Exception as error:  # noqa: BLE001 - as above
            raise ValueError(f"The mail template for '{kind}' cannot be filled in: {told(error)}.") from None
        link = str(facts["link"])
        if link not in made.text or link not in made.html:
            raise ValueError(f"The mail template for '{kind}' leaves the link out, of its text or of its HTML.")


class _Templates:
    """The templates of some folders, each looked for in one after the other."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders

    def fill(self, kind: str, facts: Mapping[str, object]) -> Composition:
        """Return subject, text and HTML of a mail."""
        text = self._for_text.get_template(f"{kind}.jinja")
        subject = _subject(text, {**facts, "layout": "layout.txt"})
        every = {**facts, "subject": subject}
        return Composition(
            subject,
            _spaced(text.render(every, layout="layout.txt")),
            self._for_html.get_template(f"{kind}.jinja").render(every, layout="layout.html"),
        )

    @cached_property
    def _for_text(self) -> "Environment":
        made = _environment(self._folders, is_html=False)
        made.filters["paragraphs"] = lambda text: _paragraphs(text, str)
        made.globals["strong"] = str
        return made

    @cached_property
    def _for_html(self) -> "Environment":
        from markupsafe import Markup  # noqa: PLC0415 - as below

        made = _environment(self._folders, is_html=True)
        made.filters["paragraphs"] = lambda text: _paragraphs(text, Markup)
        made.globals.update(strong=Markup("<strong>{}</strong>").format, text_on=text_on)
        return made


def _environment(folders: Sequence[Path], *, is_html: bool) -> "Environment":
    # Many times what the rest of this room takes to import, and only those who write a mail need it.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    from auth_service.languages.templates import teach  # noqa: PLC0415

    made = Environment(
        loader=FileSystemLoader(folders),
        autoescape=is_html,  # noqa: S701 - what is not HTML is plain text
        undefined=StrictUndefined,
        auto_reload=False,
    )
    teach(made)
    return made


def _subject(template: "Template", facts: Mapping[str, object]) -> str:
    if "subject" not in template.blocks:
        raise ValueError("it has no block 'subject'")
    return one_line("".join(template.blocks["subject"](template.new_context(dict(facts)))))


def _paragraphs(text: str, kept: Callable[[str], str]) -> list[list[str]]:
    """Return the lines of every paragraph; between paragraphs there are empty lines, however many."""
    paragraphs = ([line.strip() for line in part.strip().splitlines()] for part in _EMPTY_LINE.split(str(text)))
    return [[kept(line) for line in paragraph] for paragraph in paragraphs if paragraph]


def _spaced(text: str) -> str:
    """Return the text with one empty line where what may be left out left several."""
    return "\n\n".join("\n".join(lines) for lines in _paragraphs(text, str)) + "\n"


def told(error: Exception) -> str:
    """Return what went wrong in a template, with its file and line."""
    problem: Any = error
    place = (getattr(problem, "filename", None), getattr(problem, "lineno", None))
    if place[0] is None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith(_ENDINGS)]
        place = (frames[-1].filename, frames[-1].lineno) if frames else place
    where = f", in {place[0]} line {place[1]}" if place[0] else ""
    return f"{one_line(str(error)) or type(error).__name__}{where}"
