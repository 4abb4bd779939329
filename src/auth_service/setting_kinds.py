"""Kinds of settings: what each takes, in words and in code, and how it is shown again."""

import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from auth_service.domain import names
from auth_service.domain.policy import DAY, HOUR, MINUTE
from auth_service.languages import ENGLISH, LANGUAGES

LONGEST_LIFETIME: Final = 3_650 * DAY
LONGEST_TEXT: Final = 100


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of value: what it takes in words, how it is read (`ValueError` where it cannot be) and shown again."""

    takes: str
    read: Callable[[str], object]
    show: Callable[[Any], str] = str
    hide: Callable[[str], str] = str
    is_secret: bool = False


def hide_credentials(url: str) -> str:
    """Return an address fit for a screen or a log, however badly it is written."""
    if url.lower().startswith(("sqlite:", "file:", "console:")):
        return url
    url = re.sub(r"(?s)^([\w.+-]+://)?.*@", r"\1***@", url)
    # No @ at all, and no number where a port would be: most likely a password whose host was forgotten.
    url = re.sub(r"^([\w.+-]+://[^/@:\[]*:)(?!\d{1,5}(?:[/?]|$))[^@]*$", r"\1***", url)
    return re.sub(r"(?i)([?&][^=&]*(?:pass|key|secret|token)[^=&]*=)[^&]*", r"\1***", url)


def one_of(*choices: str) -> Kind:
    """Return the kind of one of a few words."""
    spelled = {choice.lower(): choice for choice in choices}
    return Kind(takes=f"{', '.join(choices[:-1])} or {choices[-1]}", read=lambda text: _pick(spelled, text))


def whole(least: int, most: int) -> Kind:
    """Return the kind of a whole number."""
    return Kind(takes=f"a whole number from {least} to {most}", read=lambda text: _number(text, least, most))


def duration(least: float, most: float) -> Kind:
    """Return the kind of a time, in seconds or with its unit."""
    return Kind(
        takes=f"a time from {show_duration(least)} to {show_duration(most)}: seconds, or a number with s, m, h or d",
        read=lambda text: _seconds(text, least, most),
        show=show_duration,
    )


def _pick(choices: Mapping[str, str], text: str) -> str:
    if text.lower() not in choices:
        raise ValueError
    return choices[text.lower()]


def _number(text: str, least: float, most: float) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise ValueError
    return int(text)


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return () if text.lower() == "nobody" else tuple(ip_network(part.strip()) for part in text.split(","))


def _show_networks(networks: Sequence[IPv4Network | IPv6Network]) -> str:
    return ", ".join(str(network) for network in networks) or "nobody"


_UNITS = {"": 1.0, "s": 1.0, "m": MINUTE, "h": HOUR, "d": DAY}


def _seconds(text: str, least: float, most: float) -> float:
    found = re.fullmatch(r"([0-9]{1,12})\s*([smhd]?)", text.lower())
    if not found or not least <= (seconds := int(found[1]) * _UNITS[found[2]]) <= most:
        raise ValueError
    return seconds


def show_duration(seconds: float) -> str:
    """Return a time as an operator would write it: 900 seconds are 15m."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:g}{unit}"
    return f"{seconds:g}s"


_SWITCH_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH_WORDS:
        raise ValueError
    return _SWITCH_WORDS[text.lower()]


def _logout(text: str) -> str:
    return "others" if text.lower() == "others" else str(int(_switch(text)))


def _clean(text: str) -> str:
    """Refuse what no screen, header or address can hold: control characters, line breaks, bytes that are no UTF-8."""
    if not text.isprintable():
        raise ValueError
    return text


def _secret(text: str) -> str:
    text.encode()  # UnicodeEncodeError is a ValueError: the bytes in the environment were no UTF-8
    return text


def _short(text: str) -> str:
    if len(_clean(text)) > LONGEST_TEXT:
        raise ValueError
    return text


def _sender(text: str) -> str:
    _, address = parseaddr(_clean(text))
    if (text != address and not text.endswith(f"<{address}>")) or names.judge_email(address):
        raise ValueError
    return text


def _split(url: str) -> SplitResult:
    """Take an address apart; `port` is looked at because urlsplit checks it only then."""
    parts = urlsplit(_clean(url))
    if " " in url or parts.port == 0:
        raise ValueError
    return parts


