"""`auth-service users`: accounts made, found and changed by an operator."""

import sys
from typing import Any, Final

import click

from auth_service.cli.tables import print_list
from auth_service.cli.terminal import given_settings, in_words, is_utf8, named, print_json, readable, when, with_core
from auth_service.domain.core import Core
from auth_service.domain.model import User


@click.group()
def users() -> None:
    """Make, find and change accounts. WHO is an id, an address or a username."""


who = click.argument("who", callback=readable)
as_json = click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Take the password from the first line of standard input; do not ask."
)


@users.command(epilog="Example: pass show ann | auth-service users create --email ann@example.org --password-stdin")
@click.option("--username", callback=readable, help="The name to sign in with; may be left out.")
@click.option("--email", required=True, callback=readable, help="The address; counts as confirmed.")
@click.option("--staff", is_flag=True, help="Staff see and manage all accounts.")
@_password_stdin
@as_json
def create(*, username: str | None, email: str, staff: bool, password_stdin: bool, as_json: bool) -> None:
    """Make an account that may sign in at once. No mail is sent."""
    settings = given_settings()
    password = _password(from_stdin=password_stdin)

    async def made(core: Core) -> None:
        user = await core.people.create(username=username, email=email, password=password, staff=staff)
        if as_json:
            print_json(_as_object(user))
        else:
            click.echo(f"Account {named(user)} is made{' for staff' if staff else ''}.")

    with_core(settings, made)


@users.command("list", epilog="Example: auth-service users list --json | jq '.[] | select(.is_staff)'")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_users(*, as_json: bool) -> None:
    """Print all accounts in order of id."""

    async def listed(core: Core) -> None:
        everybody = (_as_object(user) async for user in core.people.everybody())
        await print_list(everybody, _COLUMNS, as_json=as_json)

    with_core(given_settings(), listed)


@users.command(epilog="Example: auth-service users show ann@example.org")
@who
@as_json
def show(*, who: str, as_json: bool) -> None:
    """Print all about an account but its password."""

    async def shown(core: Core) -> None:
        facts = _as_object(await core.people.find(who))
        if as_json:
            print_json(facts)
            return
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):<16}{in_words(value)}")

    with_core(given_settings(), shown, who)


@users.command(epilog="Example: auth-service users activate ann")
@who
def activate(*, who: str) -> None:
    """Let somebody sign in: a newcomer whose mail is lost, or somebody who was shut out."""

    async def activated(core: Core) -> None:
        click.echo(f"Account {named(await core.people.activate(who))} is active.")

    with_core(given_settings(), activated, who)


@users.command(epilog="Example: auth-service users deactivate 7")
@who
def deactivate(*, who: str) -> None:
    """Shut somebody out: every sign-in ends, and no mail lets them in again."""

    async def deactivated(core: Core) -> None:
        click.echo(f"Account {named(await core.people.deactivate(who))} is deactivated.")

    with_core(given_settings(), deactivated, who)


@users.command(epilog="Example: pass show ann | auth-service users set-password ann --password-stdin")
@who
@_password_stdin
def set_password(*, who: str, password_stdin: bool) -> None:
    """Give somebody a new password; every sign-in ends."""
    settings = given_settings()
    password = _password(from_stdin=password_stdin)

    async def changed(core: Core) -> None:
        click.echo(f"Account {named(await core.people.set_password(who, password))} has a new password.")

    with_core(settings, changed, who)


@users.command(epilog="Example: auth-service users delete ann@example.org --yes")
@who
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(*, who: str, yes: bool) -> None:
    """Remove an account with all its sign-ins, for good."""

    async def deleted(core: Core) -> None:
        user = await core.people.find(who)
        if not yes:
            click.confirm(f"Delete account {named(user)} for good?", abort=True, err=True)
        # By id: whoever was found and confirmed is deleted, and nobody who took the name meanwhile.
        await core.people.delete(str(user.id))
        click.echo(f"Account {named(user)} is deleted.")

    with_core(given_settings(), deleted, who)


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
    if not text or "\0" in text or not is_utf8(text):
        raise click.UsageError("The password is empty, or holds what no password can.")
    return text


def _as_object(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "state": user.state,
        "email_confirmed": user.email_confirmed,
        "pending_email": user.pending_email,
        "is_staff": user.is_staff,
        "created_at": when(user.created_at),
        "signed_in_at": when(user.signed_in_at),
    }


_COLUMNS: Final = {
    "id": "id",
    "username": "username",
    "email": "email",
    "state": "state",
    "confirmed": "email_confirmed",
    "staff": "is_staff",
    "created": "created_at",
}
