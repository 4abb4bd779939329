"""Mails to look at: every kind, in every language, as text, as HTML and as it goes out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from auth_service.adapters.mail.writing import MailWriter
from auth_service.domain.model import Letter, LinkPurpose, MailKind

_ADDRESS = "ann@example.org"
_ANOTHER = "ann@old.example"
_LINK = "https://example.org/open/MQ/cw3k2a-0123456789abcdef0123456789abcdef"
_BROWSER = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
_AT = 1_700_000_000.0
_HOUR = 3_600.0


def write_all(writer: MailWriter, folder: Path, languages: Sequence[str]) -> int:
    """Write every mail into a folder, as `<language>/<name>.txt`, `.html` and `.eml`; return how many files."""
    written = 0
    for language in languages:
        place = folder / language
        place.mkdir(parents=True, exist_ok=True)
        for name, letter in samples(language):
            message = writer.write(letter)
            (place / f"{name}.eml").write_bytes(message.as_bytes())
            for part in message.iter_parts():
                ending = "html" if part.get_content_subtype() == "html" else "txt"
                (place / f"{name}.{ending}").write_text(part.get_content(), "utf-8")
            written += 3
    return written


def samples(language: str) -> Iterator[tuple[str, Letter]]:
    """Give a letter of every kind; and of those that read otherwise at another address than the account's, two."""
    for kind in get_args(MailKind):
        yield kind, _letter(kind, language, to=_ADDRESS)
        if kind in {"activation", "username_changed"}:
            yield f"{kind}_elsewhere", _letter(kind, language, to=_ANOTHER)


def _letter(kind: MailKind, language: str, *, to: str) -> Letter:
    has_link = kind in get_args(LinkPurpose)
    return Letter(
        message_id=f"<{kind}.{language}@example.org>",
        kind=kind,
        to=to,
        username="ann",
        email=_ADDRESS,
        link=_LINK if has_link else None,
        link_lifetime=_HOUR if has_link else 0.0,
        address="192.0.2.7",
        agent=_BROWSER,
        at=_AT,
        language=language,
    )