def _frontend(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None or "@" in parts.netloc:
        raise ValueError
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    return () if text.lower() == "nobody" else tuple(_origin(part.strip()) for part in text.split(","))


def _origin(text: str) -> str:
    """Return an origin as browsers write it; `*` is any."""
    if text == "*":
        return text
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError
    if parts.path.strip("/") or parts.query or parts.fragment or not parts.netloc.isascii():
        raise ValueError
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"


def _show_origins(origins: Sequence[str]) -> str:
    return ", ".join(origins) or "nobody"


def _link(text: str) -> str:
    path = _clean(text).lstrip("/")
    rest = path.replace("{uid}", "", 1).replace("{token}", "", 1)
    if len(path) - len(rest) != len("{uid}{token}") or re.search(r"[{}\s]|^\w+:", rest):
        raise ValueError
    return path


def _mail(text: str) -> str:
    if text.lower() == "console://":
        return "console://"
    parts = _split(text)
    if parts.scheme == "file" and not parts.netloc and parts.path.strip("/") and not (parts.query or parts.fragment):
        return text
    is_smtp = parts.scheme in {"smtp", "smtps", "smtp+starttls"} and parts.hostname
    if not is_smtp or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError
    if bool(parts.username) != bool(parts.password):
        raise ValueError
    unquote(f"{parts.username}{parts.password}", errors="strict")
    return text


def _database(text: str) -> str:
    if text.lower().startswith("sqlite:"):
        file = _clean(text)[len("sqlite:///") :]
        if not text.lower().startswith("sqlite:///") or file.startswith(":") or "?" in file or not file.strip("/."):
            raise ValueError
        return f"sqlite:///{file}"
    parts = _split(text)
    if parts.scheme not in {"postgresql", "postgres"} or not parts.path.strip("/") or parts.fragment:
        raise ValueError
    if not parts.hostname and "host=" not in parts.query:
        raise ValueError
    return f"postgresql://{text.partition('://')[2]}"


def _throttle(text: str) -> str:
    """Take the address of a Redis or a Valkey; they speak the same, and our client knows the older name only."""
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower().replace("valkey", "redis")
    parts = _split(f"{scheme}://{rest}")
    if scheme == "unix" and not parts.netloc and parts.path.strip("/"):
        return f"{scheme}://{rest}"
    if scheme not in {"redis", "rediss"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    if not re.fullmatch(r"(?:/[0-9]{0,4})?", parts.path):
        raise ValueError
    return f"{scheme}://{rest}"


def _database_name(text: str) -> str:
    if _clean(text).startswith(":") or "?" in text:
        raise ValueError
    return text


def _key_file(text: str) -> Path:
    path = Path(_clean(text)).expanduser()
    if not path.is_file():
        raise ValueError
    return path


def _folder(text: str) -> Path:
    path = Path(_clean(text)).expanduser()
    if not path.is_dir():
        raise ValueError
    return path


def _picture(text: str) -> str:
    parts = _split(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise ValueError
    return text


def _first_language(text: str) -> str:
    """Return the first of our languages. Desktops set this variable too: a list, and maybe none of ours in it."""
    tags = [tag for tag in text.split(":") if tag]
    if not tags or not all(re.fullmatch(r"(C|POSIX|[a-zA-Z]{2,3})([_.@-][\w.@-]{1,30})?", tag) for tag in tags):
        raise ValueError
    known = (re.split(r"[_.@-]", tag)[0].lower() for tag in tags)
    return next((language for language in known if language in LANGUAGES), ENGLISH)


def _colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError
    return text.lower()


SECRET = Kind(takes="text in UTF-8", read=_secret, is_secret=True)
SWITCH = Kind(takes="1 or 0 (also true, false, yes, no, on, off)", read=_switch, show=lambda is_on: str(int(is_on)))
LOGOUT = Kind(takes="others, 0 or 1", read=_logout)
TEXT = Kind(takes=f"up to {LONGEST_TEXT} characters on one line", read=_short)
SENDER = Kind(takes="an address, or a name and an address: Name <name@example.org>", read=_sender)
FRONTEND = Kind(
    takes="an address that starts with http:// or https://, without ? # or credentials",
    read=_frontend,
    hide=hide_credentials,
)
LINK = Kind(takes="a path below FRONTEND_URL that holds {uid} and {token} once each", read=_link)
MAIL = Kind(
    takes="console://, file:///folder, or a mail server as smtp://, smtps:// or smtp+starttls://user:password@host:port"
    " (with % escapes for special characters in the password)",
    read=_mail,
    show=hide_credentials,
    hide=hide_credentials,
)
DATABASE = Kind(
    takes="sqlite:///file, sqlite:////full/path/file or postgresql://user:password@host/name "
    "(with % escapes for special characters in the password)",
    read=_database,
    show=hide_credentials,
    hide=hide_credentials,
)
THROTTLE = Kind(
    takes="redis://, rediss://, valkey:// or valkeys://user:password@host:port/number, or unix:///socket",
    read=_throttle,
    show=hide_credentials,
    hide=hide_credentials,
)
_ENGINES = {
    f"{prefix}{name}": engine
    for prefix in ("", "django.db.backends.")
    for name, engine in (("sqlite3", "sqlite3"), ("sqlite", "sqlite3"), ("postgresql", "postgresql"))
}
ENGINE = Kind(takes="sqlite3 or postgresql (also as django.db.backends.…)", read=lambda text: _pick(_ENGINES, text))
DATABASE_NAME = Kind(
    takes="a file for SQLite (not :memory:), or the name of a PostgreSQL database", read=_database_name
)
NETWORKS = Kind(
    takes="addresses or networks with commas between them, as 10.0.0.0/8, 192.0.2.7, or nobody",
    read=_networks,
    show=_show_networks,
)
ORIGINS = Kind(
    takes="origins with commas between them, as https://app.example.org, https://example.org:8443, or *, or nobody",
    read=_origins,
    show=_show_origins,
)
PICTURE = Kind(
    takes="an address that starts with http:// or https://, without # or credentials",
    read=_picture,
    hide=hide_credentials,
)
COLOUR = Kind(takes="a colour as #rrggbb", read=_colour)
LANGUAGE = Kind(
    takes=f"{', '.join(LANGUAGES)}, or what systems keep in this variable, as de_AT:de", read=_first_language
)
FOLDER = Kind(takes="the path of a folder that exists", read=_folder)
KEY_FILE = Kind(takes="the path of a PEM file that exists", read=_key_file)
LIFETIME = duration(1, LONGEST_LIFETIME)
