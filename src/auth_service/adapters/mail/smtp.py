"""Mail by SMTP (RFC 5321), in the clear, over TLS, or upgraded to TLS."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from auth_service.adapters.mail.wording import one_line
from auth_service.adapters.mail.writing import MailWriter
from auth_service.domain.model import Letter
from auth_service.domain.ports.surroundings import MailDelayed, MailRefused

Security = Literal["none", "tls", "starttls"]

_LONGEST = 14.0
_FAREWELL = 1.0
_WORDS_KEPT = 300
_PERMANENT = range(500, 600)


class SmtpMailer:
    """Hands mails to a mail server, each over its own connection and within fifteen seconds in all.

    A mail is refused only where the server refuses the mail itself for good. Whatever goes wrong before that (nobody
    there, no TLS, our own password) is no fault of the mail's: it waits until somebody has put that right.
    """

    def __init__(
        self,
        writer: MailWriter,
        *,
        host: str,
        port: int,
        security: Security = "none",
        username: str | None = None,
        password: str | None = None,
        longest: float = _LONGEST,
    ) -> None:
        self._writer = writer
        self._host = host
        self._port = port
        self._security = security
        self._username = username
        self._password = password
        self._longest = longest
        self._tls: ssl.SSLContext | None = None
        self._own_name: str | None = None
        self._farewells: set[asyncio.Task[None]] = set()

    async def send(self, letter: Letter) -> None:
        """Hand over one mail. Errors tell what the server said, without our credentials and without the link."""
        message = await asyncio.to_thread(self._writer.write, letter)
        client = await self._client()
        handed_over = False
        try:
            async with asyncio.timeout(self._longest):
                await _hand_over(client, message)
        except (SMTPSenderRefused, SMTPRecipientRefused, SMTPDataError) as answer:
            said = self._told(answer, letter)
            raise (MailRefused if answer.code in _PERMANENT else MailDelayed)(said) from None
        except SMTPAuthenticationError as answer:
            raise MailDelayed(f"signing in failed: {self._told(answer, letter)}") from None
        except SMTPResponseException as answer:
            raise MailDelayed(self._told(answer, letter)) from None
        except TimeoutError:
            raise MailDelayed(f"{self._server} did not answer in time") from None
        except (SMTPException, OSError) as failure:
            raise MailDelayed(f"no mail can be handed to {self._server}: {self._shown(str(failure), letter)}") from None
        else:
            # The mail is in other hands, which is to be written down before anything else happens.
            handed_over = True
            farewell = asyncio.create_task(_part(client))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)
        finally:
            self._own_name = client.local_hostname
            if not handed_over:
                client.close()

    async def _client(self) -> SMTP:
        if self._security != "none" and self._tls is None:
            # Reading the certificates the system trusts takes long enough to be felt by others.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username,
            password=self._password,
            # Looked up in the DNS for the first mail, and the same ever after.
            local_hostname=self._own_name,
            timeout=self._longest,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._tls,
        )

    @property
    def _server(self) -> str:
        return f"{self._host}:{self._port}"

    def _told(self, answer: SMTPResponseException, letter: Letter) -> str:
        # Below nought there was no code: what came back was no answer in SMTP.
        code = f"{answer.code} " if answer.code > 0 else ""
        return f"{self._server} said {code}{self._shown(answer.message, letter)}"

    def _shown(self, words: str, letter: Letter) -> str:
        """Return a server's words without what it may have quoted of ours: they are kept, and shown to operators."""
        for secret in _secrets(self._username, self._password, letter.link):
            words = words.replace(secret, "…")
        return one_line(words, _WORDS_KEPT)


async def _hand_over(client: SMTP, message: EmailMessage) -> None:
    await client.connect()
    await client.mail(message["From"].addresses[0].addr_spec)
    await client.rcpt(message["To"].addresses[0].addr_spec)
    await client.data(message.as_bytes(policy=WIRE))


async def _part(client: SMTP) -> None:
    """Take leave as good manners ask for; whatever happens now changes nothing."""
    try:
        with suppress(SMTPException, OSError):
            await client.quit(timeout=_FAREWELL)
    finally:
        client.close()


def _secrets(username: str | None, password: str | None, link: str | None) -> Sequence[str]:
    """Return the forms in which secrets of ours went over the wire."""
    sent = [f"\0{username}\0{password}", username, password] if username and password else []
    encoded = [b64encode(text.encode()).decode() for text in sent if text]
    return [secret for secret in (*encoded, password, link) if secret]
