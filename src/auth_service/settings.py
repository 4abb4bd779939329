"""What the operator may set, read once from the environment and a `.env` file: nothing else here looks at either."""

import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, cast, get_args
from urllib.parse import SplitResult, quote, unquote, urlsplit

from dotenv.parser import parse_stream
from msgspec import Struct
from msgspec.structs import fields, replace

from auth_service.appearance import SHIPPED_ACCENT
from auth_service.domain import names
from auth_service.domain.policy import DAY, HOUR, MINUTE, Policy
from auth_service.languages import ENGLISH, LANGUAGES

OWN_ADDRESS: Final = "http://127.0.0.1:8000"
_SHORTEST_HMAC_KEY = 32  # RFC 7518 3.2
_LONGEST_LIFETIME = 3_650 * DAY
_LONGEST_TEXT = 100
_SESSION_LIFETIME = 90 * DAY


class SettingsError(ValueError):
    """Some settings cannot be honoured: a sentence about each, and never a secret in it."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of value: what it takes in words, how it is read (`ValueError` where it cannot be) and shown again."""

    takes: str
    read: Callable[[str], object]
    show: Callable[[Any], str] = str
    hide: Callable[[str], str] = str
    is_secret: bool = False


class Setting(Struct, frozen=True):
    """The declaration of one setting: its meaning and its kind. Name, type and default are those of its field."""

    meaning: str
    kind: Kind


class Description(NamedTuple):
    """A setting as it is shown to people: secrets only as set or not set, addresses without their credentials."""

    name: str
    meaning: str
    default: str
    value: str


def hide_credentials(url: str) -> str:
    """Return an address fit for a screen or a log, however badly it is written."""
    if url.lower().startswith(("sqlite:", "file:", "console:")):
        return url
    url = re.sub(r"(?s)^([\w.+-]+://)?.*@", r"\1***@", url)
    # No @ at all, and no number where a port would be: most likely a password whose host was forgotten.
    url = re.sub(r"^([\w.+-]+://[^/@:\[]*:)(?!\d{1,5}(?:[/?]|$))[^@]*$", r"\1***", url)
    return re.sub(r"(?i)([?&][^=&]*(?:pass|key|secret|token)[^=&]*=)[^&]*", r"\1***", url)


def _one_of(*choices: str) -> Kind:
    spelled = {choice.lower(): choice for choice in choices}
    return Kind(takes=f"{', '.join(choices[:-1])} or {choices[-1]}", read=lambda text: _pick(spelled, text))


def _whole(least: int, most: int) -> Kind:
    return Kind(takes=f"a whole number from {least} to {most}", read=lambda text: _number(text, least, most))


def _duration(least: float, most: float) -> Kind:
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
    if len(_clean(text)) > _LONGEST_TEXT:
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


