"""`auth-service database`: the place where accounts are kept, looked at and brought up to date."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from auth_service.cli.terminal import WrongSettings, given_settings, print_json, readable, refuse, told
from auth_service.settings import SettingsError, read_database_url


@click.group()
def database() -> None:
    """Bring the database up to date, back it up, or move to another."""


@database.command(epilog="Example: DATABASE_URL=sqlite:////srv/auth.db auth-service database upgrade")
def upgrade() -> None:
    """Bring the tables to what this version needs; nothing happens where they are."""
    settings = given_settings()
    with told() as wiring:
        click.echo(f"The database is up to date ({asyncio.run(wiring.upgrade_database(settings))}).")


@database.command(epilog="Example: auth-service database status || auth-service database upgrade")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def status(*, as_json: bool) -> None:
    """Say which tables the database has, and which this version needs; exit code 1 where they differ."""
    settings = given_settings()
    with told() as wiring:
        found = asyncio.run(wiring.database_status(settings))
    if as_json:
        print_json({"url": found.url, "current": found.current, "head": found.head, "is_current": found.is_current})
    elif found.is_current:
        click.echo(f"{found.url} is up to date ({found.head}).")
    else:
        has = f"has the tables of {found.current}" if found.current else "has no tables yet"
        click.echo(f"{found.url} {has} and needs those of {found.head}: run auth-service database upgrade.")
    if not found.is_current:
        raise click.exceptions.Exit(1)


def _address(_: click.Context, argument: click.Parameter, text: str) -> str:
    try:
        return read_database_url(str(argument.human_readable_name), text)
    except SettingsError as error:
        raise WrongSettings(str(error)) from None


@database.command(epilog="Example: auth-service database copy sqlite:///auth.db postgresql://auth@db.example.org/auth")
@click.argument("source", callback=_address)
@click.argument("target", callback=_address)
def copy(*, source: str, target: str) -> None:
    """Move house: copy everything from SOURCE to TARGET, which must be empty.

    Both are addresses like those of DATABASE_URL. Ids stay, so every token and link stays good. Then both are
    compared. A copy that was broken off goes on where it stopped when it is started again. What a service writes
    into SOURCE after the copy has begun is not copied: stop it first. Leave a password to ~/.pgpass, or others on
    this machine can read it.
    """
    # To be told to stop is to be broken off: connections are closed, and the next copy need not wait for that.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with told() as wiring:
        try:
            moved = asyncio.run(wiring.copy_database(source, target, _progress))
        except KeyboardInterrupt:
            refuse(["The copy was broken off. Run it again, and it goes on."])
    for table in moved:
        kept = f", {table.kept} of them copied before" if table.kept else ""
        click.echo(f"{table.table}: {table.rows} rows{kept}, alike on both sides (sha256 {table.digest[:16]})")
    click.echo("Everything is copied.")


@database.command(epilog="Example: auth-service database backup /srv/backup/auth-$(date +%F).db")
@click.argument("file", callback=readable)
def backup(*, file: str) -> None:
    """Put a copy of a SQLite database into FILE, which must not exist; the service may go on serving.

    Whatever was acknowledged before the backup began is in it. Only its owner can read it. The keys that stand in
    files beside the database are not in it: keep them with it.
    """
    settings = given_settings()
    with told() as wiring:
        version = asyncio.run(wiring.back_up_database(settings, Path(file).absolute()))
    click.echo(f"The backup is in {file} (schema {version}).")


@contextmanager
def _progress(what: str, rows: int) -> Iterator[Callable[[int], object]]:
    """Show a bar to whoever looks; what is printed at the end is enough for a file."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    with click.progressbar(length=rows, label=f"{what:<26}") as bar:
        yield bar.update
