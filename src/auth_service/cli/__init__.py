"""The command line `auth-service`: exit code 0 is done, 1 refused, 2 a wrong command line or wrong settings.

A file for each noun; what carries a command out is imported when it runs: asking for help must not wait for a web
framework.
"""

import signal
import sys

import click

from auth_service.cli.database import database
from auth_service.cli.doctor import doctor
from auth_service.cli.hash import hashing
from auth_service.cli.journal import journal
from auth_service.cli.keys import keys
from auth_service.cli.mail import mail
from auth_service.cli.sessions import sessions
from auth_service.cli.terminal import given_settings, plain, print_json, told
from auth_service.cli.users import users
from auth_service.settings import describe


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
    settings = given_settings()
    # Being told to stop is no failure: the server raises the signal again once it has closed everything.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with told() as wiring:
        wiring.serve(settings, host=host, port=port, workers=workers, reload=reload)


@main.command("settings", epilog="Example: HIDE_USERS=0 auth-service settings")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def show_settings(*, as_json: bool) -> None:
    """Print all settings: what they mean and what they are.

    Settings come from the environment and, where that is silent, from the file .env in this folder. Secrets are hidden.
    """
    described = describe(given_settings())
    if as_json:
        print_json([one._asdict() for one in described])
        return
    for one in described:
        default = "" if one.value == one.default else click.style(f"  (default: {one.default})", dim=True)
        click.echo(f"{click.style(one.name, bold=True)} = {plain(one.value)}{default}\n    {one.meaning}")


@main.command(epilog="Example: auth-service openapi > openapi.json")
def openapi() -> None:
    """Print the OpenAPI 3.1 document of everything that is served."""
    settings = given_settings()
    with told() as wiring:
        print_json(wiring.openapi(settings))


for _noun in (users, sessions, journal, keys, mail, database, doctor, hashing):
    main.add_command(_noun)
