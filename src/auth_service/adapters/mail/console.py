"""Mail for those who develop: it is shown in the terminal, and goes nowhere."""

import asyncio
import sys
from email.message import EmailMessage
from typing import TextIO

from auth_service.adapters.mail.wording import one_line
from auth_service.adapters.mail.writing import MailWriter
from auth_service.domain.model import Letter
from auth_service.domain.ports.surroundings import MailDelayed

_RULE = "─" * 72


class ConsoleMailer:
    """Prints mails between two rules, each in one piece; a link stands alone on its line, ready to be copied."""

    def __init__(self, writer: MailWriter, stream: TextIO | None = None) -> None:
        self._writer = writer
        self._stream = stream

    async def send(self, letter: Letter) -> None:
        """Print one mail, in a thread: a terminal that is held must not hold the service."""
        await asyncio.to_thread(self._print, letter)

    def _print(self, letter: Letter) -> None:
        stream = self._stream or sys.stdout
        text = _framed(self._writer.write(letter))
        # A terminal that lacks a sign still shows the rest.
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            stream.write(text.encode(encoding, "replace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as failure:
            raise MailDelayed(f"the terminal takes no text: {failure}") from failure


def _framed(message: EmailMessage) -> str:
    plain = message.get_body(("plain",))
    text = plain.get_content() if plain else ""
    to, subject = one_line(str(message["To"])), one_line(str(message["Subject"]))
    return f"\n{_RULE}\nTo: {to}\nSubject: {subject}\n\n{text.rstrip()}\n{_RULE}\n"
