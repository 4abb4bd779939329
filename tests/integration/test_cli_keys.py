"""`auth-service keys` on a real SQLite file: what is listed, exchanged and cast out, and what is refused in words."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.adapters.crypto.algorithms import checking_half
from auth_service.adapters.crypto.keys import KeyAlgorithm, new_key, written
from auth_service.adapters.sql import schema
from auth_service.cli import main
from auth_service.domain.keys import PUBLISHED_AHEAD
from auth_service.settings import Settings

Run = Callable[..., Result]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands in a folder where nothing has been started yet."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.__struct_fields__:
        monkeypatch.delenv(name.upper(), raising=False)

    def run(*words: str, **environ: str) -> Result:
        return CliRunner().invoke(main, words, env=environ, catch_exceptions=False)

    yield run
    structlog.reset_defaults()


def listed(cli: Run, **environ: str) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = json.loads(cli("keys", "list", "--json", **environ).stdout)
    return keys


def let_time_pass(seconds: float) -> None:
    with closing(sqlite3.connect("auth.db")) as connection, connection:
        connection.execute("UPDATE signing_keys SET since = since - ?, good_until = good_until - ?", (seconds, seconds))


def key_file(path: Path, algorithm: KeyAlgorithm = "ES256") -> str:
    """Write a key of one's own; return its name."""
    key = new_key(algorithm)
    path.write_bytes(written(key))
    path.chmod(0o600)
    return checking_half(key).kid or ""


def test_the_list_is_a_table_for_people_and_objects_for_programs(cli: Run) -> None:
    keys = listed(cli)
    table = cli("keys", "list").stdout.splitlines()

    assert [(key["state"], key["algorithm"], key["good_until"]) for key in keys] == [
        ("current", "ES256", None),
        ("next", "ES256", None),
    ]
    assert table[0].split() == ["kid", "algorithm", "state", "since", "good_until"]
    assert [row.split()[0] for row in table[1:]] == [key["kid"] for key in keys]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", keys[0]["since"])


def test_a_rotation_says_who_signs_what_is_still_good_and_what_comes_next(cli: Run) -> None:
    signed, upcoming = (key["kid"] for key in listed(cli))
    let_time_pass(PUBLISHED_AHEAD)
    done = cli("keys", "rotate")
    after = listed(cli)

    assert done.exit_code == 0
    assert [key["state"] for key in after] == ["current", "next", "retired"]
    assert (after[0]["kid"], after[2]["kid"]) == (upcoming, signed)
    assert done.stdout == (
        f"{upcoming} signs from now on. Running processes follow within a minute.\n"
        f"{signed} is retired; what it signed is good until {after[2]['good_until']} at the latest.\n"
        f"{after[1]['kid']} is published as the next one.\n"
    )


def test_a_next_key_that_nobody_can_know_is_not_let_sign_but_in_a_hurry(cli: Run) -> None:
    before = listed(cli)
    refused = cli("keys", "rotate")

    assert refused.exit_code == 1
    assert "others may not have fetched it yet" in refused.stderr
    assert re.search(r"Wait until 20\d\d-\S+Z", refused.stderr)
    assert listed(cli) == before
    assert cli("keys", "rotate", "--now").exit_code == 0
    assert listed(cli)[0]["kid"] == before[1]["kid"]


def test_a_retired_key_is_kept_for_the_longest_life_of_a_token(cli: Run) -> None:
    listed(cli)
    began = time.time()
    cli("keys", "rotate", "--now", JWT_REFRESH_TOKEN_LIFETIME="1h", JWT_ACCESS_TOKEN_LIFETIME="2h")
    with closing(sqlite3.connect("auth.db")) as connection:
        ((until,),) = connection.execute("SELECT good_until FROM signing_keys WHERE state = 'retired'")
    assert 7_200 + 60 < until - began < 7_200 + 600

    let_time_pass(7_200 + 600)
    assert [key["state"] for key in listed(cli)] == ["current", "next"]


def test_a_retired_and_a_next_key_can_be_cast_out_and_the_one_that_signs_cannot(cli: Run) -> None:
    listed(cli)
    cli("keys", "rotate", "--now")
    current, upcoming, retired = (key["kid"] for key in listed(cli))

    refused = cli("keys", "retire", "--", current)
    assert (refused.exit_code, "First let another: auth-service keys rotate --now." in refused.stderr) == (1, True)
    assert cli("keys", "retire", "--", retired).stdout.startswith(f"{retired} is trusted no more.")
    assert cli("keys", "retire", "--", upcoming).stdout.startswith(f"{upcoming} is dropped, and a fresh one is next.")
    after = listed(cli)
    assert [key["state"] for key in after] == ["current", "next"]
    assert (after[0]["kid"], after[1]["kid"] == upcoming) == (current, False)
    gone = cli("keys", "retire", "--", "no\x1bbody")
    assert (gone.exit_code, gone.stderr) == (1, "Error: There is no key no\\u001bbody. See: auth-service keys list.\n")


