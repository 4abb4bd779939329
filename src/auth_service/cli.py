"""The command line `auth-service`: exit code 0 is done, 1 refused, 2 a wrong command line or wrong settings.

What carries a command out is imported when it runs: asking for help must not wait for a web framework.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import click
import msgspec
import structlog

from auth_service.domain.errors import Busy, InvalidInput, NotFound, Problem, Refusal
from auth_service.domain.model import User
from auth_service.domain.people import People
from auth_service.settings import Settings, SettingsError, describe, present_settings

_AT_ONCE: Final = 500

_FIELDS: Final = {"email": "address"}
_PROBLEMS: Final = {
    "username_characters": "The username may hold only letters and digits of any script, and @ . + - or _.",
    "email_form": "The address is none: it looks like name@example.org.",
    "taken": "The {field} belongs to another account.",
    "too_long": "The {field} is longer than {about} characters.",
    "password_similar": "The password is too similar to the {about}.",
    "password_short": "The password is shorter than {about} characters.",
    "password_common": "The password is one of the commonest there are.",
    "password_numeric": "The password is nothing but digits.",
}


class _WrongSettings(click.ClickException):
    """The settings cannot be honoured: nothing was started."""

    exit_code = 2


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="What can be set, and what is set now, is told by: auth-service settings",
)
@click.version_option(package_name="auth-service", prog_name="auth-service")
def main() -> None:
    """Register people, confirm their address, sign them in and look after their tokens."""


@main.command(epilog="Example: auth-service serve --host 0.0.0.0 --port 8000")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65_535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 512), help="How many processes serve.")
@click.option("--reload", is_flag=True, help="For development: start anew whenever the code changes.")
def serve(*, host: str, port: int, workers: int, reload: bool) -> None:
    """Serve until told to stop."""
    if reload and workers > 1:
        raise click.UsageError("--reload goes with one worker only.")
    settings = _settings()
    # Being told to stop is no failure: the server raises the signal again once it has closed everything.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _told() as wiring:
        wiring.serve(settings, host=host, port=port, workers=workers, reload=reload)


@main.command("settings", epilog="Example: HIDE_USERS=0 auth-service settings")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def show_settings(*, as_json: bool) -> None:
    """Print all settings: what they mean and what they are.

    Settings come from the environment and, where that is silent, from the file .env in this folder. Secrets are hidden.
    """
    described = describe(_settings())
    if as_json:
        _print_json([one._asdict() for one in described])
        return
    for one in described:
        default = "" if one.value == one.default else click.style(f"  (default: {one.default})", dim=True)
        click.echo(f"{click.style(one.name, bold=True)} = {_plain(one.value)}{default}\n    {one.meaning}")


@main.command(epilog="Example: auth-service openapi > openapi.json")
def openapi() -> None:
    """Print the OpenAPI 3.1 document of everything that is served."""
    settings = _settings()
    with _told() as wiring:
        _print_json(wiring.openapi(settings))


@main.group()
def database() -> None:
    """Bring the database up to date, or see whether it is."""


@database.command(epilog="Example: DATABASE_URL=sqlite:////srv/auth.db auth-service database upgrade")
def upgrade() -> None:
    """Bring the tables to what this version needs; nothing happens where they are."""
    settings = _settings()
    with _told() as wiring:
        click.echo(f"The database is up to date ({asyncio.run(wiring.upgrade_database(settings))}).")


@database.command(epilog="Example: auth-service database status || auth-service database upgrade")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(*, as_json: bool) -> None:
    """Say which tables the database has, and which this version needs; exit code 1 where they differ."""
    settings = _settings()
    with _told() as wiring:
        found = asyncio.run(wiring.database_status(settings))
    if as_json:
        _print_json({"url": found.url, "current": found.current, "head": found.head, "is_current": found.is_current})
    elif found.is_current:
        click.echo(f"{found.url} is up to date ({found.head}).")
    else:
        has = f"has the tables of {found.current}" if found.current else "has no tables yet"
        click.echo(f"{found.url} {has} and needs those of {found.head}: run auth-service database upgrade.")
    if not found.is_current:
        raise click.exceptions.Exit(1)


@main.group()
def users() -> None:
    """Make, find and change accounts. WHO is an id, an address or a username."""


def _readable(_: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """Refuse bytes that are no UTF-8: nobody is called that, and no database would take it."""
    if text is not None and not _is_utf8(text):
        raise click.BadParameter("it is not UTF-8.", param=option)
    return text


_who = click.argument("who", callback=_readable)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from the first line of standard input; do not ask."
)


@users.command(epilog="Example: pass show ann | auth-service users create --email ann@example.org --password-stdin")
@click.option("--username", callback=_readable, help="The name to sign in with; may be left out.")
@click.option("--email", required=True, callback=_readable, help="The address; counts as confirmed.")
@click.option("--staff", is_flag=True, help="Staff see and manage all accounts.")
@_password_stdin
@_as_json
def create(*, username: str | None, email: str, staff: bool, password_stdin: bool, as_json: bool) -> None:
    """Make an account that may sign in at once. No mail is sent."""
    settings = _settings()
    password = _password(from_stdin=password_stdin)

    async def made(people: People) -> None:
        user = await people.create(username=username, email=email, password=password, staff=staff)
        if as_json:
            _print_json(_as_object(user))
        else:
            click.echo(f"Account {_named(user)} is made{' for staff' if staff else ''}.")

    _with_people(settings, made)


@users.command("list", epilog="Example: auth-service users list --json | jq '.[] | select(.is_staff)'")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_users(*, as_json: bool) -> None:
    """Print all accounts in order of id."""

    async def listed(people: People) -> None:
        everybody = _in_batches(people.everybody())
        await (_print_array(everybody) if as_json else _print_table(everybody))

    _with_people(_settings(), listed)


@users.command(epilog="Example: auth-service users show ann@example.org")
@_who
@_as_json
def show(*, who: str, as_json: bool) -> None:
    """Print all about an account but its password."""

    async def shown(people: People) -> None:
        facts = _as_object(await people.find(who))
        if as_json:
            _print_json(facts)
            return
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):<16}{_in_words(value)}")

    _with_people(_settings(), shown, who)


@users.command(epilog="Example: auth-service users activate ann")
@_who
def activate(*, who: str) -> None:
    """Let somebody sign in: a newcomer whose mail is lost, or somebody who was shut out."""

    async def activated(people: People) -> None:
        click.echo(f"Account {_named(await people.activate(who))} is active.")

    _with_people(_settings(), activated, who)


@users.command(epilog="Example: auth-service users deactivate 7")
@_who
def deactivate(*, who: str) -> None:
    """Shut somebody out: every sign-in ends, and no mail lets them in again."""

    async def deactivated(people: People) -> None:
        click.echo(f"Account {_named(await people.deactivate(who))} is deactivated.")

    _with_people(_settings(), deactivated, who)


@users.command(epilog="Example: pass show ann | auth-service users set-password ann --password-stdin")
@_who
@_password_stdin
def set_password(*, who: str, password_stdin: bool) -> None:
    """Give somebody a new password; every sign-in ends."""
    settings = _settings()
    password = _password(from_stdin=password_stdin)

    async def changed(people: People) -> None:
        click.echo(f"Account {_named(await people.set_password(who, password))} has a new password.")

    _with_people(settings, changed, who)


@users.command(epilog="Example: auth-service users delete ann@example.org --yes")
@_who
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, who: str, yes: bool) -> None:
    """Remove an account with all its sign-ins, for good."""

    async def deleted(people: People) -> None:
        user = await people.find(who)
        if not yes:
            click.confirm(f"Delete account {_named(user)} for good?", abort=True, err=True)
        # By id: whoever was found and confirmed is deleted, and nobody who took the name meanwhile.
        await people.delete(str(user.id))
        click.echo(f"Account {_named(user)} is deleted.")

    _with_people(_settings(), deleted, who)


def _settings() -> Settings:
    try:
        return present_settings()
    except SettingsError as error:
        raise _WrongSettings(str(error)) from None


def _with_people(settings: Settings, do: Callable[[People], Awaitable[None]], who: str = "") -> None:
    with _told(who) as wiring:
        # What was done is said on the terminal: a log line beside it would spoil the answer for scripts.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

        async def done() -> None:
            async with wiring.open_core(settings) as core:
                await do(core.people)

        asyncio.run(done())


@contextmanager
def _told(who: str = "") -> Iterator[Any]:
    """Give what carries commands out, and turn every refusal into sentences for a terminal."""
    from auth_service import wiring  # noqa: PLC0415 - see the top

    try:
        yield wiring
    except wiring.StartError as error:
        _refuse([str(error)])
    except Refusal as refusal:
        _refuse(_sentences(refusal, who))


def _refuse(sentences: Sequence[str]) -> NoReturn:
    raise click.ClickException("\n".join(sentences)) from None


def _sentences(refusal: Refusal, who: str) -> list[str]:
    match refusal:
        case InvalidInput():
            return [_sentence(problem) for problem in refusal.problems]
        case NotFound():
            return [f"There is no account {_plain(who)}." if who else "There is no such account."]
        case Busy():
            return [f"Too much is going on just now: try again in {refusal.retry_after:g} s."]
        case _:
            return [str(refusal) or f"This was refused ({type(refusal).__name__})."]


def _sentence(problem: Problem) -> str:
    text = _PROBLEMS.get(problem.code, f"The {{field}} cannot be taken ({problem.code}).")
    return text.format(field=_FIELDS.get(problem.field, problem.field), about=_FIELDS.get(problem.about, problem.about))


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            text = sys.stdin.buffer.readline().decode()
        except UnicodeDecodeError:
            raise click.UsageError("The password on standard input is not UTF-8.") from None
    elif sys.stdin.isatty():
        text = click.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    else:
        raise click.UsageError("There is no terminal to ask for the password: use --password-stdin.")
    # Forms and fields strip white space around a password: one kept with it could never be typed.
    text = text.strip()
    if not text or "\0" in text or not _is_utf8(text):
        raise click.UsageError("The password is empty, or holds what no password can.")
    return text


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(text: str) -> str:
    """Return text that moves no cursor and turns no writing round, whatever people put into their address."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def _named(user: User) -> str:
    return f"{user.id} ({_plain(user.username or user.email)})"


