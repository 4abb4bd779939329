"""Settings that are each allowed and together unwise: named with what would help, and silent where nothing is wrong."""

import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from click.testing import CliRunner

from auth_service.api.proxies import UnnamedProxy
from auth_service.cli import main
from auth_service.doctor import Finding, examine
from auth_service.settings import read_settings

LOCAL = "127.0.0.1"
LONG = "k" * 40
SOUND = {
    "SECRET_KEY": LONG,
    "FRONTEND_URL": "https://app.example.org",
    "MAIL_URL": "smtp+starttls://me:it@mail.example.org:587",
    "MAIL_FROM": "noreply@example.org",
    "TRUSTED_PROXIES": "10.0.0.7",
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(host: str = "0.0.0.0", **settings: str) -> list[Finding]:  # noqa: S104 - only spoken of
    """Return what is wrong with a service in public that is sound but for these settings."""
    given = {name: text for name, text in (SOUND | settings).items() if text}
    return examine(read_settings(given, None), host=host)


def test_a_service_in_public_that_is_set_up_well_has_nothing_wrong_with_it() -> None:
    assert found() == []


def test_somebody_trying_it_out_at_home_is_told_nothing() -> None:
    assert examine(read_settings({}, None), host=LOCAL) == []


@pytest.mark.parametrize(
    ("settings", "weight", "about"),
    [
        ({"DEBUG": "1"}, "dangerous", "DEBUG"),
        ({"SECRET_KEY": "django-insecure-0123456789012345678901234567890123"}, "dangerous", "SECRET_KEY"),
        ({"SECRET_KEY": "short-but-mine"}, "unwise", "SECRET_KEY"),
        ({"FRONTEND_URL": "http://app.example.org"}, "dangerous", "FRONTEND_URL"),
        ({"FRONTEND_URL": ""}, "unwise", "FRONTEND_URL"),
        ({"MAIL_URL": "console://"}, "dangerous", "MAIL_URL"),
        ({"MAIL_URL": "smtp://me:it@mail.example.org"}, "dangerous", "MAIL_URL"),
        ({"MAIL_URL": "smtp://mail.example.org"}, "unwise", "MAIL_URL"),
        ({"MAIL_FROM": "webmaster@localhost"}, "unwise", "MAIL_FROM"),
        ({"TRUSTED_PROXIES": ""}, "unwise", "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "dangerous", "TRUSTED_PROXIES"),
        ({"CORS_ORIGINS": "*"}, "unwise", "CORS_ORIGINS"),
        ({"CORS_ORIGINS": "http://app.example.org"}, "dangerous", "CORS_ORIGINS"),
        ({"THROTTLING": "0"}, "dangerous", "THROTTLING"),
        ({"ARGON2_MEMORY_KIB": "8192"}, "dangerous", "ARGON2_MEMORY_KIB"),
        ({"ARGON2_TIME_COST": "1"}, "dangerous", "ARGON2_MEMORY_KIB"),
        ({"JWT_ACCESS_TOKEN_LIFETIME": "2d"}, "unwise", "JWT_ACCESS_TOKEN_LIFETIME"),
        ({"PASSWORD_RESET_SHOW_EMAIL_NOT_FOUND": "1"}, "unwise", "PASSWORD_RESET_SHOW_EMAIL_NOT_FOUND"),
    ],
)
def test_each_bad_combination_is_named_with_its_remedy(settings: dict[str, str], weight: str, about: str) -> None:
    (finding,) = found(**settings)
    assert (finding.weight, finding.about) == (weight, about)
    assert finding.remedy


@pytest.mark.parametrize(
    "settings",
    [
        {"ARGON2_TIME_COST": "1", "ARGON2_MEMORY_KIB": "65536"},
        {"ARGON2_TIME_COST": "9", "ARGON2_MEMORY_KIB": "7168"},
        {"MAIL_URL": "smtp://localhost"},
        {"CORS_ORIGINS": "https://app.example.org, http://localhost:3000"},
    ],
)
def test_what_only_looks_unwise_is_left_alone(settings: dict[str, str]) -> None:
    assert found(**settings) == []


def test_a_short_secret_that_signs_tokens_is_dangerous() -> None:
    (finding, *_) = found(LOCAL, SECRET_KEY="short-but-mine", JWT_ALGORITHM="HS256", DEBUG="1", FRONTEND_URL="")
    assert (finding.weight, finding.about) == ("dangerous", "SECRET_KEY")


def test_files_that_others_may_read_are_named(tmp_path: Path) -> None:
    for name in (".env", "auth.db", "auth.db.secret"):
        (tmp_path / name).touch(mode=0o644)
        (tmp_path / name).chmod(0o644)
    assert {Path(finding.about).name for finding in found()} == {".env", "auth.db", "auth.db.secret"}
    for name in (".env", "auth.db", "auth.db.secret"):
        (tmp_path / name).chmod(0o600)
    assert found() == []


def test_the_command_tells_people_and_programs_and_its_exit_code_tells_scripts() -> None:
    bad = {"DATABASE_URL": "sqlite:///auth.db", "THROTTLING": "0", "FRONTEND_URL": "https://app.example.org"}
    spoken = CliRunner(env=SOUND | bad).invoke(main, ["doctor"])
    assert spoken.exit_code == 1
    assert spoken.stdout.startswith("dangerous: THROTTLING=0 lets anybody guess")
    told = CliRunner(env=SOUND | bad).invoke(main, ["doctor", "--json"])
    assert [finding["about"] for finding in json.loads(told.stdout)] == ["THROTTLING"]
    well = CliRunner(env=SOUND).invoke(main, ["doctor", "--host", "0.0.0.0"])  # noqa: S104 - only spoken of
    assert (well.exit_code, well.stdout) == (0, "Nothing is wrong with these settings.\n")


def test_a_database_that_lacks_its_tables_is_named(postgres_url: str) -> None:
    async def make(name: str) -> None:
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(make("without_tables"))
    url = urlsplit(postgres_url)._replace(path="/without_tables").geturl()
    told = CliRunner(env=SOUND | {"DATABASE_URL": url}).invoke(main, ["doctor"])
    assert told.exit_code == 1
    assert "auth-service database upgrade" in told.stdout


def test_the_start_tells_what_is_dangerous() -> None:
    environment = os.environ | {"THROTTLING": "0", "FRONTEND_URL": "https://app.example.org", "LOG_FORMAT": "json"}
    with subprocess.Popen(
        [sys.executable, "-m", "auth_service", "serve", "--port", "65535"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as started:
        assert started.stdout is not None
        warned = next(line for line in started.stdout if "THROTTLING" in line)
        started.terminate()
    assert json.loads(warned)["level"] == "warning"


async def test_a_proxy_that_nobody_named_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    async def app(*_: object) -> None:
        pass

    def passed_on(by: str, *headers: tuple[bytes, bytes]) -> Any:  # noqa: ANN401 - ASGI's
        return {"type": "http", "client": (by, 4711), "headers": headers}

    proxy: Any = UnnamedProxy(app)
    forwarded = (b"x-forwarded-for", b"203.0.113.9")
    with caplog.at_level(logging.WARNING):
        await proxy(passed_on("10.0.0.1"), None, None)
        await proxy(passed_on("9.9.9.9", forwarded), None, None)
        assert caplog.messages == []
        await proxy(passed_on("10.0.0.1", forwarded), None, None)
        await proxy(passed_on("10.0.0.2", forwarded), None, None)
    (message,) = caplog.messages
    assert "Set TRUSTED_PROXIES=10.0.0.1" in message
