"""`auth-service database`: the place where accounts are kept, looked at and brought up to date."""

import asyncio

import click

from auth_service.cli.terminal import given_settings, print_json, told


@click.group()
def database() -> None:
    """Bring the database up to date, or see whether it is."""


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
