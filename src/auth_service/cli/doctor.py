"""`auth-service doctor`: what should not stay as it is."""

import asyncio

import click

from auth_service.cli.terminal import given_settings, print_json, told
from auth_service.doctor import Finding, examine


@click.command(epilog="Example: auth-service doctor --host 0.0.0.0 || auth-service settings")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address that serve would listen on.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def doctor(*, host: str, as_json: bool) -> None:
    """Look for settings that are dangerous or unwise together; exit code 1 where there are any."""
    settings = given_settings()
    found = examine(settings, host=host)
    with told() as wiring:
        status = asyncio.run(wiring.database_status(settings))
    if not status.is_current and settings.sqlite_file is None:
        sentence = f"{status.url} does not have the tables this version needs."
        found.append(Finding("dangerous", "DATABASE_URL", sentence, "Run: auth-service database upgrade"))
    if as_json:
        print_json([finding._asdict() for finding in found])
    elif not found:
        click.echo("Nothing is wrong with these settings.")
    for finding in () if as_json else found:
        mark = click.style(finding.weight, fg="red" if finding.weight == "dangerous" else "yellow", bold=True)
        click.echo(f"{mark}: {finding.sentence}\n    {finding.remedy}")
    if found:
        raise click.exceptions.Exit(1)