_SECRET = Kind(takes="text in UTF-8", read=_secret, is_secret=True)
_SWITCH = Kind(takes="1 or 0 (also true, false, yes, no, on, off)", read=_switch, show=lambda is_on: str(int(is_on)))
_LOGOUT = Kind(takes="others, 0 or 1", read=_logout)
_TEXT = Kind(takes=f"up to {_LONGEST_TEXT} characters on one line", read=_short)
_SENDER = Kind(takes="an address, or a name and an address: Name <name@example.org>", read=_sender)
_FRONTEND = Kind(
    takes="an address that starts with http:// or https://, without ? # or credentials",
    read=_frontend,
    hide=hide_credentials,
)
_LINK = Kind(takes="a path below FRONTEND_URL that holds {uid} and {token} once each", read=_link)
_MAIL = Kind(
    takes="console://, file:///folder, or a mail server as smtp://, smtps:// or smtp+starttls://user:password@host:port"
    " (with % escapes for special characters in the password)",
    read=_mail,
    show=hide_credentials,
    hide=hide_credentials,
)
_DATABASE = Kind(
    takes="sqlite:///file, sqlite:////full/path/file or postgresql://user:password@host/name "
    "(with % escapes for special characters in the password)",
    read=_database,
    show=hide_credentials,
    hide=hide_credentials,
)
_THROTTLE = Kind(
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
_ENGINE = Kind(takes="sqlite3 or postgresql (also as django.db.backends.…)", read=lambda text: _pick(_ENGINES, text))
_DATABASE_NAME = Kind(
    takes="a file for SQLite (not :memory:), or the name of a PostgreSQL database", read=_database_name
)
_NETWORKS = Kind(
    takes="addresses or networks with commas between them, as 10.0.0.0/8, 192.0.2.7, or nobody",
    read=_networks,
    show=_show_networks,
)
_ORIGINS = Kind(
    takes="origins with commas between them, as https://app.example.org, https://example.org:8443, or *, or nobody",
    read=_origins,
    show=_show_origins,
)
_PICTURE = Kind(
    takes="an address that starts with http:// or https://, without # or credentials",
    read=_picture,
    hide=hide_credentials,
)
_COLOUR = Kind(takes="a colour as #rrggbb", read=_colour)
_LANGUAGE = Kind(
    takes=f"{', '.join(LANGUAGES)}, or what systems keep in this variable, as de_AT:de", read=_first_language
)
_FOLDER = Kind(takes="the path of a folder that exists", read=_folder)
_KEY_FILE = Kind(takes="the path of a PEM file that exists", read=_key_file)
_LIFETIME = _duration(1, _LONGEST_LIFETIME)


class Settings(Struct, frozen=True, kw_only=True):
    """All settings of one process. A field stands for the variable of its name in capitals.

    Each is declared here and nowhere else: reading, `describe` and the documents are made from these lines.
    """

    secret_key: Annotated[
        str | None,
        Setting(
            "Signs links, seals signing keys, signs HS256 tokens; without it, one is made beside an SQLite file.",
            _SECRET,
        ),
    ] = None
    debug: Annotated[bool, Setting("For development: accepts short keys; answers stay as they are.", _SWITCH)] = False

    database_url: Annotated[str, Setting("Where accounts are kept; goes before DB_ENGINE and DB_NAME.", _DATABASE)] = (
        "sqlite:///auth.db"
    )
    db_engine: Annotated[
        Literal["sqlite3", "postgresql"] | None,
        Setting("The kind of database, where there is no DATABASE_URL.", _ENGINE),
    ] = None
    db_name: Annotated[
        str | None, Setting("The file of an SQLite database, or the name of one in PostgreSQL here.", _DATABASE_NAME)
    ] = None

    database_connections: Annotated[
        int, Setting("How many connections each process keeps to a PostgreSQL database.", _whole(1, 500))
    ] = 10
    database_prepares: Annotated[
        bool, Setting("Prepares statements in PostgreSQL; off behind a pooler that shares connections.", _SWITCH)
    ] = True

    mail_url: Annotated[str, Setting("Where mails go: the terminal, a folder or a mail server.", _MAIL)] = "console://"
    mail_from: Annotated[str, Setting("Whom mails are from.", _SENDER)] = "webmaster@localhost"
    site_name: Annotated[str, Setting("What mails and pages call this service.", _TEXT)] = "auth-service"
    logo_url: Annotated[
        str | None, Setting("A picture that mails and pages show in place of the name, 32 pixels high.", _PICTURE)
    ] = None
    accent_color: Annotated[
        str, Setting("The colour of buttons and links; what is written on it is black or white by itself.", _COLOUR)
    ] = SHIPPED_ACCENT
    language: Annotated[
        str,
        Setting("What mails and pages are written in for whoever wishes for no language we have.", _LANGUAGE),
    ] = ENGLISH
    templates_dir: Annotated[
        Path | None,
        Setting("Templates of your own, each in the place of a shipped one: mail/ and pages/ below it.", _FOLDER),
    ] = None
    pages: Annotated[
        bool, Setting("Serves pages for people; off where a frontend of your own does all of it.", _SWITCH)
    ] = True
    pages_session_lifetime: Annotated[
        float, Setting("How long a sign-in on these pages lasts, however often it is used.", _LIFETIME)
    ] = 14 * DAY
    frontend_url: Annotated[
        str | None, Setting(f"Where mailed links lead; without it, to this service at {OWN_ADDRESS}.", _FRONTEND)
    ] = None
    activation_url: Annotated[str, Setting("The link that activates an account.", _LINK)] = "activate/{uid}/{token}"
    password_reset_confirm_url: Annotated[str, Setting("The link that leads to a new password.", _LINK)] = (
        "password-reset/{uid}/{token}"  # noqa: S105 - a path
    )
    username_reset_confirm_url: Annotated[str, Setting("The link that leads to a new name.", _LINK)] = (
        "username-reset/{uid}/{token}"
    )

    login_field: Annotated[
        Literal["username", "email"], Setting("What people sign in with.", _one_of("username", "email"))
    ] = "username"
    activation: Annotated[
        Literal["required", "optional", "off"],
        Setting(
            "Must an address be confirmed before its owner signs in, may it be, or is nobody asked?",
            _one_of("required", "optional", "off"),
        ),
    ] = "required"
    send_confirmation_email: Annotated[
        bool, Setting("Mails a welcome after activation, or after registration where there is none.", _SWITCH)
    ] = False
    user_create_password_retype: Annotated[bool, Setting("Registration needs re_password.", _SWITCH)] = False
    set_password_retype: Annotated[bool, Setting("Changing the password needs re_new_password.", _SWITCH)] = False
    password_reset_confirm_retype: Annotated[
        bool, Setting("Resetting the password needs re_new_password.", _SWITCH)
    ] = False
    set_username_retype: Annotated[bool, Setting("Changing the name needs re_new_username.", _SWITCH)] = False
    username_reset_confirm_retype: Annotated[bool, Setting("Resetting the name needs re_new_username.", _SWITCH)] = (
        False
    )
    password_reset_show_email_not_found: Annotated[
        bool, Setting("Asking for a password reset tells when nobody has the address.", _SWITCH)
    ] = False
    username_reset_show_email_not_found: Annotated[
        bool, Setting("Asking for a name reset tells when nobody has the address.", _SWITCH)
    ] = False
    password_changed_email_confirmation: Annotated[
        bool, Setting("Mails people when their password has changed.", _SWITCH)
    ] = False
    username_changed_email_confirmation: Annotated[
        bool, Setting("Mails people when their name has changed.", _SWITCH)
    ] = False
    new_device_email: Annotated[
        bool, Setting("Mails people when they sign in from where they never did before.", _SWITCH)
    ] = False
    registration_hides_accounts: Annotated[
        bool,
        Setting("Registration never tells that an address is taken: its owner is told, by mail.", _SWITCH),
    ] = False
    logout_on_password_change: Annotated[
        Literal["others", "0", "1"],
        Setting("What a changed password ends: all other sessions, none (0), or all with this one (1).", _LOGOUT),
    ] = "others"  # noqa: S105 - whose sessions end
    breached_passwords: Annotated[
        Literal["native", "everywhere", "off"],
        Setting(
            "Where passwords known from thefts are refused: on our own wire only, or on djoser's too.",
            _one_of("native", "everywhere", "off"),
        ),
    ] = "native"
    hide_users: Annotated[bool, Setting("People who are not staff see nobody but themselves.", _SWITCH)] = True
    email_change: Annotated[
        Literal["confirm", "immediate"],
        Setting("Does a new address count once it is confirmed by mail, or at once?", _one_of("confirm", "immediate")),
    ] = "confirm"
    activation_timeout: Annotated[float, Setting("How long an activation link is good.", _LIFETIME)] = 3 * DAY
    password_reset_timeout: Annotated[
        float, Setting("How long a link to a new password or name is good.", _LIFETIME)
    ] = HOUR

    jwt_algorithm: Annotated[
        Literal["HS256", "ES256", "EdDSA", "RS256"],
        Setting("How tokens are signed; HS256 does it with SECRET_KEY.", _one_of("HS256", "ES256", "EdDSA", "RS256")),
    ] = "ES256"
    jwt_private_key_file: Annotated[
        Path | None,
        Setting(
            "A key of your own to sign tokens with; without it, keys are made and kept in the database.", _KEY_FILE
        ),
    ] = None
    jwt_access_token_lifetime: Annotated[float, Setting("How long an access token is good.", _LIFETIME)] = 15 * MINUTE
    jwt_refresh_token_lifetime: Annotated[float, Setting("How long a refresh token is good.", _LIFETIME)] = 14 * DAY
    jwt_rotate_refresh_tokens: Annotated[bool, Setting("Each refresh gives a new refresh token, too.", _SWITCH)] = False
    jwt_refresh_grace: Annotated[
        float, Setting("How long a rotated refresh token may be sent again.", _duration(0, HOUR))
    ] = 10.0
    session_lifetime: Annotated[
        float | None,
        Setting(
            "When a sign-in ends, however often it is renewed; without it, after 90d (JWT_REFRESH_TOKEN_LIFETIME, where"
            " that is longer), and opaque tokens never.",
            _LIFETIME,
        ),
    ] = None
    opaque_token_idle_lifetime: Annotated[
        float | None,
        Setting(
            "How long an opaque token may lie unused; without it, for ever.", _duration(5 * MINUTE, _LONGEST_LIFETIME)
        ),
    ] = None
    journal_retention: Annotated[float, Setting("How long the journal keeps its records.", _LIFETIME)] = 365 * DAY

    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Setting("Proxies whose word on a client's address is taken; nobody else's is.", _NETWORKS),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Setting("Whose pages may read answers in a browser; * is anybody's, but without cookies.", _ORIGINS),
    ] = ()
    throttling: Annotated[
        bool, Setting("Slows down those who guess, flood or fill other people's mailboxes.", _SWITCH)
    ] = True
    throttle_url: Annotated[
        str | None, Setting("Where attempts are counted; without it, in the database.", _THROTTLE)
    ] = None
    argon2_time_cost: Annotated[int, Setting("How many passes a password hash takes.", _whole(1, 100))] = 2
    argon2_memory_kib: Annotated[int, Setting("How much memory a password hash takes.", _whole(8, 4_194_304))] = 19_456
    argon2_parallelism: Annotated[int, Setting("How many lanes a password hash has.", _whole(1, 64))] = 1

    log_format: Annotated[
        Literal["auto", "console", "json"],
        Setting("How log lines look; auto is console on a terminal, else json.", _one_of("auto", "console", "json")),
    ] = "auto"

    @property
    def sqlite_file(self) -> Path | None:
        """The file of the embedded database; None where accounts are kept in PostgreSQL."""
        return file_of(self.database_url)

    def policy(self) -> Policy:
        """Return what of this concerns the domain."""
        ends: dict[str, Literal["others", "none", "all"]] = {"others": "others", "0": "none", "1": "all"}
        return Policy(
            activation=self.activation,
            login_field=self.login_field,
            email_change=self.email_change,
            logout_on_password_change=ends[self.logout_on_password_change],
            hide_users=self.hide_users,
            breached_passwords=self.breached_passwords,
            language=self.language,
            languages=tuple(LANGUAGES),
            send_confirmation_email=self.send_confirmation_email,
            password_changed_email=self.password_changed_email_confirmation,
            username_changed_email=self.username_changed_email_confirmation,
            new_device_email=self.new_device_email,
            registration_hides_accounts=self.registration_hides_accounts,
            password_reset_tells_unknown=self.password_reset_show_email_not_found,
            username_reset_tells_unknown=self.username_reset_show_email_not_found,
            activation_timeout=self.activation_timeout,
            reset_timeout=self.password_reset_timeout,
            access_lifetime=self.jwt_access_token_lifetime,
            refresh_lifetime=self.jwt_refresh_token_lifetime,
            browser_lifetime=self.pages_session_lifetime,
            rotate_refresh=self.jwt_rotate_refresh_tokens,
            refresh_grace=self.jwt_refresh_grace,
            session_lifetime=self.session_lifetime or max(_SESSION_LIFETIME, self.jwt_refresh_token_lifetime),
            opaque_lifetime=self.session_lifetime,
            opaque_idle_lifetime=self.opaque_token_idle_lifetime,
            frontend_url=self.frontend_url or OWN_ADDRESS,
            activation_url=self.activation_url,
            password_reset_url=self.password_reset_confirm_url,
            username_reset_url=self.username_reset_confirm_url,
        )

    def __repr__(self) -> str:
        """Show no secret."""
        return f"Settings({', '.join(f'{told.name.lower()}={told.value!r}' for told in describe(self))})"


