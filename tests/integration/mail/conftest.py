"""A mail server that takes mails, or says what a test wants it to say."""

import asyncio
import email
import email.policy
import socket
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

pytest.register_assert_rewrite("auth_service.adapters.contracts.mailers")

from auth_service.adapters.contracts.mailers import Arrived  # noqa: E402 - rewritten first
from auth_service.adapters.mail import MailWriter  # noqa: E402


def read(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def contents(folder: Path) -> list[bytes]:
    """Return what is in a folder, in order of names."""
    return [file.read_bytes() for file in sorted(folder.glob("*")) if not file.is_dir()]


def plain(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text


def html(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    text: str = part.get_content()
    return text


@dataclass
class PostOffice:
    """Answers each command as `answers` says, after `pauses`, and keeps what it takes.

    Recipients have answers of their own in `recipients`; who is in `stuck` gets none.
    """

    answers: dict[str, str] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    pauses: dict[str, float] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    taken: list[Envelope] = field(default_factory=list)
    quits: int = 0
    left_at: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(  # noqa: N802 - aiosmtpd calls it so
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: Sequence[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL")

    async def handle_RCPT(  # noqa: N802 - the same
        self, _server: SMTP, _session: object, envelope: Envelope, address: str, _options: Sequence[str]
    ) -> str:
        if address in self.stuck:
            await asyncio.sleep(60)
        if address in self.recipients:
            return self.recipients[address]
        envelope.rcpt_tos.append(address)
        return await self._answer("RCPT")

    async def handle_DATA(self, _server: SMTP, _session: object, envelope: Envelope) -> str:  # noqa: N802 - the same
        answer = await self._answer("DATA")
        if answer.startswith("2"):
            self.taken.append(envelope)
        return answer

    async def handle_QUIT(self, _server: SMTP, _session: object, _envelope: Envelope) -> str:  # noqa: N802 - the same
        self.quits += 1
        await self._answer("QUIT")
        return "221 Bye"

    def authenticate(self, *given: Any) -> AuthResult:  # noqa: ANN401 - aiosmtpd says neither
        data = given[-1]
        assert isinstance(data, LoginPassword)
        assert self.login is not None
        right = (data.login.decode(), data.password.decode()) == self.login
        answer = self.answers.get("AUTH")
        return AuthResult(success=right, handled=False, message=None if right else answer)

    async def arrived(self) -> list[Arrived]:
        mails = []
        for envelope in self.taken:
            assert isinstance(envelope.content, bytes)
            message = read(envelope.content)
            [to] = envelope.rcpt_tos
            assert [address.addr_spec for address in message["To"].addresses] == [to]
            mails.append(Arrived(to=to, subject=message["Subject"], text=plain(message)))
        return mails

    async def _answer(self, command: str) -> str:
        try:
            await asyncio.sleep(self.pauses.get(command, 0))
        except asyncio.CancelledError:
            self.left_at.append(command)
            raise
        return self.answers.get(command, "250 OK")


OpenPostOffice = Callable[..., Awaitable[PostOffice]]


@asynccontextmanager
async def _serving(office: PostOffice, secret: ssl.SSLContext | None, **options: Any) -> AsyncIterator[None]:  # noqa: ANN401
    def greet() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of passwords in the clear, which is what is tested
            return SMTP(office, hostname="mail.test", loop=asyncio.get_running_loop(), **options)

    server = await asyncio.get_running_loop().create_server(greet, "127.0.0.1", 0, ssl=secret)
    office.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        # The talks that a test broke off end in the loop's next turns.
        await asyncio.sleep(0.01)


@pytest.fixture
async def post_office(server_tls: ssl.SSLContext) -> AsyncIterator[OpenPostOffice]:
    """Open mail servers: `security` as the mailer's, and `login` where one must sign in."""
    async with AsyncExitStack() as stack:

        async def open_one(security: str = "none", login: tuple[str, str] | None = None) -> PostOffice:
            office = PostOffice(login=login)
            options: dict[str, Any] = {}
            if security == "starttls":
                options |= {"tls_context": server_tls, "require_starttls": True}
            if login:
                options |= {"authenticator": office.authenticate, "auth_required": True, "auth_require_tls": False}
            await stack.enter_async_context(_serving(office, server_tls if security == "tls" else None, **options))
            return office

        yield open_one


@pytest.fixture(scope="session")
def writer() -> MailWriter:
    return MailWriter("Example Site", "noreply@example.test")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a certificate for this machine that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture(scope="session")
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this test trust the certificate, the way an operator would with a private authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture
def free_port() -> int:
    """Return a port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