def test_a_file_of_an_earlier_version_is_taken_over_once(cli: Run, tmp_path: Path) -> None:
    before = key_file(tmp_path / "auth.db.es256.pem")
    taken = listed(cli)
    assert [(key["kid"] == before, key["state"]) for key in taken] == [(True, "current"), (False, "next")]

    cli("keys", "rotate", "--now")
    cli("keys", "retire", "--", before)
    assert before not in {key["kid"] for key in listed(cli)}


def test_a_broken_file_of_an_earlier_version_is_named_and_nothing_is_made(cli: Run, tmp_path: Path) -> None:
    (tmp_path / "auth.db.es256.pem").write_text("no key")
    refused = cli("users", "list")
    assert (refused.exit_code, "auth.db.es256.pem holds no private key" in refused.stderr) == (1, True)


def test_a_key_of_ones_own_signs_is_exchanged_by_its_owner_and_remembered(cli: Run, tmp_path: Path) -> None:
    ours = listed(cli)[0]["kid"]
    own = {"JWT_PRIVATE_KEY_FILE": str(tmp_path / "own.pem")}
    one = key_file(tmp_path / "own.pem")
    assert [(key["kid"], key["state"]) for key in listed(cli, **own)] == [(one, "current"), (ours, "retired")]
    refused = cli("keys", "rotate", "--now", **own)
    assert (refused.exit_code, "JWT_PRIVATE_KEY_FILE signs, and is yours" in refused.stderr) == (1, True)

    two = key_file(tmp_path / "own.pem")
    assert [key["kid"] for key in listed(cli, **own)][:2] == [two, one]
    with closing(sqlite3.connect("auth.db")) as connection:
        assert connection.execute("SELECT count(*) FROM signing_keys WHERE sealed <> ''").fetchone() == (0,)
    assert [key["state"] for key in listed(cli)] == ["current", "next", "retired", "retired", "retired"]


def test_with_hs256_there_is_nothing_to_rotate_and_the_secret_is_not_shown(cli: Run) -> None:
    secret = {"SECRET_KEY": "a secret that is long enough to be taken", "JWT_ALGORITHM": "HS256"}
    told = cli("keys", "list", **secret)
    refused = cli("keys", "rotate", **secret)

    assert "there is nothing to rotate" in told.stderr
    assert (refused.exit_code, "there is nothing to rotate" in refused.stderr) == (1, True)
    assert [(key["algorithm"], key["state"]) for key in listed(cli, **secret)] == [("HS256", "current")]
    assert secret["SECRET_KEY"] not in told.output
    assert secret["SECRET_KEY"].encode() not in Path("auth.db").read_bytes()


def test_another_algorithm_makes_keys_of_its_own_and_retires_the_old(cli: Run) -> None:
    listed(cli)
    after = listed(cli, JWT_ALGORITHM="EdDSA")

    assert [(key["algorithm"], key["state"]) for key in after] == [
        ("EdDSA", "current"),
        ("EdDSA", "next"),
        ("ES256", "retired"),
    ]


def test_another_secret_stops_the_start_in_a_sentence_that_says_what_helps(cli: Run) -> None:
    signed = listed(cli)[0]["kid"]
    other = {"SECRET_KEY": "another secret"}
    refused = cli("users", "list", **other)
    assert refused.exit_code == 1
    assert refused.stderr == (
        f"Error: The key {signed} that signs tokens was sealed with another SECRET_KEY. Set that one again; or have new"
        " keys made, while what the old one signed stays good, by: auth-service keys rotate --now.\n"
    )
    assert listed(cli, **other)[0]["kid"] == signed  # to look is allowed
    refused = cli("keys", "rotate", **other)
    assert (refused.exit_code, "give --now to have new keys made" in refused.stderr) == (1, True)
    assert cli("keys", "rotate", "--now", **other).exit_code == 0
    assert cli("users", "list", **other).exit_code == 0
    assert [key["kid"] for key in listed(cli, **other)][2] == signed


def test_the_step_to_keys_in_the_database_can_be_taken_back(tmp_path: Path) -> None:
    from advanced_alchemy.alembic.commands import AlembicCommands  # noqa: PLC0415 - slow to load

    file = tmp_path / "auth.db"
    commands = AlembicCommands(schema.engine_config(f"sqlite+aiosqlite:///{file}"))
    names = "SELECT name FROM sqlite_master WHERE name LIKE '%signing_keys%'"
    commands.upgrade("head")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(names).fetchall() != []
    commands.downgrade("0002")
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(names).fetchall() == []
    commands.upgrade("head")
