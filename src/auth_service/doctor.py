"""The doctor: settings that are each allowed and together unwise, each with what would help.

`auth-service doctor` tells all of them; the start tells those that are dangerous. A service that listens to nobody but
this machine, and leads nowhere else, is somebody trying it out: most of it does not matter there.
"""

import stat
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from auth_service.domain.policy import DAY
from auth_service.settings import Settings

_LOCAL_NAMES: Final = frozenset({"localhost", ""})
_OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO
# OWASP's equivalents for Argon2id: so much memory with so many passes.
_ENOUGH_MEMORY: Final = {1: 47_104, 2: 19_456, 3: 12_288, 4: 9_216, 5: 7_168}
_SHORTEST_HMAC_KEY: Final = 32
_WIDEST_NETWORK: Final = 1 << 24
_KNOWN_SECRETS: Final = frozenset({"changeme", "change-me", "secret", "secretkey", "secret-key", "example", "insecure"})


class Finding(NamedTuple):
    """One thing that should not stay as it is. What is `dangerous` opens a door; the rest annoys or wears."""

    weight: Literal["dangerous", "unwise"]
    about: str
    sentence: str
    remedy: str


_Check = Callable[[Settings, bool], Iterator[Finding]]


def examine(settings: Settings, *, host: str) -> list[Finding]:
    """Return what is wrong with a service of these settings that listens at `host`, the dangerous first."""
    public = not _is_local(host) or _is_public(settings.frontend_url)
    found = [finding for check in _CHECKS for finding in check(settings, public)]
    return sorted(found, key=lambda finding: finding.weight)