class _Declared(NamedTuple):
    field: str
    default: object
    meaning: str
    kind: Kind

    @property
    def name(self) -> str:
        return self.field.upper()

    def shown(self, value: object) -> str:
        if value is None:
            return "not set"
        return "set" if self.kind.is_secret else self.kind.show(value)

    def refused(self, text: str) -> str:
        if self.kind.is_secret:
            return f"{self.name} holds what it cannot; it takes {self.kind.takes}."
        held = self.kind.hide(text)
        held = held if len(held) <= _LONGEST_TEXT else f"{held[:_LONGEST_TEXT]}…"
        return f"{self.name} is {held!r}; it takes {self.kind.takes}."


def _declarations() -> tuple[_Declared, ...]:
    declared = []
    for field in fields(Settings):
        setting = cast("Setting", get_args(field.type)[1])
        declared.append(_Declared(field.name, field.default, setting.meaning, setting.kind))
    return tuple(declared)


_TABLE: Final = _declarations()


def present_settings() -> Settings:
    """Read the settings of this process: its environment, and `.env` in the folder it runs in."""
    return read_settings(os.environ, Path(".env"))


def read_database_url(name: str, text: str) -> str:
    """Return the address of a database that was given otherwise than by a setting, or raise `SettingsError`."""
    try:
        return _database(text.strip())
    except ValueError:
        raise SettingsError([f"{name} is {hide_credentials(text)!r}; it takes {_DATABASE.takes}."]) from None


