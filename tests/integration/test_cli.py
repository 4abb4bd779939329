"""The command line, on real SQLite files and, where a process is the point, as a process."""

import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import structlog
from argon2 import PasswordHasher
from click import Command, Group
from click.testing import CliRunner, Result

from auth_service.cli import main
from auth_service.domain.model import MailKind
from auth_service.languages import LANGUAGES
from auth_service.settings import Settings

PASSWORD = "correct horse battery"
CHEAP = {"ARGON2_TIME_COST": "1", "ARGON2_MEMORY_KIB": "64"}

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def ready_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty database with its keys once: most tests begin with a copy."""
    folder = tmp_path_factory.mktemp("ready")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _unset_all(patch)
        done = CliRunner().invoke(main, ["users", "list"], env=CHEAP)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run commands in a folder where nothing has been started yet."""
    monkeypatch.chdir(tmp_path)
    _unset_all(monkeypatch)
    for name, text in CHEAP.items():
        monkeypatch.setenv(name, text)

    def run(*words: str, stdin: str | bytes = "", **environ: str) -> Result:
        return CliRunner().invoke(main, words, input=stdin, env=environ, catch_exceptions=False)

    yield run
    structlog.reset_defaults()


@pytest.fixture
def cli(empty: Run, ready_folder: Path, tmp_path: Path) -> Run:
    """Run commands in a folder with an empty database."""
    for file in ready_folder.iterdir():
        shutil.copy2(file, tmp_path)
    return empty


@pytest.fixture
def ann(cli: Run) -> Run:
    """Run commands where account 1 is Ann's."""
    made = cli(*_create("ann"), stdin=PASSWORD)
    assert made.exit_code == 0, made.stderr
    return cli


def _unset_all(patch: pytest.MonkeyPatch) -> None:
    for name in Settings.__struct_fields__:
        patch.delenv(name.upper(), raising=False)


def _process(*words: str, stdin: int = subprocess.DEVNULL, stderr: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    """Start this interpreter, in a session without a terminal of its own."""
    command = [sys.executable, *words]
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True
    )


def _create(name: str, *more: str) -> tuple[str, ...]:
    return (
        *("users", "create", "--username", name, "--email", f"{name}@example.org", "--password-stdin"),
        *more,
    )


