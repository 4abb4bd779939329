"""What the operator may set, read once from the environment and a `.env` file: nothing else here looks at either."""

import io
import os
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, cast, get_args
from urllib.parse import quote

from dotenv.parser import parse_stream
from msgspec import Struct
from msgspec.structs import fields, replace

from auth_service import setting_kinds as kinds
from auth_service.appearance import SHIPPED_ACCENT
from auth_service.domain.policy import DAY, HOUR, MINUTE, Policy
from auth_service.languages import ENGLISH, LANGUAGES

OWN_ADDRESS: Final = "http://127.0.0.1:8000"
_SHORTEST_HMAC_KEY = 32  # RFC 7518 3.2
_SESSION_LIFETIME = 90 * DAY


class SettingsError(ValueError):
    """Some settings cannot be honoured: a sentence about each, and never a secret in it."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = tuple(sentences)


class Setting(Struct, frozen=True):
    """The declaration of one setting: its meaning and its kind. Name, type and default are those of its field."""

    meaning: str
    kind: kinds.Kind


class Description(NamedTuple):
    """A setting as it is shown to people: secrets only as set or not set, addresses without their credentials."""

    name: str
    meaning: str
    default: str
    value: str


class Settings(Struct, frozen=True, kw_only=True):
    """All settings of one process. A field stands for the variable of its name in capitals.

    Each is declared here and nowhere else: reading, `describe` and the documents are made from these lines.
    """

    secret_key: Annotated[
        str | None,
        Setting(
            "Signs links, seals signing keys, signs HS256 tokens; without it, one is made beside an SQLite file.",
            kinds.SECRET,
        ),
    ] = None
    debug: Annotated[bool, Setting("For development: accepts short keys; answers stay as they are.", kinds.SWITCH)] = (
        False
    )

    database_url: Annotated[
        str, Setting("Where accounts are kept; goes before DB_ENGINE and DB_NAME.", kinds.DATABASE)
    ] = "sqlite:///auth.db"
    db_engine: Annotated[
        Literal["sqlite3", "postgresql"] | None,
        Setting("The kind of database, where there is no DATABASE_URL.", kinds.ENGINE),
    ] = None
    db_name: Annotated[
        str | None,
        Setting("The file of an SQLite database, or the name of one in PostgreSQL here.", kinds.DATABASE_NAME),
    ] = None

    database_connections: Annotated[
        int, Setting("How many connections each process keeps to a PostgreSQL database.", kinds.whole(1, 500))
    ] = 10
    database_prepares: Annotated[
        bool, Setting("Prepares statements in PostgreSQL; off behind a pooler that shares connections.", kinds.SWITCH)
    ] = True

    mail_url: Annotated[str, Setting("Where mails go: the terminal, a folder or a mail server.", kinds.MAIL)] = (
        "console://"
    )
    mail_from: Annotated[str, Setting("Whom mails are from.", kinds.SENDER)] = "webmaster@localhost"
    site_name: Annotated[str, Setting("What mails and pages call this service.", kinds.TEXT)] = "auth-service"
    logo_url: Annotated[
        str | None, Setting("A picture that mails and pages show in place of the name, 32 pixels high.", kinds.PICTURE)
    ] = None
    accent_color: Annotated[
        str,
        Setting("The colour of buttons and links; what is written on it is black or white by itself.", kinds.COLOUR),
    ] = SHIPPED_ACCENT
    language: Annotated[
        str,
        Setting("What mails and pages are written in for whoever wishes for no language we have.", kinds.LANGUAGE),
    ] = ENGLISH
    templates_dir: Annotated[
        Path | None,
        Setting("Templates of your own, each in the place of a shipped one: mail/ and pages/ below it.", kinds.FOLDER),
    ] = None
    pages: Annotated[
        bool, Setting("Serves pages for people; off where a frontend of your own does all of it.", kinds.SWITCH)
    ] = True
    pages_session_lifetime: Annotated[
        float, Setting("How long a sign-in on these pages lasts, however often it is used.", kinds.LIFETIME)
    ] = 14 * DAY
    frontend_url: Annotated[
        str | None, Setting(f"Where mailed links lead; without it, to this service at {OWN_ADDRESS}.", kinds.FRONTEND)
    ] = None
    activation_url: Annotated[str, Setting("The link that activates an account.", kinds.LINK)] = (
        "activate/{uid}/{token}"
    )
    password_reset_confirm_url: Annotated[str, Setting("The link that leads to a new password.", kinds.LINK)] = (
        "password-reset/{uid}/{token}"  # noqa: S105 - a path
    )
    username_reset_confirm_url: Annotated[str, Setting("The link that leads to a new name.", kinds.LINK)] = (
        "username-reset/{uid}/{token}"
    )

    login_field: Annotated[
        Literal["username", "email"], Setting("What people sign in with.", kinds.one_of("username", "email"))
    ] = "username"
    activation: Annotated[
        Literal["required", "optional", "off"],
        Setting(
            "Must an address be confirmed before its owner signs in, may it be, or is nobody asked?",
            kinds.one_of("required", "optional", "off"),
        ),
    ] = "required"
    send_confirmation_email: Annotated[
        bool, Setting("Mails a welcome after activation, or after registration where there is none.", kinds.SWITCH)
    ] = False
    user_create_password_retype: Annotated[bool, Setting("Registration needs re_password.", kinds.SWITCH)] = False
    set_password_retype: Annotated[bool, Setting("Changing the password needs re_new_password.", kinds.SWITCH)] = False
    password_reset_confirm_retype: Annotated[
        bool, Setting("Resetting the password needs re_new_password.", kinds.SWITCH)
    ] = False
    set_username_retype: Annotated[bool, Setting("Changing the name needs re_new_username.", kinds.SWITCH)] = False
    username_reset_confirm_retype: Annotated[
        bool, Setting("Resetting the name needs re_new_username.", kinds.SWITCH)
    ] = False
    password_reset_show_email_not_found: Annotated[
        bool, Setting("Asking for a password reset tells when nobody has the address.", kinds.SWITCH)
    ] = False
    username_reset_show_email_not_found: Annotated[
        bool, Setting("Asking for a name reset tells when nobody has the address.", kinds.SWITCH)
    ] = False
    password_changed_email_confirmation: Annotated[
        bool, Setting("Mails people when their password has changed.", kinds.SWITCH)
    ] = False
    username_changed_email_confirmation: Annotated[
        bool, Setting("Mails people when their name has changed.", kinds.SWITCH)
    ] = False
    new_device_email: Annotated[
        bool, Setting("Mails people when they sign in from where they never did before.", kinds.SWITCH)
    ] = False
    registration_hides_accounts: Annotated[
        bool,
        Setting("Registration never tells that an address is taken: its owner is told, by mail.", kinds.SWITCH),
    ] = False
    logout_on_password_change: Annotated[
        Literal["others", "0", "1"],
        Setting("What a changed password ends: all other sessions, none (0), or all with this one (1).", kinds.LOGOUT),
    ] = "others"  # noqa: S105 - whose sessions end
    breached_passwords: Annotated[
        Literal["native", "everywhere", "off"],
        Setting(
            "Where passwords known from thefts are refused: on our own wire only, or on djoser's too.",
            kinds.one_of("native", "everywhere", "off"),
        ),
    ] = "native"
    hide_users: Annotated[bool, Setting("People who are not staff see nobody but themselves.", kinds.SWITCH)] = True
    email_change: Annotated[
        Literal["confirm", "immediate"],
        Setting(
            "Does a new address count once it is confirmed by mail, or at once?", kinds.one_of("confirm", "immediate")
        ),
    ] = "confirm"
    activation_timeout: Annotated[float, Setting("How long an activation link is good.", kinds.LIFETIME)] = 3 * DAY
    password_reset_timeout: Annotated[
        float, Setting("How long a link to a new password or name is good.", kinds.LIFETIME)
    ] = HOUR

    jwt_algorithm: Annotated[
        Literal["HS256", "ES256", "EdDSA", "RS256"],
        Setting(
            "How tokens are signed; HS256 does it with SECRET_KEY.", kinds.one_of("HS256", "ES256", "EdDSA", "RS256")
        ),
    ] = "ES256"
    jwt_private_key_file: Annotated[
        Path | None,
        Setting(
            "A key of your own to sign tokens with; without it, keys are made and kept in the database.", kinds.KEY_FILE
        ),
    ] = None
    jwt_access_token_lifetime: Annotated[float, Setting("How long an access token is good.", kinds.LIFETIME)] = (
        15 * MINUTE
    )
    jwt_refresh_token_lifetime: Annotated[float, Setting("How long a refresh token is good.", kinds.LIFETIME)] = (
        14 * DAY
    )
    jwt_rotate_refresh_tokens: Annotated[
        bool, Setting("Each refresh gives a new refresh token, too.", kinds.SWITCH)
    ] = False
    jwt_refresh_grace: Annotated[
        float, Setting("How long a rotated refresh token may be sent again.", kinds.duration(0, HOUR))
    ] = 10.0
    session_lifetime: Annotated[
        float | None,
        Setting(
            "When a sign-in ends, however often it is renewed; without it, after 90d (JWT_REFRESH_TOKEN_LIFETIME, where"
            " that is longer), and opaque tokens never.",
            kinds.LIFETIME,
        ),
    ] = None
    opaque_token_idle_lifetime: Annotated[
        float | None,
        Setting(
            "How long an opaque token may lie unused; without it, for ever.",
            kinds.duration(5 * MINUTE, kinds.LONGEST_LIFETIME),
        ),
    ] = None
    journal_retention: Annotated[float, Setting("How long the journal keeps its records.", kinds.LIFETIME)] = 365 * DAY

    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...],
        Setting("Proxies whose word on a client's address is taken; nobody else's is.", kinds.NETWORKS),
    ] = ()
    cors_origins: Annotated[
        tuple[str, ...],
        Setting("Whose pages may read answers in a browser; * is anybody's, but without cookies.", kinds.ORIGINS),
    ] = ()
    throttling: Annotated[
        bool, Setting("Slows down those who guess, flood or fill other people's mailboxes.", kinds.SWITCH)
    ] = True
    throttle_url: Annotated[
        str | None, Setting("Where attempts are counted; without it, in the database.", kinds.THROTTLE)
    ] = None
    argon2_time_cost: Annotated[int, Setting("How many passes a password hash takes.", kinds.whole(1, 100))] = 2
    argon2_memory_kib: Annotated[int, Setting("How much memory a password hash takes.", kinds.whole(8, 4_194_304))] = (
        19_456
    )
    argon2_parallelism: Annotated[int, Setting("How many lanes a password hash has.", kinds.whole(1, 64))] = 1

    log_format: Annotated[
        Literal["auto", "console", "json"],
        Setting(
            "How log lines look; auto is console on a terminal, else json.", kinds.one_of("auto", "console", "json")
        ),
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
    kind: kinds.Kind

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
        held = held if len(held) <= kinds.LONGEST_TEXT else f"{held[: kinds.LONGEST_TEXT]}…"
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
        return str(kinds.DATABASE.read(text.strip()))
    except ValueError:
        raise SettingsError([f"{name} is {kinds.hide_credentials(text)!r}; it takes {kinds.DATABASE.takes}."]) from None


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
            raise SettingsError([f"DB_ENGINE is not set although DB_NAME is; it takes {kinds.ENGINE.takes}."])
        case _, None:
            raise SettingsError([f"DB_NAME is not set although DB_ENGINE is; it takes {kinds.DATABASE_NAME.takes}."])
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
