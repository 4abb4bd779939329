"""Everybody's mail: what came for whom, under which Message-ID, and how often."""

import asyncio
import email
import email.policy
import re
from collections import defaultdict
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.integration.conformance.running import free_port
from tests.integration.wire.serving import Link

from .served import FRONTEND

_LINK = re.compile(rf"{re.escape(FRONTEND)}/(activate|password-reset)/([\w-]+)/([\w-]+)".encode())

_PATIENCE = 30.0


class Postbox(AbstractContextManager["Postbox"]):
    """Takes every mail, and keeps the first link that came under each Message-ID."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received = 0
        self.names: set[str] = set()
        self._links: dict[tuple[str, str], dict[str, Link]] = defaultdict(dict)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=True)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd calls it so
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        found = _LINK.search(content)
        name = str(email.message_from_bytes(content, policy=email.policy.default)["Message-ID"])
        self.received += 1
        self.names.add(name)
        if found:
            link = Link(*(part.decode() for part in found.groups()))
            for recipient in envelope.rcpt_tos:
                self._links[recipient, link.page].setdefault(name, link)
        return "250 OK"

    @property
    def duplicates(self) -> int:
        """How many mails came that had come before."""
        return self.received - len(self.names)

    async def link(self, address: str, page: str) -> Link:
        """Return the newest link to a page that came for an address, as soon as there is one."""
        async with asyncio.timeout(_PATIENCE):
            while not (links := self.links(address, page)):  # noqa: ASYNC110 - mail comes in a thread of its own
                await asyncio.sleep(0.002)
        return list(links.values())[-1]

    def links(self, address: str, page: str) -> dict[str, Link]:
        """Return the links to a page that came for an address, by Message-ID, the oldest first."""
        return dict(self._links.get((address, page), {}))