def _shown(run: Run, who: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(run("users", "show", who, "--json").stdout)
    return facts


def _fits(password: str, user_id: int = 1) -> bool:
    database = sqlite3.connect("auth.db")
    ((found,),) = database.execute("SELECT password_hash FROM users WHERE id = ?", [user_id])
    database.close()
    return PasswordHasher().verify(found, password)


def _commands(group: Group, *path: str) -> Iterator[tuple[tuple[str, ...], Command]]:
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from _commands(command, *path, name)
        else:
            yield (*path, name), command


# --- help, version, exit codes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [path for path, _ in _commands(main)], ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*path, "--help"])
    assert told.exit_code == 0
    assert "Example: " in told.stdout
    assert f"auth-service {' '.join(path)}" in " ".join(told.stdout.partition("Example: ")[2].split())


def test_every_option_is_explained() -> None:
    mute = [
        (path, option.name)
        for path, command in _commands(main)
        for option in command.params
        if option.param_type_name == "option" and not getattr(option, "help", None)
    ]
    assert mute == []


def test_asking_for_help_loads_neither_web_framework_nor_database() -> None:
    heavy = "{'litestar', 'sqlalchemy', 'alembic', 'uvicorn', 'jwt', 'argon2'}"
    code = f"import sys, auth_service.cli; print(sorted({heavy} & sys.modules.keys()))"
    done, _ = _process("-c", code).communicate(timeout=20)
    assert done == b"[]\n"


def test_the_module_is_the_command() -> None:
    done, _ = _process("-m", "auth_service", "--version").communicate(timeout=20)
    assert re.fullmatch(rb"auth-service, version \d+\.\d+\.\d+\n", done)


@pytest.mark.parametrize(
    "words",
    [
        ["serve"],
        ["settings"],
        ["openapi"],
        ["database", "upgrade"],
        ["database", "status"],
        ["mail", "list"],
        ["mail", "retry", "--dead"],
        ["mail", "drop", "1", "--yes"],
        ["mail", "preview", "mails"],
        ["users", "list"],
        ["users", "show", "ann"],
        ["users", "create", "--email", "ann@example.org", "--password-stdin"],
        ["users", "set-password", "ann", "--password-stdin"],
    ],
    ids=" ".join,
)
def test_wrong_settings_stop_every_command_before_it_begins(empty: Run, tmp_path: Path, words: list[str]) -> None:
    done = empty(*words, HIDE_USERS="perhaps", LOG_FORMAT="xml")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == (
        "Error: HIDE_USERS is 'perhaps'; it takes 1 or 0 (also true, false, yes, no, on, off).\n"
        "LOG_FORMAT is 'xml'; it takes auto, console or json.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["serve", "--port", "0"], "'--port': 0 is not in the range 1<=x<=65535"),
        (["serve", "--workers", "0"], "'--workers'"),
        (["serve", "--reload", "--workers", "2"], "--reload goes with one worker only."),
        (["users", "create", "--password-stdin"], "Missing option '--email'"),
        (["users", "show"], "Missing argument 'WHO'"),
        (["users", "show", "\udce9"], "it is not UTF-8."),
        (["users", "fire", "ann"], "No such command 'fire'"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_code_2(empty: Run, tmp_path: Path, words: list[str], says: str) -> None:
    done = empty(*words)
    assert done.exit_code == 2
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


# --- users ---------------------------------------------------------------------------------------------------------


def test_an_account_that_is_made_may_sign_in_at_once(cli: Run) -> None:
    done = cli(*_create("ann"), stdin=f"{PASSWORD}\nthe second line is nobody's\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "Account 1 (ann) is made.\n", "")
    ann = _shown(cli, "1")
    assert ann.pop("created_at").startswith("20")
    assert ann == {
        "id": 1,
        "username": "ann",
        "email": "ann@example.org",
        "state": "active",
        "email_confirmed": True,
        "pending_email": None,
        "is_staff": False,
        "signed_in_at": None,
    }
    assert _fits(PASSWORD)


def test_staff_are_made_on_request_and_the_answer_can_be_json(cli: Run) -> None:
    done = cli(*_create("ann", "--staff", "--json"), stdin=PASSWORD)
    assert json.loads(done.stdout)["is_staff"] is True
    assert cli(*_create("bob", "--staff"), stdin=PASSWORD).stdout == "Account 2 (bob) is made for staff.\n"


def test_a_name_may_be_left_out(cli: Run) -> None:
    done = cli("users", "create", "--email", "ann@example.org", "--password-stdin", stdin=PASSWORD)
    assert done.stdout == "Account 1 (ann@example.org) is made.\n"
    assert _shown(cli, "ann@example.org")["username"] is None


def test_all_that_is_wrong_with_a_new_account_is_told_in_sentences(ann: Run) -> None:
    done = ann(*_create("ann"), stdin="12345")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Error: The username belongs to another account.",
        "The address belongs to another account.",
        "The password is shorter than 8 characters.",
        "The password is one of the commonest there are.",
        "The password is nothing but digits.",
    ]
    done = ann("users", "create", "--username", "a b", "--email", "nowhere", "--password-stdin", stdin="nowhere1")
    assert done.stderr.splitlines() == [
        "Error: The username may hold only letters and digits of any script, and @ . + - or _.",
        "The address is none: it looks like name@example.org.",
        "The password is too similar to the address.",
    ]
    done = ann(*_create("x" * 151), stdin=PASSWORD)
    assert "The username is longer than 150 characters." in done.stderr


def test_white_space_around_a_password_does_not_count_as_at_every_form(ann: Run) -> None:
    assert ann("users", "set-password", "ann", "--password-stdin", stdin="  another horse \r\n").exit_code == 0
    assert _fits("another horse")


@pytest.mark.parametrize("stdin", [b"", b"  \n", b"nul \0 in the middle\n", b"caf\xe9 caf\xe9\n"])
def test_what_can_be_no_password_is_refused(cli: Run, stdin: bytes) -> None:
    done = cli(*_create("ann"), stdin=stdin)
    assert done.exit_code == 2
    assert "password" in done.stderr
    assert cli("users", "list", "--json").stdout == "[]\n"


def test_without_a_terminal_the_password_must_come_on_standard_input(cli: Run) -> None:
    done = cli("users", "create", "--email", "ann@example.org", stdin=PASSWORD)
    assert done.exit_code == 2
    assert "There is no terminal to ask for the password: use --password-stdin." in done.stderr


def test_on_a_terminal_the_password_is_asked_for_twice_without_echo(cli: Run) -> None:
    assert cli("users", "list").exit_code == 0
    ours, theirs = pty.openpty()
    words = ["users", "create", "--username", "ann", "--email", "ann@example.org"]
    asking = _process("-m", "auth_service", *words, stdin=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    dialogue = [
        (b"Password: ", PASSWORD),
        (b"The same again: ", "something else"),
        (b"Password: ", PASSWORD),
        (b"The same again: ", PASSWORD),
    ]
    for question, answer in dialogue:
        seen += _read_until(ours, question)
        os.write(ours, answer.encode() + b"\n")
    out, _ = asking.communicate(timeout=20)
    os.close(ours)
    assert asking.returncode == 0
    assert out == b"Account 1 (ann) is made.\n"
    assert b"horse" not in seen
    assert b"something" not in seen
    assert _fits(PASSWORD)


def _read_until(terminal: int, question: bytes) -> bytes:
    seen = b""
    while not seen.endswith(question):
        assert select.select([terminal], [], [], 20)[0], seen
        seen += os.read(terminal, 1024)
    return seen


def test_the_list_is_a_table_for_people(ann: Run) -> None:
    ann("users", "create", "--email", "bob.the.second@example.org", "--staff", "--password-stdin", stdin=PASSWORD)
    ann("users", "deactivate", "ann")
    lines = ann("users", "list").stdout.splitlines()
    assert [re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "WHEN", line) for line in lines] == [
        "id  username  email                       state        confirmed  staff  created",
        "1   ann       ann@example.org             deactivated  yes        no     WHEN",
        "2   -         bob.the.second@example.org  active       yes        yes    WHEN",
    ]


def test_the_list_is_an_array_for_scripts(ann: Run) -> None:
    ann(*_create("bob"), stdin=PASSWORD)
    listed = json.loads(ann("users", "list", "--json").stdout)
    assert listed == [_shown(ann, "ann"), _shown(ann, "bob")]


def test_what_people_put_into_an_address_cannot_write_on_the_operators_terminal(cli: Run) -> None:
    nasty = '"\x1b[2J"@example.org'
    done = cli("users", "create", "--email", nasty, "--password-stdin", stdin=PASSWORD)
    assert done.stdout == 'Account 1 ("\\u001b[2J"@example.org) is made.\n'
    for words in (["list"], ["list", "--json"], ["show", "1"], ["show", "1", "--json"], ["delete", "1", "--yes"]):
        shown = cli("users", *words).output
        assert "\\u001b[2J" in shown
        assert "\x1b" not in shown


@pytest.mark.parametrize("who", ["1", "ann", "ANN", "ann@example.org", "Ann@Example.org"])
def test_an_account_is_found_by_id_name_and_address(ann: Run, who: str) -> None:
    assert ann("users", "deactivate", who).stdout == "Account 1 (ann) is deactivated.\n"
    assert _shown(ann, who)["state"] == "deactivated"
    assert ann("users", "activate", who).stdout == "Account 1 (ann) is active.\n"
    assert _shown(ann, who)["state"] == "active"


def test_an_account_is_shown_in_words(ann: Run) -> None:
    shown = ann("users", "show", "ann").stdout
    assert "username        ann\n" in shown
    assert "email confirmed yes\n" in shown
    assert "signed in at    -\n" in shown
    assert "password" not in shown


@pytest.mark.parametrize("who", ["zoe", "2", "99999999999999999999", "zoe@example.org", "'; DROP TABLE users"])
def test_nobody_of_that_name_is_told_with_exit_code_1(ann: Run, who: str) -> None:
    for command in ("show", "activate", "deactivate", "delete"):
        done = ann("users", command, who)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == f"Error: There is no account {who}.\n"
    assert ann("users", "set-password", who, "--password-stdin", stdin=PASSWORD).exit_code == 1


def test_an_empty_name_is_nobodys(ann: Run) -> None:
    assert ann("users", "deactivate", "").stderr == "Error: There is no such account.\n"


def test_a_new_password_is_judged_and_takes_the_place_of_the_old_one(ann: Run) -> None:
    done = ann("users", "set-password", "ann", "--password-stdin", stdin="ann@example")
    assert (done.exit_code, done.stderr) == (1, "Error: The password is too similar to the address.\n")
    assert _fits(PASSWORD)
    done = ann("users", "set-password", "ann", "--password-stdin", stdin="quite another horse")
    assert (done.exit_code, done.stdout) == (0, "Account 1 (ann) has a new password.\n")
    assert _fits("quite another horse")


def test_deleting_asks_first(ann: Run) -> None:
    done = ann("users", "delete", "ann", stdin="n\n")
    assert done.exit_code == 1
    assert "Delete account 1 (ann) for good? [y/N]" in done.stderr
    assert ann("users", "delete", "ann", stdin="").exit_code == 1
    assert _shown(ann, "ann")["id"] == 1
    done = ann("users", "delete", "ann", stdin="y\n")
    assert (done.exit_code, done.stdout) == (0, "Account 1 (ann) is deleted.\n")
    assert ann("users", "show", "ann").exit_code == 1


def test_a_deleted_accounts_id_is_never_given_again(ann: Run) -> None:
    assert ann("users", "delete", "1", "--yes").exit_code == 0
    assert ann(*_create("ann"), stdin=PASSWORD).stdout == "Account 2 (ann) is made.\n"


# --- database, settings, openapi -----------------------------------------------------------------------------------


def test_the_database_says_whether_it_is_up_to_date_and_is_brought_there(empty: Run) -> None:
    before = empty("database", "status")
    assert before.exit_code == 1
    assert before.stdout.startswith("sqlite:///auth.db has no tables yet and needs those of ")
    assert not Path("auth.db").exists()
    assert empty("database", "upgrade").exit_code == 0
    told = json.loads(empty("database", "status", "--json").stdout)
    assert told == {"url": "sqlite:///auth.db", "current": told["head"], "head": told["head"], "is_current": True}
    after = empty("database", "status")
    assert (after.exit_code, after.stdout) == (0, f"sqlite:///auth.db is up to date ({told['head']}).\n")
    assert empty("database", "upgrade").stdout == f"The database is up to date ({told['head']}).\n"


@pytest.mark.parametrize("words", [["users", "list"], ["database", "upgrade"], ["database", "status"]], ids=" ".join)
def test_a_database_that_is_none_is_told_in_a_sentence_and_left_alone(empty: Run, words: list[str]) -> None:
    Path("letter.txt").write_text("Dear Ann, this is no database. " * 100)
    done = empty(*words, DATABASE_URL="sqlite:///letter.txt")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")
    assert "letter.txt" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert Path("letter.txt").read_text() == "Dear Ann, this is no database. " * 100


def test_a_folder_that_does_not_exist_is_told_in_a_sentence(empty: Run) -> None:
    done = empty("users", "list", DATABASE_URL="sqlite:///no/such/folder/auth.db")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no/such/folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_settings_are_shown_with_meaning_default_and_present_value_but_no_secret(empty: Run) -> None:
    Path(".env").write_text("SITE_NAME=Elsewhere\nHIDE_USERS=0\n")
    key = "a-key-of-at-least-32-bytes-that-nobody-may-see"
    secrets = {"SECRET_KEY": key, "MAIL_URL": "smtp://ann:hunter2@mx.example.org"}
    shown = empty("settings", **secrets)
    assert shown.exit_code == 0
    assert "HIDE_USERS = 0  (default: 1)\n    People who are not staff see nobody" in shown.stdout
    assert "SITE_NAME = Elsewhere  (default: auth-service)\n" in shown.stdout
    assert "SECRET_KEY = set" in shown.stdout
    assert "smtp://***@mx.example.org" in shown.stdout
    told = {one.pop("name"): one for one in json.loads(empty("settings", "--json", **secrets).stdout)}
    assert told["JWT_ACCESS_TOKEN_LIFETIME"] == {
        "meaning": "How long an access token is good.",
        "default": "15m",
        "value": "15m",
    }
    assert len(told) == len(Settings.__struct_fields__)
    for secret in (key, "hunter2"):
        assert secret not in shown.output + json.dumps(told)


def test_the_openapi_document_is_printed_without_touching_a_database(empty: Run, tmp_path: Path) -> None:
    done = empty("openapi")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["openapi"].startswith("3.1.")
    assert "/auth/users/" in document["paths"]
    assert list(tmp_path.iterdir()) == []


# --- serve ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cli")
def test_the_service_serves_until_told_to_stop() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    serving = _process("-m", "auth_service", "serve", "--port", str(port), stderr=subprocess.STDOUT)
    try:
        assert _answers(f"http://127.0.0.1:{port}/health", serving) == 200
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(timeout=20) == 0
    finally:
        serving.kill()
        serving.communicate()


def _answers(url: str, serving: "subprocess.Popen[bytes]") -> int:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and serving.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
                status: int = answer.status
                return status
        except URLError:
            time.sleep(0.05)
    return 0


@pytest.mark.usefixtures("cli")
def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serving = _process("-m", "auth_service", "serve", "--port", str(port))
        out, err = serving.communicate(timeout=20)
    assert (serving.returncode, out) == (1, b"")
    assert re.fullmatch(rb"Error: [^\n]* %d[^\n]*\.[^\n]*\n" % port, err)


# --- mail ------------------------------------------------------------------------------------------------------------


def test_a_preview_is_every_mail_in_every_language_as_text_html_and_source(empty: Run, tmp_path: Path) -> None:
    done = empty("mail", "preview", "mails", SITE_NAME="Quay 7", ACCENT_COLOR="#ffd60a")
    assert done.exit_code == 0, done.stderr
    made = [file for file in (tmp_path / "mails").rglob("*") if file.is_file()]
    assert done.stdout == f"{len(made)} files are in mails.\n"
    assert {file.parent.name for file in made} == set(LANGUAGES)
    assert {kind for kind in get_args(MailKind) if not (tmp_path / "mails" / "de" / f"{kind}.eml").exists()} == set()
    assert {file.suffix for file in made} == {".txt", ".html", ".eml"}
    button = (tmp_path / "mails" / "ar" / "password_reset.html").read_text("utf-8")
    assert 'dir="rtl"' in button
    assert "background-color: #ffd60a" in button
    assert "Quay 7" in (tmp_path / "mails" / "zh" / "activation.txt").read_text("utf-8")


def test_a_preview_may_be_of_some_languages_only(empty: Run, tmp_path: Path) -> None:
    assert empty("mail", "preview", "mails", "--language", "fr", "--language", "pl").exit_code == 0
    assert {folder.name for folder in (tmp_path / "mails").iterdir()} == {"fr", "pl"}


def test_a_slip_in_a_template_of_ones_own_is_told_by_the_preview_and_stops_the_start(
    empty: Run, tmp_path: Path
) -> None:
    (tmp_path / "own" / "mail").mkdir(parents=True)
    (tmp_path / "own" / "mail" / "layout.txt").write_text("one\n{{ nmae }}")
    for words in (["mail", "preview", "mails"], ["serve", "--port", "1"]):
        done = empty(*words, TEMPLATES_DIR="own")
        assert done.exit_code == 1
        assert "'nmae' is undefined, in " in done.stderr
        assert "layout.txt line 2." in done.stderr


def test_a_folder_that_takes_no_files_is_told(empty: Run, tmp_path: Path) -> None:
    (tmp_path / "mails").mkdir()
    (tmp_path / "mails" / "en").write_text("a file")
    done = empty("mail", "preview", "mails")
    assert done.exit_code == 1
    assert "The folder mails takes no files: " in done.stderr