def file_of(database_url: str) -> Path | None:
    """Return the file of an embedded database; None where the address is that of a server."""
    scheme, _, file = database_url.partition(":///")
    return Path(file) if scheme == "sqlite" else None


def hand_down(**values: str) -> None:
    """Set variables for the processes that this one starts: they read their settings for themselves."""
    os.environ.update(values)


def read_settings(environ: Mapping[str, str], dotenv: Path | None) -> Settings:
    """Read all settings or raise `SettingsError`, which names all that are wrong; an empty value counts as not set."""
    given = _not_empty(_read_file(dotenv)) | _not_empty(environ)
    values: dict[str, Any] = {}
    wrong = []
    for declared in _TABLE:
        text = given.get(declared.name)
        if text is None:
            continue
        try:
            # Only a secret is taken to the last blank: tokens signed elsewhere with the same one must stay good.
            values[declared.field] = declared.kind.read(text if declared.kind.is_secret else text.strip())
        except ValueError:
            wrong.append(declared.refused(text.strip()))
    if wrong:
        raise SettingsError(wrong)
    settings = Settings(**values)
    if "database_url" not in values:
        settings = _at_named_database(settings)
    if contradictions := _contradictions(settings):
        raise SettingsError(contradictions)
    return settings


def describe(settings: Settings) -> list[Description]:
    """Return every setting with its meaning, its default and what it is now; secrets stay hidden."""
    return [
        Description(
            declared.name,
            declared.meaning,
            declared.shown(declared.default),
            declared.shown(getattr(settings, declared.field)),
        )
        for declared in _TABLE
    ]


