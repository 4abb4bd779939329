"""`auth-service mail` on real SQLite files."""

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from auth_service.cli import main
from auth_service.settings import Settings

Run = Callable[..., Result]

# id, state, recipient, tries, held for, why
_KEPT = [
    (1, "sent", "ann@example.org", 1, 0, ""),
    (2, "dead", "bob@example.org", 14, 0, "127.0.0.1:25 said 550 no such mailbox"),
    (3, "waiting", "carl@example.org", 2, 0, "busy"),
    (4, "waiting", "dora@example.org", 1, 600, ""),
    (5, "superseded", "carl@example.org", 3, 0, "busy"),
    (6, "dead", '"\x1b[2J"@example.org', 14, 0, "no"),
]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands in a folder whose database has mails of every kind of fate."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.__struct_fields__:
        monkeypatch.delenv(name.upper(), raising=False)

    def run(*words: str, stdin: str = "") -> Result:
        return CliRunner().invoke(main, ["mail", *words], input=stdin, catch_exceptions=False)

    assert run("list").exit_code == 0
    with closing(sqlite3.connect("auth.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO outbox (id, state, recipient, attempts, leased_until, why,"
            " message_id, kind, address, agent, at, due_at, scheduled_at)"
            " VALUES (?, ?, ?, ?, unixepoch() + ?, ?, '<m@x>', 'activation', '', '', 1e9, 1.5e9, 0)",
            _KEPT,
        )
    yield run
    structlog.reset_defaults()


def _listed(run: Run, *words: str) -> list[dict[str, Any]]:
    mails: list[dict[str, Any]] = json.loads(run("list", "--json", *words).stdout)
    return mails


def _states(run: Run) -> dict[int, str]:
    return {mail["id"]: mail["state"] for mail in _listed(run)}


def test_the_list_is_a_table_for_people(cli: Run) -> None:
    said = "127.0.0.1:25 said 550 no such mailbox"
    assert [re.split(" {2,}", line) for line in cli("list").stdout.splitlines()] == [
        ["id", "state", "kind", "recipient", "tries", "due", "reason"],
        ["1", "sent", "activation", "ann@example.org", "1", "-", "-"],
        ["2", "dead", "activation", "bob@example.org", "14", "-", said],
        ["3", "waiting", "activation", "carl@example.org", "2", "2017-07-14T02:40:00Z", "busy"],
        ["4", "sending", "activation", "dora@example.org", "1", "2017-07-14T02:40:00Z", "-"],
        ["5", "superseded", "activation", "carl@example.org", "3", "-", "busy"],
        ["6", "dead", "activation", '"\\u001b[2J"@example.org', "14", "-", "no"],
    ]


def test_the_list_is_an_array_for_scripts_and_can_be_of_one_state(cli: Run) -> None:
    assert [mail["id"] for mail in _listed(cli, "--state", "waiting")] == [3, 4]
    assert _listed(cli, "--state", "dropped") == []
    assert _listed(cli, "--state", "dead")[0] == {
        "id": 2,
        "state": "dead",
        "kind": "activation",
        "recipient": "bob@example.org",
        "user_id": None,
        "asked_at": "2001-09-09T01:46:40Z",
        "tries": 14,
        "due_at": None,
        "reason": "127.0.0.1:25 said 550 no such mailbox",
        "message_id": "<m@x>",
    }


def test_a_mail_is_tried_again_on_request(cli: Run) -> None:
    done = cli("retry", "2", "3")
    assert (done.exit_code, done.stdout) == (0, "Mail 2 is due at once.\nMail 3 is due at once.\n")
    again = _listed(cli, "--state", "waiting")[:2]
    assert [(mail["id"], mail["tries"], mail["message_id"]) for mail in again] == [(2, 0, "<m@x>"), (3, 0, "<m@x>")]
    assert all(re.match(r"20[2-9]\d-", mail["due_at"]) for mail in again)


def test_all_dead_mails_are_tried_again_on_request(cli: Run) -> None:
    assert cli("retry", "--dead").stdout == "2 mails are due at once.\n"
    assert cli("retry", "--dead").stdout == "0 mails are due at once.\n"
    assert _states(cli) == {1: "sent", 2: "waiting", 3: "waiting", 4: "sending", 5: "superseded", 6: "waiting"}


def test_dropping_asks_first(cli: Run) -> None:
    refused = cli("drop", "2", stdin="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Drop mail 2 for good? [y/N]" in refused.stderr
    assert "Drop 2 mails for good?" in cli("drop", "2", "3", stdin="n\n").stderr
    assert _states(cli)[2] == "dead"
    assert cli("drop", "2", stdin="y\n").stdout == "Mail 2 is dropped.\n"
    assert cli("drop", "3", "--yes").stdout == "Mail 3 is dropped.\n"
    assert [mail["id"] for mail in _listed(cli, "--state", "dropped")] == [2, 3]


@pytest.mark.parametrize("words", [["retry"], ["drop", "--yes"]], ids=" ".join)
def test_what_cannot_be_mended_is_told_and_the_rest_is_done(cli: Run, words: list[str]) -> None:
    before = _states(cli)
    cli("drop", "6", "--yes")
    done = cli(*words, "1", "2", "4", "5", "6", "7", "0", "99999999999999999999")
    assert done.exit_code == 1
    assert re.fullmatch(r"Mail 2 is (due at once|dropped)\.\n", done.stdout)
    assert done.stderr.splitlines() == [
        "Error: Mail 1 was sent.",
        "Mail 4 is being sent just now: look again in half a minute.",
        "Mail 5 was superseded: a newer one took its place.",
        "Mail 6 was dropped.",
        "There is no mail 7.",
        "There is no mail 0.",
        "There is no mail 99999999999999999999.",
    ]
    assert {key: state for key, state in _states(cli).items() if key not in {2, 6}} == {
        key: state for key, state in before.items() if key not in {2, 6}
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["retry"], "Give the ids of mails, or --dead."),
        (["retry", "1", "--dead"], "Give the ids of mails, or --dead."),
        (["drop", "--yes"], "Give the ids of mails."),
        (["retry", "ann@example.org"], "'ann@example.org' is not a valid integer"),
        (["list", "--state", "lost"], "'lost' is not one of"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_code_2(cli: Run, words: list[str], says: str) -> None:
    done = cli(*words)
    assert done.exit_code == 2
    assert says in done.stderr
