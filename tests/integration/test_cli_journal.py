"""The commands that show the journal and the sign-ins, on a real SQLite file."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.cli import main
from auth_service.settings import read_settings
from auth_service.wiring import running

PASSWORD = "correct horse battery"
Run = Callable[..., Result]
AGENT = "laptop\x1b[2J"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give the settings of a service with a database of its own."""
    return {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'auth.db'}",
        "SECRET_KEY": "a secret that both sides of the house know",
        "ARGON2_MEMORY_KIB": "8",
        "ACTIVATION": "off",
        "MAIL_URL": f"file://{tmp_path / 'mails'}",
        "LOG_FORMAT": "json",
    }


@pytest.fixture
def cli(environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands beside it."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str = "", **more: str) -> Result:
        return CliRunner().invoke(main, words, input=stdin, env={**environ, **more}, catch_exceptions=False)

    yield run
    structlog.reset_defaults()


async def people_come_and_go(environ: dict[str, str]) -> dict[str, str]:
    """Let the service run for a moment; return what Ann got when she signed in, by device."""
    tokens = {}
    async with running(read_settings(environ, None)) as app:
        transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            for name in ("ann", "bob"):
                body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
                (await client.post("/auth/users/", json=body)).raise_for_status()
            for agent in (AGENT, "phone"):
                body = {"username": "ann", "password": PASSWORD}
                answer = await client.post("/auth/jwt/create/", json=body, headers={"User-Agent": agent})
                tokens[agent] = answer.raise_for_status().json()["access"]
            refused = await client.post("/auth/jwt/create/", json={"username": "ann", "password": "secret-guess"})
            assert refused.status_code == 401
    return tokens


async def is_good(environ: dict[str, str], token: str) -> bool:
    async with running(read_settings(environ, None)) as app:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.post("/auth/jwt/verify/", json={"token": token})).status_code == 200


async def test_what_happened_is_listed_the_newest_last(environ: dict[str, str], cli: Run) -> None:
    await people_come_and_go(environ)
    listed = [json.loads(line) for line in await off_loop(cli, "journal", "list", "--json")]
    # The keys that tokens are signed with were made first.
    assert listed.pop(0)["what"] == "key_signs"
    assert [(record["what"], record["user_id"]) for record in listed] == [
        ("registered", 1),
        ("registered", 2),
        ("signed_in", 1),
        ("signed_in", 1),
        ("sign_in_refused", 1),
    ]
    assert listed[-1]["why"] == "wrong password"
    assert {record["address"] for record in listed} == {"192.0.2.7"}
    assert len({record["session_id"] for record in listed[2:4]}) == 2
    plain = await off_loop(cli, "journal")
    assert len(plain) == 6
    assert not any("\x1b" in line or "secret-guess" in line or PASSWORD in line for line in plain)
    assert len(await off_loop(cli, "journal", "--user", "bob@example.org")) == 1
    assert len(await off_loop(cli, "journal", "--user", "1", "--what", "signed_in")) == 2
    assert len(await off_loop(cli, "journal", "--since", "1h", "--last", "3")) == 3
    assert await off_loop(cli, "journal", "--since", "2999-01-01") == []


async def off_loop(cli: Run, *words: str, code: int = 0) -> list[str]:
    """Run a command, which has a loop of its own, and return its lines."""
    done = await asyncio.to_thread(cli, *words)
    assert done.exit_code == code, done.output
    return (done.stdout if code == 0 else done.stderr).splitlines()


async def test_verify_says_how_many_or_which_does_not_fit(environ: dict[str, str], cli: Run, tmp_path: Path) -> None:
    await people_come_and_go(environ)
    (told,) = await off_loop(cli, "journal", "verify")
    assert told.startswith("The journal is whole: 6 records. The last is 6, sealed ")
    with closing(sqlite3.connect(tmp_path / "auth.db")) as connection, connection:
        connection.execute("UPDATE journal SET why = 'unknown name', user_id = NULL WHERE id = 6")
    (told,) = await off_loop(cli, "journal", "verify", code=1)
    assert "Record 6 does not fit: it was changed" in told