def _not_empty(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in variables.items() if text.strip()}


def _read_file(dotenv: Path | None) -> dict[str, str]:
    """Read a `.env` file, where there is one. A line that cannot be read is refused: it may be the one that matters."""
    if dotenv is None:
        return {}
    try:
        text = dotenv.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = "its text is not UTF-8" if isinstance(error, UnicodeDecodeError) else (error.strerror or "").lower()
        raise SettingsError([f"The settings in {dotenv} cannot be read: {why}."]) from None
    found = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.line + binding.original.string[: -len(binding.original.string.lstrip())].count("\n")
            raise SettingsError([f"Line {line} of {dotenv} cannot be read; it takes NAME=value."])
        if binding.key is not None and binding.value is not None:
            found[binding.key] = binding.value
    return found


def _at_named_database(settings: Settings) -> Settings:
    """Put together what Django projects keep apart."""
    match settings.db_engine, settings.db_name:
        case None, None:
            return settings
        case None, _:
            raise SettingsError([f"DB_ENGINE is not set although DB_NAME is; it takes {_ENGINE.takes}."])
        case _, None:
            raise SettingsError([f"DB_NAME is not set although DB_ENGINE is; it takes {_DATABASE_NAME.takes}."])
        case "sqlite3", name:
            return replace(settings, database_url=f"sqlite:///{name}")
        case _, name:
            return replace(settings, database_url=f"postgresql://localhost/{quote(name or '', safe='')}")


def _contradictions(settings: Settings) -> list[str]:
    """Return what cannot be together, though each could be alone."""
    found = []
    key = settings.secret_key
    if key is None and settings.jwt_algorithm == "HS256":
        found.append("SECRET_KEY is not set; JWT_ALGORITHM=HS256 signs with it and takes 32 bytes or more.")
    elif key is None and settings.sqlite_file is None:
        found.append("SECRET_KEY is not set; with a PostgreSQL database it must be, and the same for every process.")
    elif (
        key is not None
        and settings.jwt_algorithm == "HS256"
        and not settings.debug
        and (length := len(key.encode())) < _SHORTEST_HMAC_KEY
    ):
        found.append(
            f"SECRET_KEY has {length} bytes; JWT_ALGORITHM=HS256 takes {_SHORTEST_HMAC_KEY} or more, unless DEBUG=1."
        )
    if settings.registration_hides_accounts and settings.activation != "required":
        found.append(
            f"REGISTRATION_HIDES_ACCOUNTS is 1 and ACTIVATION is {settings.activation!r}; it takes required, for"
            " whoever could sign in right after registering would see what there is."
        )
    lanes = settings.argon2_parallelism
    if settings.argon2_memory_kib < 8 * lanes:
        found.append(
            f"ARGON2_MEMORY_KIB is '{settings.argon2_memory_kib}'; with ARGON2_PARALLELISM={lanes} it takes {8 * lanes}"
            " or more, 8 for each lane."
        )
    return found