def _debug(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the form of every check
    if settings.debug and public:
        yield Finding(
            "dangerous",
            "DEBUG",
            "DEBUG=1 sends cookies without Secure and takes short keys, and the service can be reached from elsewhere.",
            "Leave DEBUG out wherever other people can come.",
        )


def _secret(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    secret = settings.secret_key
    if secret is None:
        return
    if secret.lower().startswith("django-insecure-") or secret.lower() in _KNOWN_SECRETS:
        weight: Literal["dangerous", "unwise"] = "dangerous" if public else "unwise"
        yield Finding(
            weight,
            "SECRET_KEY",
            "SECRET_KEY looks like one from an example: whoever knows it makes links, and under HS256 tokens.",
            "Make one of your own: openssl rand -hex 32",
        )
    if len(secret.encode()) < _SHORTEST_HMAC_KEY:
        yield Finding(
            "dangerous" if settings.jwt_algorithm == "HS256" else "unwise",
            "SECRET_KEY",
            f"SECRET_KEY has {len(secret.encode())} bytes; fewer than {_SHORTEST_HMAC_KEY} can be guessed at leisure.",
            "Make one of your own: openssl rand -hex 32",
        )


def _links(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    frontend = settings.frontend_url
    if frontend is None and public:
        yield Finding(
            "unwise",
            "FRONTEND_URL",
            "FRONTEND_URL is not set, so mailed links lead to the address the service listens on.",
            "Set FRONTEND_URL to the address people have in their browser.",
        )
    if frontend is not None and frontend.startswith("http://") and _is_public(frontend):
        yield Finding(
            "dangerous",
            "FRONTEND_URL",
            f"Links lead to {frontend}, where links and passwords travel readable and Secure cookies do not work.",
            "Serve it by https and say so in FRONTEND_URL.",
        )


def _mail(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    url = urlsplit(settings.mail_url)
    if url.scheme == "console" and public:
        yield Finding(
            "dangerous",
            "MAIL_URL",
            "Mails are printed on the terminal: nobody gets theirs, and whoever reads the log can use their links.",
            "Set MAIL_URL to a mail server, as smtp+starttls://user:password@mail.example.org:587",
        )
    if url.scheme == "smtp" and not _is_local(url.hostname or ""):
        yield Finding(
            "dangerous" if url.password else "unwise",
            "MAIL_URL",
            f"Mail goes to {url.hostname} readable for everybody on the way"
            f"{', and so does its password' if url.password else ''}.",
            "Use smtp+starttls:// or smtps://.",
        )
    if settings.mail_from.rstrip("> ").endswith("@localhost") and public:
        yield Finding(
            "unwise",
            "MAIL_FROM",
            f"Mails come from {settings.mail_from}, which mail servers refuse or take for spam.",
            "Set MAIL_FROM to an address of your domain.",
        )


def _proxies(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    if not settings.trusted_proxies and (settings.frontend_url or "").startswith("https://") and public:
        yield Finding(
            "unwise",
            "TRUSTED_PROXIES",
            "Something ends TLS before this service and TRUSTED_PROXIES does not name it: all clients share its"
            " address, and one uses up the limits of all.",
            "Name it, as TRUSTED_PROXIES=10.0.0.7, or 127.0.0.1 where it runs on this machine.",
        )
    for network in settings.trusted_proxies:
        if network.num_addresses >= _WIDEST_NETWORK and not network.is_private:
            yield Finding(
                "dangerous",
                "TRUSTED_PROXIES",
                f"TRUSTED_PROXIES={network} takes the word of half the world on who is calling: limits are void.",
                "Name your proxies alone.",
            )


def _origins(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    if "*" in settings.cors_origins and public:
        yield Finding(
            "unwise",
            "CORS_ORIGINS",
            "CORS_ORIGINS=* lets pages of any site read answers (never with cookies).",
            "Name the origins of your own pages.",
        )
    for origin in settings.cors_origins:
        if origin.startswith("http://") and _is_public(origin):
            yield Finding(
                "dangerous",
                "CORS_ORIGINS",
                f"CORS_ORIGINS lets {origin} read answers with cookies, and anybody on the way can be that page.",
                "Serve it by https and name that.",
            )


def _limits(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    if not settings.throttling and public:
        yield Finding(
            "dangerous",
            "THROTTLING",
            "THROTTLING=0 lets anybody guess passwords and fill mailboxes as fast as they can.",
            "Leave THROTTLING out.",
        )
    passes = min(settings.argon2_time_cost, max(_ENOUGH_MEMORY))
    if settings.argon2_memory_kib < _ENOUGH_MEMORY[passes]:
        yield Finding(
            "dangerous" if public else "unwise",
            "ARGON2_MEMORY_KIB",
            f"{settings.argon2_memory_kib} KiB with {settings.argon2_time_cost} passes make stolen hashes cheap to"
            f" guess: with so many passes it takes {_ENOUGH_MEMORY[passes]} KiB or more.",
            "Leave the ARGON2 settings out, or raise them.",
        )
    if settings.jwt_access_token_lifetime > DAY:
        yield Finding(
            "unwise",
            "JWT_ACCESS_TOKEN_LIFETIME",
            "Other services, which check tokens by themselves, go on taking a signed-out access token for over a day.",
            "Make access tokens short and let clients refresh them.",
        )


def _silence(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001 - the same
    for name in ("password_reset_show_email_not_found", "username_reset_show_email_not_found"):
        if getattr(settings, name) and public:
            yield Finding(
                "unwise",
                name.upper(),
                f"{name.upper()}=1 tells anybody whether an address has an account.",
                "Leave it out, unless your clients need it.",
            )


def _files(settings: Settings, public: bool) -> Iterator[Finding]:  # noqa: FBT001, ARG001 - the same
    database = settings.sqlite_file
    beside = [] if database is None else sorted(database.absolute().parent.glob(f"{database.name}*"))
    for file in (Path(".env"), settings.jwt_private_key_file, *beside):
        if file is not None and file.is_file() and file.stat().st_mode & _OTHERS_MAY:
            yield Finding("dangerous", str(file), f"Others on this machine may read {file}.", f"chmod 600 {file}")


_CHECKS: Final[tuple[_Check, ...]] = (
    _debug,
    _secret,
    _links,
    _mail,
    _proxies,
    _origins,
    _limits,
    _silence,
    _files,
)


def _is_public(url: str | None) -> bool:
    return url is not None and not _is_local(urlsplit(url).hostname or "")


def _is_local(host: str) -> bool:
    if host in _LOCAL_NAMES or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
