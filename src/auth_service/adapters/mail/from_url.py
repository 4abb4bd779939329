"""A mailer from one line of settings: `console://`, `file:///dir`, `smtp://`, `smtps://` or `smtp+starttls://`."""

from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from auth_service.adapters.mail.console import ConsoleMailer
from auth_service.adapters.mail.file import FileMailer
from auth_service.adapters.mail.writing import MailWriter
from auth_service.domain.ports.surroundings import Mailer


def mailer_from_url(url: str, *, writer: MailWriter) -> Mailer:
    """Return the mailer a URL names. Raises `ValueError` with one sentence that shows nothing of the URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # What it says quotes the URL, and a password with a colon or a bracket in it too.
        raise ValueError(
            "The mail URL cannot be read: it must look like smtp://user:password@host:port, with a number for the "
            "port, and signs other than letters and digits in user and password percent-encoded."
        ) from None
    match parts.scheme:
        case "console":
            if url.rstrip("/") != "console:":
                raise ValueError("The mail URL console:// takes nothing after it.")
            return ConsoleMailer(writer)
        case "file":
            return FileMailer(writer, _folder(parts))
        case "smtp" | "smtps" | "smtp+starttls":
            return _smtp(parts, port, writer)
        case _:
            raise ValueError(
                "The mail URL must begin with console://, file:///, smtp://, smtps:// or smtp+starttls://."
            )


def _folder(parts: SplitResult) -> Path:
    if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
        raise ValueError("A mail URL for a folder has three slashes and an absolute path, as in file:///var/mail/auth.")
    return Path(unquote(parts.path))


def _smtp(parts: SplitResult, port: int | None, writer: MailWriter) -> Mailer:
    # Others need not wait for what speaks SMTP to be imported.
    from auth_service.adapters.mail.smtp import Security, SmtpMailer  # noqa: PLC0415

    kinds: dict[str, tuple[Security, int]] = {
        "smtp": ("none", 25),
        "smtps": ("tls", 465),
        "smtp+starttls": ("starttls", 587),
    }
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(
            "The mail URL has something after the server's name: a / ? or # in user or password must be "
            "percent-encoded."
        )
    if not parts.hostname or port == 0:
        raise ValueError("The mail URL names no mail server: it must look like smtp://user:password@host:port.")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("The mail URL must hold both a user and a password, or neither.")
    security, usual_port = kinds[parts.scheme]
    return SmtpMailer(
        writer,
        host=parts.hostname,
        port=port or usual_port,
        security=security,
        username=_decoded(parts.username),
        password=_decoded(parts.password),
    )


def _decoded(text: str | None) -> str | None:
    try:
        return unquote(text, errors="strict") if text else None
    except UnicodeDecodeError:
        raise ValueError("User and password in the mail URL must be percent-encoded UTF-8.") from None