def _when(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else None


def _as_object(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "state": user.state,
        "email_confirmed": user.email_confirmed,
        "pending_email": user.pending_email,
        "is_staff": user.is_staff,
        "created_at": _when(user.created_at),
        "signed_in_at": _when(user.signed_in_at),
    }


def _in_words(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case _:
            return _plain(str(value))


async def _in_batches(everybody: AsyncIterator[User]) -> AsyncIterator[list[dict[str, Any]]]:
    """Take accounts some hundred at a time: there may be a million."""
    batch = []
    async for user in everybody:
        batch.append(_as_object(user))
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    yield batch


_COLUMNS: Final = {
    "id": "id",
    "username": "username",
    "email": "email",
    "state": "state",
    "confirmed": "email_confirmed",
    "staff": "is_staff",
    "created": "created_at",
}


async def _print_table(batches: AsyncIterator[list[dict[str, Any]]]) -> None:
    rows = [list(_COLUMNS)]
    widths = [0] * len(_COLUMNS)
    async for batch in batches:
        rows += [[_in_words(facts[name]) for name in _COLUMNS.values()] for facts in batch]
        widths = [max(width, *map(len, column)) for width, column in zip(widths, zip(*rows, strict=True), strict=True)]
        for row in rows:
            click.echo("  ".join(map(str.ljust, row, widths)).rstrip())
        rows = []


async def _print_array(batches: AsyncIterator[list[dict[str, Any]]]) -> None:
    separator = "["
    async for batch in batches:
        for facts in batch:
            click.echo(f"{separator}\n  {msgspec.json.encode(facts).decode()}", nl=False)
            separator = ","
    click.echo("[]" if separator == "[" else "\n]")


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