def test_an_operators_own_doings_are_recorded(cli: Run) -> None:
    made = cli("users", "create", "--username", "ann", "--email", "ann@example.org", "--password-stdin", stdin=PASSWORD)
    assert made.exit_code == 0, made.output
    assert cli("users", "deactivate", "ann").exit_code == 0
    assert cli("users", "delete", "ann", "--yes").exit_code == 0
    # What somebody did outlives their account.
    told = [json.loads(line) for line in cli("journal", "list", "--user", "1", "--json").stdout.splitlines()]
    assert [(record["what"], record["why"]) for record in told] == [
        (what, "by the operator") for what in ("created", "deactivated", "deleted")
    ]
    assert cli("journal", "verify").stdout.startswith("The journal is whole: 4 records.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["journal", "--since", "yesterday"], "it takes a time ago"),
        (["journal", "--since", "2030-13-01"], "it takes a time ago"),
        (["journal", "--last", "0"], "--last"),
        (["sessions", "revoke"], "one of the three"),
        (["sessions", "revoke", "x", "--all"], "one of the three"),
        (["sessions", "revoke", "--all", "--user", "ann"], "one of the three"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli: Run, words: list[str], sentence: str) -> None:
    done = cli(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_whoever_is_asked_about_must_be_there(cli: Run) -> None:
    for words in (
        ["journal", "--user", "nobody"],
        ["sessions", "list", "nobody"],
        ["sessions", "revoke", "--user", "x"],
    ):
        done = cli(*words)
        assert (done.exit_code, "There is no account" in done.stderr) == (1, True)
    assert cli("journal", "--user", "7").stdout == ""


async def test_an_operator_sees_sign_ins_and_ends_one(environ: dict[str, str], cli: Run) -> None:
    tokens = await people_come_and_go(environ)
    listed = json.loads("".join(await off_loop(cli, "sessions", "list", "ann", "--json")))
    assert [session["agent"] for session in listed] == ["phone", AGENT]
    assert {session["kind"] for session in listed} == {"jwt"}
    table = await off_loop(cli, "sessions", "list", "1")
    assert len(table) == 3
    assert not any("\x1b" in line for line in table)
    (ended,) = await off_loop(cli, "sessions", "revoke", listed[0]["id"])
    assert ended == f"Sign-in {listed[0]['id']} of account 1 is ended."
    assert not await is_good(environ, tokens["phone"])
    assert await is_good(environ, tokens[AGENT])
    (told,) = await off_loop(cli, "sessions", "revoke", listed[0]["id"], code=1)
    assert f"There is no sign-in {listed[0]['id']}." in told
    (record,) = [json.loads(line) for line in await off_loop(cli, "journal", "--what", "session_revoked", "--json")]
    assert (record["user_id"], record["session_id"], record["why"]) == (1, listed[0]["id"], "by the operator")


@pytest.mark.parametrize("words", [["--user", "ann"], ["--all", "--yes"]])
async def test_an_operator_ends_all_of_somebodys_or_everybodys(
    environ: dict[str, str], cli: Run, words: list[str]
) -> None:
    tokens = await people_come_and_go(environ)
    assert await off_loop(cli, "sessions", "revoke", *words)
    assert [await is_good(environ, token) for token in tokens.values()] == [False, False]
    assert json.loads("".join(await off_loop(cli, "sessions", "list", "ann", "--json"))) == []


def test_signing_everybody_out_is_asked_about_first(cli: Run) -> None:
    assert cli("sessions", "revoke", "--all", stdin="n\n").exit_code == 1
    assert cli("journal", "--what", "everybodys_sessions_revoked").stdout == ""
    assert cli("sessions", "revoke", "--all", stdin="y\n").stdout == "Everybody is signed out.\n"
