"""Letters become mails here: subject, text and HTML from templates, and the headers every mail needs."""

from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from auth_service.adapters.mail import wording
from auth_service.domain import names
from auth_service.domain.model import Letter, MailKind
from auth_service.domain.ports.surroundings import MailRefused

if TYPE_CHECKING:
    from jinja2 import Environment

_SHIPPED = Path(__file__).with_name("templates")
_SUBJECT = "Subject:"
# RFC 5322, 2.1.1: more than that on one line, and a mail server may break it.
_LONGEST_LINE = 998


class MailWriter:
    """Writes mails. What people typed stays text: it adds no line, no header, no markup and no recipient.

    A file in `templates_dir` takes the place of the shipped one of that name. The first line of `<kind>.txt` is the
    subject, the rest the text; `<kind>.html` is the same for those who like it better.
    """

    def __init__(self, site_name: str, mail_from: str, *, templates_dir: Path | None = None) -> None:
        self._site_name = wording.one_line(site_name)
        self._sender = _sender(mail_from)
        self._folders = [_SHIPPED] if templates_dir is None else [templates_dir, _SHIPPED]
        if templates_dir is not None:
            self._rehearse(templates_dir)

    def write(self, letter: Letter) -> EmailMessage:
        """Return the mail. Raises `MailRefused` where no mail can be addressed like that."""
        to = _recipient(letter.to)
        subject, text, html = self._fill_in(letter)
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = letter.message_id
        # RFC 3834: out-of-office replies would come back to us.
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte=_encoding(text))
        message.add_alternative(html, subtype="html", cte=_encoding(html))
        return message

    @cached_property
    def _templates(self) -> "Environment":
        # Three times what the rest of this file takes to import, and only those who write a mail need it.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape  # noqa: PLC0415

        return Environment(
            loader=FileSystemLoader(self._folders),
            autoescape=select_autoescape(enabled_extensions=("html",), default=False),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    def _fill_in(self, letter: Letter) -> tuple[str, str, str]:
        """Return subject, text and HTML."""
        facts = self._facts(letter)
        first, _, rest = self._templates.get_template(f"{letter.kind}.txt").render(facts).partition("\n")
        if not first.startswith(_SUBJECT):
            raise ValueError(f"The mail template {letter.kind}.txt does not begin with a line '{_SUBJECT} …'.")
        subject = wording.one_line(first.removeprefix(_SUBJECT))
        html = self._templates.get_template(f"{letter.kind}.html").render(facts, subject=subject)
        return subject, _spaced(rest), html

    def _facts(self, letter: Letter) -> dict[str, object]:
        username = wording.one_line(letter.username or "")
        email = wording.one_line(letter.email)
        return {
            "site_name": self._site_name,
            "link": letter.link or "",
            "lifetime": wording.duration(letter.link_lifetime),
            "name": username or email,
            "names": " or ".join(filter(None, (username, email))),
            "is_current": letter.to == letter.email,
            "when": wording.moment(letter.at),
            "place": wording.place(letter.address),
            "device": wording.device(letter.agent),
        }

    def _rehearse(self, templates_dir: Path) -> None:
        """Fill in every template once, so that a slip in one stops the start and not the mail of a person."""
        from jinja2 import TemplateError  # noqa: PLC0415 - as above

        if not templates_dir.is_dir():
            raise ValueError(f"There is no folder {templates_dir} to take mail templates from.")
        for kind in get_args(MailKind):
            bare = Letter(message_id="", kind=kind, to="")
            full = Letter(message_id="", kind=kind, to="a", email="a", link="b", link_lifetime=1, at=1, address="::")
            for letter in (bare, full):
                try:
                    self._fill_in(letter)
                except TemplateError as error:
                    raise ValueError(f"The mail templates for '{kind}' cannot be filled in: {error}.") from None


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
    return Address(addr_spec=f"{to.rpartition('@')[0]}@{key.rpartition('@')[2]}")


def _encoding(text: str) -> str:
    """Return the plainest transfer encoding: links stay whole in the source of a mail wherever they may."""
    short = all(len(line) <= _LONGEST_LINE for line in text.splitlines())
    return "7bit" if text.isascii() and short else "quoted-printable"


def _spaced(text: str) -> str:
    """Return the text with one empty line where what may be left out left several."""
    paragraphs = (paragraph.strip("\n") for paragraph in text.split("\n\n"))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
