"""Letters become mails here: subject, text and HTML from templates, and the headers every mail needs."""

from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import get_args

from msgspec.structs import replace

from auth_service.adapters.mail import wording
from auth_service.adapters.mail.composing import Composer
from auth_service.appearance import SHIPPED_ACCENT, Appearance
from auth_service.domain import names
from auth_service.domain.model import Letter, LinkPurpose, MailKind
from auth_service.domain.ports.surroundings import MailRefused
from auth_service.languages import words

# RFC 5322, 2.1.1: more than that on one line, and a mail server may break it.
_LONGEST_LINE = 998
_REHEARSED_LINK = "https://example.org/rehearsal"


class MailWriter:
    """Writes mails. What people typed stays text: it adds no line, no header, no markup and no recipient.

    A file in `templates_dir` takes the place of the shipped one of that name: `<kind>.jinja` holds the words of a mail,
    `layout.txt` and `layout.html` what they look like. See docs/mails.md.
    """

    def __init__(
        self,
        site_name: str,
        mail_from: str,
        *,
        logo_url: str | None = None,
        accent: str = SHIPPED_ACCENT,
        templates_dir: Path | None = None,
    ) -> None:
        self._look = Appearance(site_name=wording.one_line(site_name), logo_url=logo_url, accent=accent)
        self._sender = _sender(mail_from)
        self._composer = Composer(templates_dir)
        if templates_dir is not None:
            if not templates_dir.is_dir():
                raise ValueError(f"There is no folder {templates_dir} to take mail templates from.")
            self._rehearse()

    def write(self, letter: Letter) -> EmailMessage:
        """Return the mail. Raises `MailRefused` where no mail can be addressed like that."""
        to = _recipient(letter.to)
        facts = self._facts(letter)
        made = self._composer.compose(letter.kind, facts)
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = made.subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = letter.message_id
        # RFC 3834: out-of-office replies would come back to us.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(made.text, cte=_encoding(made.text))
        message.add_alternative(made.html, subtype="html", cte=_encoding(made.html))
        # RFC 3282: so that nobody's program offers to translate it.
        message["Content-Language"] = str(facts["language"])
        return message

    def _facts(self, letter: Letter) -> dict[str, object]:
        username = wording.one_line(letter.username or "")
        email = wording.one_line(letter.email)
        spoken = words(letter.language)
        return {
            "words": spoken,
            "language": spoken.language,
            "direction": spoken.direction,
            "look": self._look,
            "site_name": self._look.site_name,
            "link": letter.link or "",
            "expiry": wording.expiry(spoken, letter.link_lifetime),
            "name": username or email,
            "names": wording.names(spoken, username, email),
            "is_current": letter.to == letter.email,
            "circumstances": wording.circumstances(spoken, letter),
        }

    def _rehearse(self) -> None:
        """Fill in every template once, so that a slip in one stops the start and not the mail of a person."""
        for kind in get_args(MailKind):
            bare = Letter(message_id="", kind=kind, to="")
            full = Letter(message_id="", kind=kind, to="a", email="a", link_lifetime=1, at=1, address="::")
            # A link is for what the mail is about, and called the same.
            link = _REHEARSED_LINK if kind in get_args(LinkPurpose) else None
            for letter in (replace(bare, link=link), replace(full, link=link)):
                self._composer.rehearse(kind, self._facts(letter))


def _sender(mail_from: str) -> Address:
    name, _, rest = mail_from.strip().rpartition("<")
    local, _, domain = rest.removesuffix(">").rpartition("@")
    try:
        return Address(wording.one_line(name).strip('"'), addr_spec=f"{local}@{domain.encode('idna').decode()}")
    except (ValueError, IndexError, HeaderParseError):
        raise ValueError(
            "The address mails come from must look like 'noreply@example.org' or 'Name <noreply@example.org>'."
        ) from None


def _recipient(to: str) -> Address:
    """Return the one address a mail goes to, its domain in ASCII by the rule that accounts are found by."""
    key = names.email_key(to)
    # RFC 5321, 4.1.2: a quoted name before the @ has no control characters; a list would go to more than one.
    if key is None or names.judge_email(to) or not to.isprintable():
        raise MailRefused("this is no address that mail can be sent to")
    try:
        return Address(addr_spec=f"{to.rpartition('@')[0]}@{key.rpartition('@')[2]}")
    except (ValueError, IndexError, HeaderParseError):
        # What the mail parser makes of it is not what it is: no later try would go better.
        raise MailRefused("this is no address that mail can be sent to") from None


def _encoding(text: str) -> str:
    """Return the plainest transfer encoding: links stay whole in the source of a mail wherever they may."""
    short = all(len(line) <= _LONGEST_LINE for line in text.splitlines())
    return "7bit" if text.isascii() and short else "quoted-printable"
