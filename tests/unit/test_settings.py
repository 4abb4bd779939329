"""What may be set, what may not, and what is said about it; no secret ever shows."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import asdict, fields, replace

from auth_service.domain.policy import Policy
from auth_service.languages import LANGUAGES
from auth_service.setting_kinds import hide_credentials, show_duration
from auth_service.settings import (
    Settings,
    SettingsError,
    describe,
    present_settings,
    read_settings,
)

KEY = "a-key-of-at-least-32-bytes-that-nobody-may-see"
SWITCHES = sorted(field.name.upper() for field in fields(Settings) if isinstance(field.default, bool))


def read(**environ: str) -> Settings:
    return read_settings(environ, None)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read_settings(environ, None)
    return str(caught.value)


def test_with_nothing_set_the_defaults_are_those_of_the_policy() -> None:
    assert read() == Settings()
    assert Settings().policy() == Policy(languages=tuple(LANGUAGES))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SECRET_KEY", f" {KEY} ", f" {KEY} "),
        ("DATABASE_URL", "sqlite:///data/auth.db", "sqlite:///data/auth.db"),
        ("DATABASE_URL", "sqlite:////srv/a b@c.db", "sqlite:////srv/a b@c.db"),
        ("MAIL_URL", "CONSOLE://", "console://"),
        ("MAIL_URL", "file:///srv/mails", "file:///srv/mails"),
        ("MAIL_URL", "smtp://127.0.0.1:2525", "smtp://127.0.0.1:2525"),
        ("MAIL_URL", "smtps://u:p%40ss@mx.example.org", "smtps://u:p%40ss@mx.example.org"),
        ("MAIL_URL", "smtp+starttls://u:p@[::1]:587", "smtp+starttls://u:p@[::1]:587"),
        ("MAIL_FROM", "noreply@example.org", "noreply@example.org"),
        ("MAIL_FROM", "Zoë's shop <noreply@example.org>", "Zoë's shop <noreply@example.org>"),
        ("MAIL_FROM", '"Shop, Inc." <noreply@example.org>', '"Shop, Inc." <noreply@example.org>'),
        ("SITE_NAME", "  Example Site ", "Example Site"),
        ("FRONTEND_URL", "https://app.example.org/", "https://app.example.org"),
        ("FRONTEND_URL", "http://localhost:3000/app/", "http://localhost:3000/app"),
        ("ACTIVATION_URL", "/#/activate/{uid}/{token}", "#/activate/{uid}/{token}"),
        ("PASSWORD_RESET_CONFIRM_URL", "reset?token={token}&uid={uid}", "reset?token={token}&uid={uid}"),
        ("LOGO_URL", "https://example.org/logo.png?v=2", "https://example.org/logo.png?v=2"),
        ("ACCENT_COLOR", "#FFD60a", "#ffd60a"),
        ("LANGUAGE", "AR", "ar"),
        ("LANGUAGE", "pt-BR", "pt"),
        # As desktops have it: there it is for whoever sits before them, and must not stop the service.
        ("LANGUAGE", "de_AT.UTF-8:de:en_GB:en", "de"),
        ("LANGUAGE", "ja_JP:ja", "en"),
        ("LANGUAGE", "C", "en"),
        ("TEMPLATES_DIR", "/", Path("/")),
        ("LOGIN_FIELD", "Email", "email"),
        ("ACTIVATION", "optional", "optional"),
        ("LOGOUT_ON_PASSWORD_CHANGE", "Others", "others"),
        ("LOGOUT_ON_PASSWORD_CHANGE", "true", "1"),
        ("LOGOUT_ON_PASSWORD_CHANGE", "off", "0"),
        ("EMAIL_CHANGE", "immediate", "immediate"),
        ("JWT_ALGORITHM", "eddsa", "EdDSA"),
        ("JWT_ACCESS_TOKEN_LIFETIME", "900", 900.0),
        ("JWT_ACCESS_TOKEN_LIFETIME", "90s", 90.0),
        ("JWT_ACCESS_TOKEN_LIFETIME", "15m", 900.0),
        ("ACTIVATION_TIMEOUT", "1 H", 3600.0),
        ("JWT_REFRESH_TOKEN_LIFETIME", "14d", 1_209_600.0),
        ("JWT_REFRESH_GRACE", "0", 0.0),
        ("ARGON2_MEMORY_KIB", "1024", 1024),
        ("LOG_FORMAT", "JSON", "json"),
    ],
)
def test_each_setting_is_read_in_every_form_it_takes(name: str, text: str, value: object) -> None:
    assert getattr(read(**{name: text}), name.lower()) == value


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_takes_the_usual_words_without_case(name: str) -> None:
    for text in ("1", "true", "YES", "On"):
        assert getattr(read(**{name: text}), name.lower()) is True
    for text in ("0", "False", "no", "OFF"):
        assert getattr(read(**{name: text}), name.lower()) is False
    assert refusal(**{name: "maybe"}) == f"{name} is 'maybe'; it takes 1 or 0 (also true, false, yes, no, on, off)."


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("DATABASE_URL", "mysql://localhost/auth", "sqlite:///file"),
        ("DATABASE_URL", "sqlite://", "sqlite:///file"),
        ("DATABASE_URL", "sqlite://auth.db", "sqlite:///file"),
        ("DATABASE_URL", "sqlite:///", "sqlite:///file"),
        ("DATABASE_URL", "sqlite:///:memory:", "sqlite:///file"),
        ("DATABASE_URL", "sqlite:///auth.db?mode=ro", "sqlite:///file"),
        ("DATABASE_URL", "postgresql://localhost", "postgresql://user:password@host/name"),
        ("DATABASE_URL", "postgresql:///auth", "postgresql://user:password@host/name"),
        ("DATABASE_URL", "auth.db", "sqlite:///file"),
        ("DB_ENGINE", "django.db.backends.mysql", "sqlite3 or postgresql"),
        ("DB_NAME", ":memory:", "a file for SQLite"),
        ("MAIL_URL", "smtp://", "smtps://"),
        ("MAIL_URL", "smtp://mx:0", "smtps://"),
        ("MAIL_URL", "smtp://mx:99999", "smtps://"),
        ("MAIL_URL", "smtp://mx/folder", "smtps://"),
        ("MAIL_URL", "smtp://m x", "smtps://"),
        ("MAIL_URL", "console", "console://"),
        ("MAIL_URL", "file://relative", "file:///folder"),
        ("MAIL_URL", "file:///", "file:///folder"),
        ("MAIL_URL", "http://mx", "smtp://"),
        ("MAIL_FROM", "nobody", "an address"),
        ("MAIL_FROM", "Name <nobody>", "an address"),
        ("MAIL_FROM", "a@example.org, b@example.org", "an address"),
        ("MAIL_FROM", "Shop, Inc. <a@example.org>", "an address"),
        ("MAIL_FROM", "a@example.org\nBcc: b@example.org", "an address"),
        ("SITE_NAME", "two\nlines", "one line"),
        ("SITE_NAME", "x" * 101, "100 characters"),
        ("FRONTEND_URL", "app.example.org", "http://"),
        ("FRONTEND_URL", "ftp://app.example.org", "http://"),
        ("FRONTEND_URL", "javascript:alert(1)", "http://"),
        ("FRONTEND_URL", "https://", "http://"),
        ("FRONTEND_URL", "https://app.example.org/?next=1", "http://"),
        ("FRONTEND_URL", "https://app.example.org/#", "http://"),
        ("ACTIVATION_URL", "activate/{uid}", "{uid} and {token}"),
        ("ACTIVATION_URL", "activate/{uid}/{token}/{token}", "{uid} and {token}"),
        ("ACTIVATION_URL", "activate/{uid}/{token}/{site}", "{uid} and {token}"),
        ("PASSWORD_RESET_CONFIRM_URL", "reset/{token}", "{uid} and {token}"),
        ("USERNAME_RESET_CONFIRM_URL", "https://elsewhere.example/{uid}/{token}", "below FRONTEND_URL"),
        ("LOGO_URL", "logo.png", "http://"),
        ("LOGO_URL", "data:image/png;base64,AAAA", "http://"),
        ("ACCENT_COLOR", "blue", "#rrggbb"),
        ("ACCENT_COLOR", "#fff", "#rrggbb"),
        ("ACCENT_COLOR", "#12345g", "#rrggbb"),
        ("LANGUAGE", "klingon", "en, de, es"),
        ("LANGUAGE", "de,en", "en, de, es"),
        ("TEMPLATES_DIR", "/no/such/folder", "a folder that exists"),
        ("LOGIN_FIELD", "phone", "username or email"),
        ("ACTIVATION", "yes", "required, optional or off"),
        ("LOGOUT_ON_PASSWORD_CHANGE", "all", "others, 0 or 1"),
        ("EMAIL_CHANGE", "later", "confirm or immediate"),
        ("ACTIVATION_TIMEOUT", "0", "from 1s to 3650d"),
        ("ACTIVATION_TIMEOUT", "-3d", "from 1s to 3650d"),
        ("PASSWORD_RESET_TIMEOUT", "1 hour", "s, m, h or d"),
        ("JWT_ALGORITHM", "none", "HS256, ES256, EdDSA or RS256"),
        ("JWT_PRIVATE_KEY_FILE", "/no/such/key.pem", "a PEM file that exists"),
        ("JWT_ACCESS_TOKEN_LIFETIME", "forever", "seconds"),
        ("JWT_ACCESS_TOKEN_LIFETIME", "\u0665", "seconds"),
        ("JWT_REFRESH_TOKEN_LIFETIME", "999999999d", "from 1s to 3650d"),
        ("JWT_REFRESH_GRACE", "1d", "from 0s to 1h"),
        ("ARGON2_TIME_COST", "0", "a whole number from 1 to 100"),
        ("ARGON2_MEMORY_KIB", "19 MiB", "a whole number from 8"),
        ("ARGON2_PARALLELISM", "1.5", "a whole number from 1 to 64"),
        ("LOG_FORMAT", "xml", "auto, console or json"),
    ],
)
def test_a_wrong_value_is_told_with_its_name_what_it_held_and_what_it_may_hold(name: str, text: str, says: str) -> None:
    sentence = refusal(**{name: text})
    assert sentence.startswith(f"{name} is {text[:100]!r}"[:-1])
    assert says in sentence.partition("it takes ")[2]
    assert "\n" not in sentence


def test_all_wrong_values_are_told_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read(DEBUG="2", ACTIVATION="never", LOG_FORMAT="xml")
    assert [sentence.split()[0] for sentence in caught.value.sentences] == ["DEBUG", "ACTIVATION", "LOG_FORMAT"]


@pytest.mark.parametrize(
    ("engine", "name", "url"),
    [
        ("sqlite3", "db.sqlite3", "sqlite:///db.sqlite3"),
        ("django.db.backends.sqlite3", "/srv/db.sqlite3", "sqlite:////srv/db.sqlite3"),
        ("postgresql", "auth", "postgresql://localhost/auth"),
        ("django.db.backends.postgresql", "a/b", "postgresql://localhost/a%2Fb"),
    ],
)
def test_the_names_django_projects_use_say_where_the_database_is(engine: str, name: str, url: str) -> None:
    assert read(DB_ENGINE=engine, DB_NAME=name, SECRET_KEY=KEY).database_url == url


def test_database_url_goes_before_engine_and_name() -> None:
    settings = read(DB_ENGINE="sqlite3", DB_NAME="a.db", DATABASE_URL="sqlite:///b.db")
    assert settings.database_url == "sqlite:///b.db"


def test_engine_and_name_need_each_other() -> None:
    assert refusal(DB_NAME="a.db").startswith("DB_ENGINE is not set although DB_NAME is; it takes sqlite3 or")
    assert refusal(DB_ENGINE="sqlite3").startswith("DB_NAME is not set although DB_ENGINE is; it takes a file")


def test_an_sqlite_database_is_a_file_and_a_postgresql_one_is_not() -> None:
    assert read().sqlite_file == Path("auth.db")
    assert read(DATABASE_URL="sqlite:////srv/auth.db").sqlite_file == Path("/srv/auth.db")
    assert read(DATABASE_URL="postgres://u@h/auth", SECRET_KEY=KEY).sqlite_file is None
    assert read(DATABASE_URL="postgres://u@h/auth", SECRET_KEY=KEY).database_url == "postgresql://u@h/auth"
    socket = "postgresql://postgres:@/auth?host=/run/postgres"
    assert read(DATABASE_URL=socket, SECRET_KEY=KEY).database_url == socket


def test_what_may_be_alone_but_not_together_is_refused() -> None:
    assert refusal(JWT_ALGORITHM="HS256") == (
        "SECRET_KEY is not set; JWT_ALGORITHM=HS256 signs with it and takes 32 bytes or more."
    )
    assert refusal(JWT_ALGORITHM="HS256", SECRET_KEY="short") == (
        "SECRET_KEY has 5 bytes; JWT_ALGORITHM=HS256 takes 32 or more, unless DEBUG=1."
    )
    assert refusal(DATABASE_URL="postgresql://localhost/auth") == (
        "SECRET_KEY is not set; with a PostgreSQL database it must be, and the same for every process."
    )
    assert refusal(ARGON2_MEMORY_KIB="31", ARGON2_PARALLELISM="4") == (
        "ARGON2_MEMORY_KIB is '31'; with ARGON2_PARALLELISM=4 it takes 32 or more, 8 for each lane."
    )


def test_a_short_key_is_counted_in_bytes_and_passes_under_debug_or_another_algorithm() -> None:
    assert read(JWT_ALGORITHM="HS256", SECRET_KEY="é" * 16).secret_key
    assert read(JWT_ALGORITHM="HS256", SECRET_KEY="short", DEBUG="1").secret_key == "short"
    assert read(JWT_ALGORITHM="ES256", SECRET_KEY="short").secret_key == "short"


def test_a_key_file_that_exists_is_taken(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    assert read(JWT_PRIVATE_KEY_FILE=str(key)).jwt_private_key_file == key


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("MAIL_URL", "smtp://ann:hunter2@mx:99999"),
        ("MAIL_URL", "smtp://ann:hunter2#x@mx"),
        ("MAIL_URL", "smtp://ann:p@ss/hunter2@mx"),
        ("MAIL_URL", "smtp://ann:hunter2?@mx"),
        ("MAIL_URL", "smtp://ann:hunter2"),
        ("MAIL_URL", "smtp:ann:hunter2@mx"),
        ("MAIL_URL", "smtp://:hunter2@mx"),
        ("MAIL_URL", "smtp://ann:hunter2%e9@mx"),
        ("MAIL_URL", "ann:hunter2@mx"),
        ("MAIL_URL", "smtp://ann:hunter2\n@mx"),
        ("DATABASE_URL", "postgresql://ann:hunter2@db:x/auth"),
        ("DATABASE_URL", "postgresql://ann:hunter2@db"),
        ("DATABASE_URL", "postgresql://ann:hunter2/auth"),
        ("DATABASE_URL", "mysql://ann:hunter2@db/auth"),
        ("DATABASE_URL", "postgresql://db?user=ann&password=hunter2"),
        ("FRONTEND_URL", "https://ann:hunter2@app.example.org"),
        ("LOGO_URL", "https://ann:hunter2@example.org/logo.png"),
        ("SECRET_KEY", "hunter2\udce9"),
    ],
)
def test_no_refusal_shows_a_secret(name: str, url: str) -> None:
    sentence = refusal(**{name: url})
    assert "hunter2" not in sentence
    assert sentence.startswith(name)


def test_a_refused_address_still_shows_where_it_leads() -> None:
    assert refusal(DATABASE_URL="mysql://ann:hunter2@db/auth").startswith("DATABASE_URL is 'mysql://***@db/auth'")


def test_neither_repr_nor_description_shows_a_secret() -> None:
    settings = read(
        SECRET_KEY=KEY,
        DATABASE_URL="postgresql://ann:hunter2@db:5432/auth?sslmode=require&sslpassword=hunter3",
        MAIL_URL="smtp://bob:hunter4@mx",
    )
    shown = repr(settings) + str(describe(settings))
    for secret in (KEY, "hunter2", "hunter3", "hunter4", "bob"):
        assert secret not in shown
    told = {name: value for name, _, _, value in describe(settings)}
    assert told["SECRET_KEY"] == "set"
    assert told["DATABASE_URL"] == "postgresql://***@db:5432/auth?sslmode=require&sslpassword=***"
    assert told["MAIL_URL"] == "smtp://***@mx"


def test_every_setting_is_described_and_its_description_reads_back_as_itself() -> None:
    changed: dict[str, Any] = {
        "site_name": "Elsewhere",
        "hide_users": False,
        "jwt_access_token_lifetime": 90.0,
        "argon2_time_cost": 3,
        "logout_on_password_change": "1",
    }
    settings = Settings(**changed)
    told = describe(settings)
    assert [one.name.lower() for one in told] == list(asdict(settings))
    assert all(one.meaning[-1] in ".?" for one in told)
    assert read(**{one.name: one.value for one in told if one.value != "not set"}) == settings
    assert {one.name.lower() for one in told if one.value != one.default} == set(changed)


def test_the_policy_follows_the_settings() -> None:
    policy = read(
        LOGOUT_ON_PASSWORD_CHANGE="0",
        FRONTEND_URL="https://app.example.org/",
        ACTIVATION="off",
        LOGIN_FIELD="email",
        EMAIL_CHANGE="immediate",
        HIDE_USERS="0",
        SEND_CONFIRMATION_EMAIL="1",
        PASSWORD_CHANGED_EMAIL_CONFIRMATION="1",
        PASSWORD_RESET_SHOW_EMAIL_NOT_FOUND="1",
        ACTIVATION_TIMEOUT="2",
        PASSWORD_RESET_TIMEOUT="3",
        JWT_ACCESS_TOKEN_LIFETIME="4",
        JWT_REFRESH_TOKEN_LIFETIME="5",
        JWT_ROTATE_REFRESH_TOKENS="1",
        JWT_REFRESH_GRACE="6",
        ACTIVATION_URL="a/{uid}/{token}",
        PASSWORD_RESET_CONFIRM_URL="p/{uid}/{token}",
        USERNAME_RESET_CONFIRM_URL="u/{uid}/{token}",
        LANGUAGE="pl",
    ).policy()
    assert policy == Policy(
        activation="off",
        login_field="email",
        email_change="immediate",
        logout_on_password_change="none",
        hide_users=False,
        send_confirmation_email=True,
        password_changed_email=True,
        password_reset_tells_unknown=True,
        activation_timeout=2,
        reset_timeout=3,
        access_lifetime=4,
        refresh_lifetime=5,
        rotate_refresh=True,
        refresh_grace=6,
        frontend_url="https://app.example.org",
        activation_url="a/{uid}/{token}",
        password_reset_url="p/{uid}/{token}",
        username_reset_url="u/{uid}/{token}",
        language="pl",
        languages=tuple(LANGUAGES),
    )
    assert read(LOGOUT_ON_PASSWORD_CHANGE="1").policy().logout_on_password_change == "all"
    notices = read(USERNAME_CHANGED_EMAIL_CONFIRMATION="1", USERNAME_RESET_SHOW_EMAIL_NOT_FOUND="1").policy()
    assert notices == replace(Settings().policy(), username_changed_email=True, username_reset_tells_unknown=True)


def test_the_environment_goes_before_the_file_and_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("SITE_NAME=from the file\nMAIL_FROM='Shop <shop@example.org>'\nexport DEBUG=1 # while building\n")
    settings = read_settings({"MAIL_FROM": "env@example.org", "SITE_NAME": " ", "DEBUG": ""}, file)
    assert (settings.site_name, settings.mail_from, settings.debug) == ("from the file", "env@example.org", True)
    file.write_text("HIDE_USERS=\nDEBUG\n")
    assert read_settings({}, file) == Settings()


def test_a_value_in_the_file_is_taken_to_the_letter(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"\ufeffSECRET_KEY=${{HOME}}$x-{KEY}\n")
    assert read_settings({}, file).secret_key == f"${{HOME}}$x-{KEY}"


def test_a_file_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    assert read_settings({}, tmp_path / ".env") == Settings()


def test_a_file_that_cannot_be_read_is_refused_without_showing_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("DEBUG=1\n\nSECRET_KEY='hunter2\n")
    with pytest.raises(SettingsError, match=r"^Line 3 of .*/\.env cannot be read; it takes NAME=value\.$"):
        read_settings({}, file)
    file.write_bytes(b"SITE_NAME=caf\xe9\n")
    with pytest.raises(SettingsError, match=r"cannot be read: its text is not UTF-8\.$"):
        read_settings({}, file)
    with pytest.raises(SettingsError, match=r"cannot be read: is a directory\.$"):
        read_settings({}, tmp_path)


def test_a_process_reads_its_environment_and_the_file_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("SITE_NAME=from the file\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOGIN_FIELD", "email")
    monkeypatch.delenv("SITE_NAME", raising=False)
    settings = present_settings()
    assert (settings.site_name, settings.login_field) == ("from the file", "email")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (2, "2s"), (90, "90s"), (900, "15m"), (7200, "2h"), (86_400, "1d"), (90_000, "25h")],
)
def test_a_time_is_shown_as_an_operator_would_write_it(seconds: float, text: str) -> None:
    assert show_duration(seconds) == text


@pytest.mark.parametrize(
    "url", ["sqlite:////home/me@work/auth.db", "console://", "smtp://mx:25", "smtp://[::1]:25", "https://a.example/b:c"]
)
def test_an_address_without_credentials_is_shown_whole(url: str) -> None:
    assert hide_credentials(url) == url
